"""The styles with their search, their groups, and a word where there are none; a picture dropped here becomes one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QKeyEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from archivist_app.state.style_search import Group
from archivist_app.state.styles_model import StylesModel
from archivist_app.views.drop_sign import DropSign, Zone
from archivist_app.views.parts import column, dressed, label
from archivist_app.views.style_gallery import StyleGallery
from archivist_app.views.theme import GRID, Theme
from engine.types import StyleCard


@dataclass(frozen=True, slots=True)
class Part:
    """One group of styles: what its button says, what is said of it, and what of it where it is empty."""

    group: Group
    text: str
    hint: str
    many: str
    empty: str = ""


PARTS = (
    Part("all", "All", "All styles", "styles"),
    Part("process", "Processes", "Historical photographic processes", "processes"),
    Part("print", "Prints", "Prints and engravings", "prints"),
    Part("painting", "Paintings", "Paintings", "paintings"),
    Part(
        "own", "Own", "Styles of your own", "styles of your own",
        "No styles of your own yet. Drop a picture here, and its look becomes a style.",
    ),
    Part(
        "favourite", "", "Your favourites", "favourites",
        "No favourites yet. Click the star on a style to keep it here and first among the others.",
    ),
)  # fmt: skip


class SearchField(QLineEdit):
    """Escape empties it, Down and Enter go on to what was found."""

    left_for_results = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        dressed(self, "search")
        self.setObjectName("styleSearch")
        self.setAccessibleName("Search the styles")
        self.setPlaceholderText("Search")
        self.setToolTip("Title, source, or a year: 1860 finds what was in use then (Ctrl+F)")
        self.setClearButtonEnabled(True)
        self.setFixedHeight(26)
        self.setAcceptDrops(False)  # a picture dropped here is meant for the styles

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Everything else is typing."""
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        elif event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.left_for_results.emit()
        else:
            super().keyPressEvent(event)


DROP_WORDS = "Drop to make it a style of your own"


