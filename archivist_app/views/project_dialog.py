"""Where somebody says whose packages these are and what may leave the house; a window beside the program's."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSignalBlocker, Qt, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from archivist_app.state.project_rules import ProjectRules
from archivist_app.views.parts import dressed, label
from archivist_app.views.theme import GRID

_WIDTH, _HEIGHT = 320, 26  # pixels of a field
_ARCHIVE = (
    "Stands in every package (bag-info.txt and PREMIS). The name also goes into the certificate that signs exports, "
    "when that is made."
)
_APPROVAL = (
    "Nothing is exported that was not approved with just these settings (A approves the image on screen). Who "
    "approved, and when, stands in packages and in the project’s log."
)


class ProjectDialog(QDialog):
    """Every field is kept as soon as it is left; one field is one step that can be undone."""

    def __init__(self, rules: ProjectRules, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("projectDialog")
        self.setWindowTitle("Project settings — Archivist")
        self.setModal(False)
        self._rules = rules
        self.organization = self._line("projectOrganization", "Name of the archive", "organization")
        self.contact = self._line("projectContact", "Contact", "contact")
        self.contact.setPlaceholderText("Whom to ask about a package")
        self.description = self._line("projectDescription", "Description of the packages", "description")
        self.description.setPlaceholderText("“Restoration of …” where nothing is said")
        self.longest = self._number()
        self.with_master = self._box("projectWithMaster", "Put a byte copy of the master into packages")
        self.needs_approval = self._box("projectNeedsApproval", "Export only what a person has approved")
        self.fault = label("", "hint")
        self.fault.setObjectName("projectFault")
        self.fault.setWordWrap(True)
        self._lay_out()
        self._connect()
        self.refresh()

    # building

    def _line(self, name: str, words: str, field: str) -> QLineEdit:
        line = dressed(QLineEdit(), "search")
        line.setObjectName(name)
        line.setAccessibleName(words)
        line.setMinimumSize(_WIDTH, _HEIGHT)

        def keep() -> None:
            line.setModified(False)  # from here on it shows what is kept, also after an undo
            self._rules.edit(f"{words} changed", **{field: line.text().strip()})

        line.editingFinished.connect(keep)
        return line

    def _number(self) -> QSpinBox:
        box = QSpinBox(minimum=0, maximum=100_000, singleStep=500, suffix=" px")
        box.setObjectName("projectLongest")
        box.setAccessibleName("Longer side of access copies at most")
        box.setSpecialValueText("As large as the result")
        box.setKeyboardTracking(False)
        box.setMinimumSize(_WIDTH, _HEIGHT)
        return box

    def _box(self, name: str, words: str) -> QCheckBox:
        box = QCheckBox(words)
        box.setObjectName(name)
        box.setAccessibleName(words)
        return box

    def _lay_out(self) -> None:
        whole = QVBoxLayout(self)
        whole.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        whole.setSpacing(GRID)
        archive = ("Name", self.organization), ("Contact", self.contact), ("Description", self.description)
        whole.addWidget(label("The archive", "heading"))
        whole.addWidget(_explained(_ARCHIVE))
        whole.addLayout(_form(*archive))
        whole.addSpacing(2 * GRID)
        whole.addWidget(label("Packages", "heading"))
        whole.addLayout(_form(("Access copy at most", self.longest)))
        whole.addWidget(self.with_master)
        whole.addSpacing(2 * GRID)
        whole.addWidget(label("Approval", "heading"))
        whole.addWidget(self.needs_approval)
        whole.addWidget(_explained(_APPROVAL))
        whole.addSpacing(GRID)
        whole.addStretch()
        close = dressed(QPushButton("Close"), "primary")
        close.setObjectName("projectClose")
        close.setAutoDefault(False)  # the return key leaves a field, and closes nothing
        close.clicked.connect(self.close)
        foot = QHBoxLayout()
        foot.addWidget(self.fault, 1)
        foot.addWidget(close)
        whole.addLayout(foot)

    def _connect(self) -> None:
        edit = self._rules.edit
        self.longest.valueChanged.connect(lambda value: edit("Size of access copies changed", longest=value))
        self.with_master.toggled.connect(lambda on: edit("Masters in packages" if on else "No masters", with_master=on))
        self.needs_approval.toggled.connect(
            lambda on: edit("Approval demanded" if on else "No approval demanded", needs_approval=on)
        )
        self._rules.changed.connect(self.refresh)
        self.finished.connect(self._leave)

    # showing

    @Slot()
    def refresh(self) -> None:
        """Show the rules as they stand; what is being typed stays."""
        package, hindrance = self._rules.rules.package, self._rules.hindrance
        for line, text in (
            (self.organization, package.organization),
            (self.contact, package.contact),
            (self.description, package.description),
        ):
            if not line.isModified():
                line.setText(text)
        puts: tuple[tuple[QWidget, Callable[[], None]], ...] = (
            (self.longest, lambda: self.longest.setValue(package.longest)),
            (self.with_master, lambda: self.with_master.setChecked(package.with_master)),
            (self.needs_approval, lambda: self.needs_approval.setChecked(self._rules.rules.needs_approval)),
        )
        for widget, put in puts:
            with QSignalBlocker(widget):
                put()
        for widget in (self.organization, self.contact, self.description, *(one for one, _ in puts)):
            widget.setEnabled(not hindrance)
        self.fault.setText(hindrance or "Kept as soon as a field is left; undo takes it back.")

    def _leave(self) -> None:
        """A field that still has the focus is left too."""
        for line in (self.organization, self.contact, self.description):
            if line.isModified():
                line.editingFinished.emit()


def _form(*rows: tuple[str, QWidget]) -> QFormLayout:
    form = QFormLayout()
    form.setHorizontalSpacing(2 * GRID)
    form.setVerticalSpacing(GRID)
    form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    for words, widget in rows:
        title = label(words, "muted")
        title.setMinimumSize(130, _HEIGHT)
        form.addRow(title, widget)
    return form


def _explained(words: str) -> QWidget:
    text = label(words, "hint")
    text.setWordWrap(True)
    return text
