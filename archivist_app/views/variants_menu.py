"""Which snapshots are shown side by side."""

from __future__ import annotations

from PySide6.QtWidgets import QMenu, QWidget

from archivist_app.state.variants import MOST, Variants
from archivist_app.views.scenes import dials


class VariantsMenu(QMenu):
    """One entry a snapshot of the image on screen; at most four are checked."""

    def __init__(self, variants: Variants, parent: QWidget | None = None) -> None:
        super().__init__("Snapshots s&hown", parent)
        self.setObjectName("variantsMenu")
        self.setToolTip(f"At most {MOST} are shown together")
        self._variants = variants
        self.aboutToShow.connect(self.fill)

    def fill(self) -> None:
        """List them as they are now."""
        self.clear()
        for snapshot in self._variants.all:
            action = self.addAction(f"{snapshot.name} · {dials(snapshot.recipe)}")
            action.setCheckable(True)
            action.setChecked(snapshot in self._variants.chosen)
            action.triggered.connect(lambda shown, one=snapshot: self._variants.choose(one, shown))
        if self.isEmpty():
            self.addAction("No snapshots yet: Ctrl+S takes one").setEnabled(False)
