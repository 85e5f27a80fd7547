"""Asks which faces a network is to restore, and for each who decides about it and on what ground."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QFocusEvent, QPalette
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from archivist_app.state.face_marks import FaceMarks
from archivist_app.views.face_board import FaceBoard
from archivist_app.views.parts import dressed, indented, label
from archivist_app.views.theme import GRID
from engine.types import FACE_STRENGTH, ModelCard

SIDE = 320  # width of what stands beside the picture
_WIDTH, _HEIGHT = 1080, 680
_WHY = (
    "The network draws a plausible face in the place of the one photographed: it may show another person. So it is "
    "used on the faces that you mark alone, and the file and the project’s log keep who decided about each, and why."
)


class FaceDialog(QDialog):
    """Cannot be accepted before every face has a person who decides and a ground."""

    def __init__(self, parent: QWidget, marks: FaceMarks, networks: Sequence[ModelCard]) -> None:
        super().__init__(parent)
        self.setObjectName("faceDialog")
        self.setWindowTitle("Restore faces — Archivist")
        self.resize(min(_WIDTH, parent.width() - 4 * GRID), min(_HEIGHT, parent.height() - 4 * GRID))
        self.marks = marks
        self.board = FaceBoard(marks)
        self._rows: list[_Row] = []
        self._make_fields(networks)
        self._lay_out()
        marks.changed.connect(self._show_marks)
        marks.told.connect(self._look)
        marks.chosen_changed.connect(self._show_chosen)
        self._show_marks()
        self.board.setFocus()

    @property
    def model(self) -> str:
        """The id of the network that was chosen."""
        chosen: str = self.network.currentData()
        return chosen

    @property
    def strength(self) -> float:
        """The share of the network's face, 0..1."""
        return self.share.value() / 100

    def _make_fields(self, networks: Sequence[ModelCard]) -> None:
        self.network = QComboBox()
        self.network.setObjectName("faceNetwork")
        self.network.setAccessibleName("Network for faces")
        self.network.setMinimumContentsLength(12)
        self.network.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        for card in networks:
            self.network.addItem(card.title, card.id)
        self.share = indented(QSpinBox(minimum=0, maximum=100, value=round(100 * FACE_STRENGTH), suffix=" %"))
        self.share.setObjectName("faceStrength")
        self.share.setAccessibleName("Strength of the faces")
        self.share.setToolTip("Share of the network’s face; the rest is the face as it was photographed and restored")
        self.more = QPushButton("Mark a face")
        self.more.setObjectName("faceAdd")
        self.more.setToolTip("Marks one in the middle of the picture, to be moved with the arrows (Insert)")
        self.more.setAutoDefault(False)
        self.more.clicked.connect(self._add)
        self._missing = label("", "hint")
        self._missing.setObjectName("faceMissing")
        self._missing.setWordWrap(True)
        self._missing.setMinimumHeight(4 * GRID)
        self._missing.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._cancel = dressed(QPushButton("Cancel"), "quiet")
        self._cancel.setAutoDefault(False)
        self._cancel.clicked.connect(self.reject)
        self.start = dressed(QPushButton("Restore"), "primary")
        self.start.setObjectName("faceStart")
        self.start.setDefault(True)
        self.start.clicked.connect(self.accept)

    def _lay_out(self) -> None:
        why = label(_WHY, "muted")
        why.setWordWrap(True)
        self._list = QVBoxLayout()
        self._list.setContentsMargins(0, 0, GRID, 0)
        self._list.setSpacing(2 * GRID)
        page = dressed(QWidget(), "panel")
        page.setLayout(self._list)
        self._scroll = QScrollArea(widgetResizable=True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(page)
        side = QVBoxLayout()
        side.setSpacing(2 * GRID)
        side.addWidget(why)
        side.addLayout(self._choices())
        side.addWidget(self._scroll, 1)
        side.addWidget(self._missing)
        side.addLayout(self._foot())
        beside = QWidget()
        beside.setFixedWidth(SIDE)
        beside.setLayout(side)
        side.setContentsMargins(0, 0, 0, 0)
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        row.setSpacing(2 * GRID)
        row.addWidget(self.board, 1)
        row.addWidget(beside)

    def _choices(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(2 * GRID)
        grid.setVerticalSpacing(GRID)
        grid.setColumnStretch(1, 1)
        for row, (words, field) in enumerate((("Network", self.network), ("Strength", self.share))):
            grid.addWidget(label(words, "muted"), row, 0)
            grid.addWidget(field, row, 1)
        grid.addWidget(self.more, 2, 1)
        return grid

    def _foot(self) -> QHBoxLayout:
        foot = QHBoxLayout()
        foot.setSpacing(GRID)
        foot.addStretch()
        foot.addWidget(self._cancel)
        foot.addWidget(self.start)
        return foot

    @Slot()
    def _add(self) -> None:
        self.marks.add_in_the_middle()
        self.board.setFocus()

    @Slot()
    def _show_marks(self) -> None:
        """A row a face: rows are made and removed, the words in those that stay stay."""
        while len(self._rows) > len(self.marks.marks):
            row = self._rows.pop()
            self._list.removeWidget(row)
            row.deleteLater()
        while self._list.count() > len(self._rows):
            self._list.takeAt(self._list.count() - 1)
        while len(self._rows) < len(self.marks.marks):
            self._rows.append(_Row(self.marks, len(self._rows)))
            self._list.addWidget(self._rows[-1])
        self._list.addStretch(1)
        for row in self._rows:
            row.refresh()
        self._order_tabs()
        self._look()

    def _order_tabs(self) -> None:
        """The faces come where they are seen, between the choices and the buttons."""
        inner = [part for row in self._rows for part in (row.remove, row.who, row.ground)]
        for before, after in pairwise([self.more, *inner, self._cancel, self.start]):
            QWidget.setTabOrder(before, after)

    @Slot()
    def _show_chosen(self) -> None:
        for number, row in enumerate(self._rows):
            row.show_chosen(number == self.marks.chosen)
        QTimer.singleShot(0, self, self._show_row)  # once a new row has its place

    @Slot()
    def _show_row(self) -> None:
        """The row of the chosen face comes into sight."""
        if 0 <= self.marks.chosen < len(self._rows):
            self._scroll.ensureWidgetVisible(self._rows[self.marks.chosen])

    @Slot()
    def _look(self) -> None:
        fault = self.marks.fault()
        self._missing.setText(fault)
        self.start.setEnabled(not fault)
        self.start.setToolTip(fault)


class _Row(QFrame):
    """What is said of one face."""

    def __init__(self, marks: FaceMarks, number: int) -> None:
        super().__init__()
        self._marks, self._number = marks, number
        name = f"face {number + 1}"
        self._title = QLabel()
        self.remove = QToolButton()
        self.remove.setText("Remove")
        self.remove.setObjectName(f"faceRemove{number + 1}")
        self.remove.setAccessibleName(f"Remove {name}")
        self.remove.clicked.connect(lambda: marks.remove(number))
        self.who = _field(f"faceWho{number + 1}", f"Who decides about {name}", "who decides: a name and a role")
        self.ground = _field(f"faceGround{number + 1}", f"Ground for {name}", "on what ground: a letter, a decision")
        self.who.textEdited.connect(lambda text: marks.say(number, who=text))
        self.ground.textEdited.connect(lambda text: marks.say(number, ground=text))
        for field in (self.who, self.ground):
            field.entered.connect(lambda: marks.choose(number))
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(self.remove)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        column.addLayout(head)
        column.addWidget(self.who)
        column.addWidget(self.ground)

    def refresh(self) -> None:
        """Show the mark of its number as it is now."""
        mark = self._marks.marks[self._number]
        for field, text in ((self.who, mark.who), (self.ground, mark.ground)):
            if field.text() != text:
                field.setText(text)
        self.show_chosen(self._number == self._marks.chosen)

    def show_chosen(self, chosen: bool) -> None:
        """Whether it is the one that hands and keys mean: its name stands in the colour of its rectangle."""
        at = self._marks.marks[self._number].region
        role = QPalette.ColorRole.Highlight if chosen else QPalette.ColorRole.WindowText
        self._title.setForegroundRole(role)
        self._title.setText(f"Face {self._number + 1} · {at.width} × {at.height} px")
        self._title.setToolTip(f"{at.width} × {at.height} pixels of the scan, from {at.x}, {at.y}")


class _Field(QLineEdit):
    """Says when somebody comes to it, so that the picture shows which face it is about."""

    entered = Signal()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """As Qt does, and tell."""
        super().focusInEvent(event)
        self.entered.emit()


def _field(name: str, said: str, hint: str) -> _Field:
    field = dressed(_Field(), "search")
    field.setObjectName(name)
    field.setAccessibleName(said)
    field.setPlaceholderText(hint)
    field.setMaxLength(1000)
    return field