class StylePanel(QWidget):
    """Narrows the gallery down; says which pictures are to become styles."""

    pictures_dropped = Signal(list)  # of paths
    add_wanted = Signal()  # somebody wants to pick pictures

    def __init__(self, gallery: StyleGallery, model: StylesModel, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        dressed(self, "panel")
        self.setObjectName("stylePanel")
        self.setAcceptDrops(True)
        self._gallery = gallery
        self._model = model
        self.search = SearchField()
        self._segments = self._make_segments()
        theme.dress(self._segments["favourite"], "ph.star")
        self._pages = QStackedWidget()
        self._pages.addWidget(gallery)
        self._pages.addWidget(self._make_empty())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, GRID, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(self._make_head(theme))
        layout.addLayout(self._lay_out_segments())
        layout.addWidget(self._pages, 1)
        layout.addWidget(self._make_reason(), 1)
        self._sign = DropSign(self, "styleDropSign")
        for first, second in pairwise((self.search, self._add, *self._segments.values(), gallery)):
            self.setTabOrder(first, second)
        self.search.textChanged.connect(self._narrow)
        self.search.left_for_results.connect(self._go_on)
        model.shown_changed.connect(self._show_shown)
        self._show_shown()

    def look_for(self) -> None:
        """The keys are in the search."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def show_group(self, group: Group) -> None:
        """Show another group of styles."""
        self._segments[group].setChecked(True)
        self._narrow()

    @Slot(object)
    def show_added(self, card: StyleCard) -> None:
        """A style of one's own is new: bring it into view, in its group if it is not among those shown."""
        if self._model.row_of(card.id) < 0:
            self.search.clear()
            self.show_group("own")
        self._gallery.show_style(card.id)

    def show_usable(self, reason: str) -> None:
        """Why no style can be chosen; "" where they can."""
        self._reason.setText(reason)
        self._reason.setVisible(bool(reason))
        for part in (self.search, self._add, *self._segments.values(), self._pages):
            part.setVisible(not reason)

    # making

    def _make_head(self, theme: Theme) -> QHBoxLayout:
        heading = label("Styles", "heading")
        add = self._add = QToolButton()
        add.setObjectName("addStyleButton")
        add.setAccessibleName("Add a style of your own")
        add.setToolTip("Add a style of your own: a picture’s look becomes a style.\nOr drop a picture on the styles.")
        add.clicked.connect(self.add_wanted)
        theme.dress(add, "ph.plus")
        row = QHBoxLayout()
        row.setContentsMargins(2 * GRID, 0, 2 * GRID, 0)
        row.setSpacing(GRID)
        row.addWidget(heading)
        row.addSpacing(GRID)
        row.addWidget(self.search, 1)
        row.addWidget(add)
        return row

    def _make_segments(self) -> dict[Group, QPushButton]:
        self._buttons = QButtonGroup(self)
        buttons: dict[Group, QPushButton] = {}
        for part in PARTS:
            button = dressed(QPushButton(part.text), "segment")
            button.setObjectName(f"{part.group}StylesButton")
            button.setCheckable(True)
            button.setToolTip(part.hint)
            button.setAccessibleName(part.hint)
            button.clicked.connect(self._narrow)
            self._buttons.addButton(button)
            buttons[part.group] = button
        buttons["all"].setChecked(True)
        return buttons

    def _lay_out_segments(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(0)
        for button in self._segments.values():
            row.addWidget(button, button.sizeHint().width())
        return row

    def _make_reason(self) -> QWidget:
        self._reason = label("", "muted")
        self._reason.setObjectName("stylesUnusable")
        self._reason.setWordWrap(True)
        self._reason.setContentsMargins(2 * GRID, 0, 2 * GRID, 0)
        self._reason.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._reason.hide()
        return self._reason

    def _make_empty(self) -> QWidget:
        self.empty = label("", "muted")
        self.empty.setObjectName("styleEmpty")
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._way_out = dressed(QPushButton(), "quiet")
        self._way_out.setObjectName("styleWayOut")
        self._way_out.clicked.connect(self._leave_empty)
        page = column((QWidget(), 1), self.empty, self._centred(self._way_out), (QWidget(), 2), spacing=12)
        layout = page.layout()
        if layout is not None:
            layout.setContentsMargins(3 * GRID, 0, 3 * GRID, 0)
        return page

    def _centred(self, widget: QWidget) -> QWidget:
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.addStretch()
        row.addWidget(widget)
        row.addStretch()
        return holder

    # narrowing down

    @property
    def _part(self) -> Part:
        return next(part for part in PARTS if self._segments[part.group].isChecked())

    @Slot()
    def _narrow(self) -> None:
        self._model.show_only(self.search.text(), self._part.group)
        self._gallery.scrollToTop()

    @Slot()
    def _show_shown(self) -> None:
        """The styles, or why there are none and what can be done about it."""
        self._pages.setCurrentIndex(0 if self._model.rowCount() else 1)
        if self._model.rowCount():
            return
        part, query = self._part, self._model.query
        if not query:
            self.empty.setText(part.empty or f"There are no {part.many}.")
            self._way_out.setText("Add a style…" if part.group == "own" else "Show all styles")
            return
        others = self._model.matches_elsewhere()
        words = f"No {part.many} match “{query}”" if part.group != "all" else f"No style matches “{query}”"
        self.empty.setText(f"{words}; {_counted(others)}." if others else f"{words}.")
        self._way_out.setText("Search all styles" if others else "Clear the search")

    @Slot()
    def _leave_empty(self) -> None:
        if not self._model.query and self._part.group == "own":
            self.add_wanted.emit()
        elif self._model.query and not self._model.matches_elsewhere():
            self.search.clear()
            self.search.setFocus()
        else:
            self.show_group("all")

    @Slot()
    def _go_on(self) -> None:
        if self._model.rowCount():
            self._gallery.take_keys()

    # dropping

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Pictures are welcome."""
        if _paths(event):
            event.acceptProposedAction()
            self._sign.show_zones([Zone(self.rect(), DROP_WORDS)])

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """They went elsewhere."""
        self._sign.hide()
        super().dragLeaveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        """Each becomes a style."""
        self._sign.hide()
        paths = _paths(event)
        if paths:
            event.acceptProposedAction()
            self.pictures_dropped.emit(paths)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The sign covers everything."""
        super().resizeEvent(event)
        self._sign.setGeometry(self.rect())


def _paths(event: QDropEvent) -> list[str]:
    return [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]


def _counted(number: int) -> str:
    return "one style of another group does" if number == 1 else f"{number} styles of other groups do"
