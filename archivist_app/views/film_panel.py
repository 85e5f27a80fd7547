"""The left side: a search field and filters, the filmstrip, and a note on the image on screen."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QPoint, Qt, Slot
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QMenu, QPushButton, QToolButton, QVBoxLayout, QWidget

from archivist_app.state.assessing import MOST_STARS, Assessing
from archivist_app.state.filmstrip_filter import Order, Which
from archivist_app.state.session import Session
from archivist_app.views.filmstrip import Filmstrip
from archivist_app.views.parts import dressed, label
from archivist_app.views.theme import GRID, Theme
from engine.types import ProjectItem


class FilmPanel(QWidget):
    """Shows the project's images as they are wished for. `menu` is what a right click on them offers."""

    def __init__(self, session: Session, assessing: Assessing, theme: Theme, menu: QMenu) -> None:
        super().__init__()
        dressed(self, "panel")
        self._session, self._assessing, self._menu = session, assessing, menu
        self._everything: list[QAction] = []  # the choices that hide nothing
        self.strip = Filmstrip(session.shown)
        self.strip.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.strip.customContextMenuRequested.connect(self._offer)
        self.search = dressed(QLineEdit(placeholderText="Find", clearButtonEnabled=True), "search")
        self.search.setObjectName("filmSearch")
        self.search.setAccessibleName("Find images by name or note")
        self.search.textChanged.connect(lambda text: self._want(text=text.strip()))
        self.filter = QToolButton(popupMode=QToolButton.ToolButtonPopupMode.InstantPopup)
        self.filter.setObjectName("filmFilter")
        self.filter.setAccessibleName("Show and sort")
        self.filter.setToolTip("Which images are shown, and in which order")
        self.filter.setMenu(self._make_menu())
        theme.dress(self.filter, "ph.funnel")
        self.nothing = self._make_nothing()
        self.count = label("", "hint")
        self.count.setObjectName("filmCount")
        self.note = dressed(QLineEdit(placeholderText="Note on this image"), "search")
        self.note.setObjectName("noteEdit")
        self.note.setAccessibleName("Note on this image")
        self.note.editingFinished.connect(self._write_note)
        self._lay_out()
        session.item_changed.connect(self._show_item)
        session.decided.connect(self._show_item)
        for changed in (session.shown.layoutChanged, session.shown.modelReset):
            changed.connect(self._show_count)

    def chosen_items(self) -> list[str]:
        """The uuids of the images that are selected, or of the one on screen."""
        item = self._session.item
        return self.strip.selected() or ([item.uuid] if item else [])

    def _lay_out(self) -> None:
        bar = QHBoxLayout()
        bar.setContentsMargins(12, 0, 12, GRID // 2)
        bar.setSpacing(4)
        bar.addWidget(self.search, 1)
        bar.addWidget(self.filter)
        foot = QVBoxLayout()
        foot.setContentsMargins(12, GRID // 2, 12, 0)
        foot.setSpacing(4)
        foot.addWidget(self.count)
        foot.addWidget(self.note)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(bar)
        layout.addWidget(self.strip, 1)
        layout.addWidget(self.nothing, 1)
        layout.addLayout(foot)

    def _make_nothing(self) -> QWidget:
        """What is there where no image fits."""
        words = label("No image fits", "muted")
        words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        everything = dressed(QPushButton("Show all"), "quiet")
        everything.setObjectName("showAllImages")
        everything.setAccessibleName("Show all images")
        everything.clicked.connect(self.show_everything)
        whole = QWidget()
        layout = QVBoxLayout(whole)
        layout.setSpacing(GRID)
        layout.addStretch()
        layout.addWidget(words)
        layout.addWidget(everything, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch()
        whole.hide()
        return whole

    def show_everything(self) -> None:
        """Hide no image any more."""
        self.search.clear()
        for action in self._everything:
            action.trigger()

    def _make_menu(self) -> QMenu:
        menu = QMenu(self)
        for title, choices, name in (("Show", Which, "which"), ("Sort by", Order, "order")):
            menu.addSection(title)
            self._add_choices(menu, [(str(choice).capitalize(), {name: choice}) for choice in choices])
        menu.addSection("At least")
        stars = [("Any number of stars", 0), *((f"{'★' * n}", n) for n in range(1, MOST_STARS + 1))]
        self._add_choices(menu, [(text, {"least_stars": count}) for text, count in stars])
        return menu

    def _add_choices(self, menu: QMenu, choices: list[tuple[str, dict[str, object]]]) -> None:
        group = QActionGroup(menu)
        for number, (text, changes) in enumerate(choices):
            action = QAction(text, menu, checkable=True)
            action.setChecked(number == 0)
            action.setData(changes)
            action.triggered.connect(lambda _checked=False, changes=changes: self._want(**changes))
            group.addAction(action)
            menu.addAction(action)
            if number == 0 and "order" not in changes:
                self._everything.append(action)

    def _want(self, **changes: object) -> None:
        shown = self._session.shown
        shown.wish = replace(shown.wish, **changes)  # type: ignore[arg-type]
        item = self._session.item
        if item is not None:
            self.strip.show_chosen(item.uuid)
        self._show_count()

    @Slot()
    def _show_count(self) -> None:
        shown, every = self._session.shown.rowCount(), self._session.filmstrip.rowCount()
        hiding = self._session.shown.wish.hides
        self.filter.setProperty("active", hiding)
        self.count.setText(f"{shown} of {every} images" if hiding else "")
        self.count.setVisible(hiding and shown > 0)
        self.nothing.setVisible(hiding and not shown)
        self.strip.setVisible(not self.nothing.isVisibleTo(self))

    @Slot(object)
    def _show_item(self, item: ProjectItem) -> None:
        if not self.note.hasFocus() or self.note.property("uuid") != item.uuid:
            self.note.setText(item.note)
            self.note.setCursorPosition(0)
        self.note.setProperty("uuid", item.uuid)
        self.note.setToolTip(item.note)

    @Slot()
    def _write_note(self) -> None:
        uuid = self.note.property("uuid")
        if uuid:
            self._assessing.note(uuid, self.note.text().strip())

    @Slot(QPoint)
    def _offer(self, place: QPoint) -> None:
        if self.strip.indexAt(place).isValid():
            self._menu.popup(self.strip.viewport().mapToGlobal(place))
