"""Every style as a thumbnail of the open image: a click chooses, a rest of the mouse or of the keys tries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtCore import QEvent, QModelIndex, QPoint, QRect, QRectF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFocusEvent,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPalette,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QListView, QMenu, QStyle, QStyleOptionViewItem, QWidget

from archivist_app.state.styles_model import StyleRole, StylesModel
from archivist_app.views.lists import LINE, Index, PictureDelegate, PictureList
from archivist_app.views.star import star
from engine.types import Recipe, StyleCard

COLUMNS = 3
LINES = 2  # of a name; a longer one is cut, and whole in its tool tip
MARGIN = 10  # puts the pictures below the heading: each has 4 pixels around it, and a ring
SCROLL_BAR = 12
REST_MS = 250  # how long the mouse or the keys rest on a style before the viewer shows it
STAR = 22  # side of the square around a star


class StyleDelegate(PictureDelegate):
    """Also shows which style is chosen, which one the keys are at, and the favourites' stars."""

    def is_chosen(self, _option: QStyleOptionViewItem, index: Index) -> bool:
        """The ring is the image's own style, wherever the keys have gone since."""
        return bool(index.data(StyleRole.CHOSEN))

    def star_box(self, cell: QRect) -> QRect:
        """Where in a cell the star is."""
        box = self.picture_box(cell)
        return QRect(box.right() - STAR + 1, box.top(), STAR, STAR)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one cell."""
        super().paint(painter, option, index)
        state: QStyle.StateFlag = option.state
        palette: QPalette = option.palette
        focused = bool(state & QStyle.StateFlag.State_HasFocus)
        starred = bool(index.data(StyleRole.FAVOURITE))
        hovered = bool(state & QStyle.StateFlag.State_MouseOver)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if focused and not self.is_chosen(option, index):
            painter.setPen(QPen(palette.color(QPalette.ColorRole.Text), 2))
            painter.drawRoundedRect(QRectF(self.picture_box(option.rect)).adjusted(-2, -2, 2, 2), 4, 4)
        if starred or ((hovered or focused) and index.data(StyleRole.CARD) is not None):
            self._paint_star(painter, QRectF(self.star_box(option.rect)), palette, starred=starred)
        painter.restore()

    def _paint_star(self, painter: QPainter, box: QRectF, palette: QPalette, *, starred: bool) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(0, 0, 0, 150))
        painter.drawEllipse(box.adjusted(2, 2, -2, -2))
        colour = palette.color(QPalette.ColorRole.Highlight) if starred else QColor(255, 255, 255, 220)
        painter.setPen(QPen(colour, 1.2))
        painter.setBrush(colour if starred else Qt.BrushStyle.NoBrush)
        painter.drawPath(star(box.center(), 5.5))


class StyleGallery(PictureList):
    """Says which style somebody chose, which one they want to see for a moment, and which one to remove."""

    chosen = Signal(object)  # StyleCard | None
    tried = Signal(object)  # StyleCard | None: to be shown until `trial_ended`
    trial_ended = Signal()
    removal_wanted = Signal(object)  # StyleCard

    def __init__(self, model: StylesModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("styleGallery")
        self.setAccessibleName("Styles")
        self.setAccessibleDescription(
            "Arrows show a style in the viewer, Enter chooses it, Escape leaves it, F makes it a favourite."
        )
        self._styles = model
        self._quiet = False  # the current row moves without a choice
        self._marked: str | None = None  # the style of the image
        self._trying = False
        self._starring = False  # the button went down on a star
        self._at = QModelIndex()  # what the mouse or the keys rest on
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._try)
        self._look = QTimer(self, singleShot=True, interval=0)
        self._look.timeout.connect(self._tell_seen)
        self.setModel(model)
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setAcceptDrops(False)  # what is dropped here is the panel's
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setViewportMargins(MARGIN, 0, 0, 0)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self._fit_cells(300)
        self.selectionModel().currentChanged.connect(self._choose)
        self.clicked.connect(self._choose)
        self.verticalScrollBar().valueChanged.connect(lambda _value: self._look.start())
        model.shown_changed.connect(self._show_others)

    def show_recipe(self, recipe: Recipe) -> None:
        """Mark the recipe's style without choosing it again; whatever was tried is over."""
        self.end_trial()
        if recipe.style != self._marked:  # a slider moves sixty times a second, and all pictures are painted anew here
            self._marked = recipe.style
            self._go_to_chosen()
            self.viewport().update()

    def show_style(self, style: str) -> None:
        """Bring a style into view, if it is shown at all, without choosing it."""
        index = self._styles.index(self._styles.row_of(style))
        with self._quietly():
            self.setCurrentIndex(index)
        self.scrollTo(index)

    def take_keys(self) -> None:
        """Somebody comes from the search: the keys are at the first style."""
        self.setFocus(Qt.FocusReason.TabFocusReason)
        if self._styles.rowCount():
            with self._quietly():
                self.setCurrentIndex(self._styles.index(0))
            self._come_to(self._styles.index(0))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep three columns."""
        self._fit_cells(self.width() - MARGIN - SCROLL_BAR - 2)
        super().resizeEvent(event)
        self._look.start()

    def _fit_cells(self, width: int) -> None:
        side = max(64, width // COLUMNS)
        cell = QSize(side, side + 6 + LINE * LINES)
        if cell != self.gridSize():
            self.setGridSize(cell)
            self._delegate = StyleDelegate(self, StyleRole.FRAME, cell, fill=True, lines=LINES)
            self.setItemDelegate(self._delegate)

    @Slot()
    def _show_others(self) -> None:
        """The model was reset: the style of the image is the current row again, if it is among those shown."""
        self.end_trial()
        self._go_to_chosen()
        self._look.start()

    def _go_to_chosen(self) -> None:
        chosen = (row for row in range(self._styles.rowCount()) if self._styles.index(row).data(StyleRole.CHOSEN))
        with self._quietly():
            self.setCurrentIndex(self._styles.index(next(chosen, -1)))

    @Slot()
    def _tell_seen(self) -> None:
        """Which rows are in view, so that their pictures come first."""
        pane = self.viewport().rect()
        rows = range(self._styles.rowCount())
        self._styles.look_at([row for row in rows if self.visualRect(self._styles.index(row)).intersects(pane)])

    # choosing

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        self._quiet = True
        try:
            yield
        finally:
            self._quiet = False

    @Slot(QModelIndex)
    def _choose(self, index: QModelIndex, _previous: QModelIndex | None = None) -> None:
        if index.isValid() and not self._quiet:
            self.chosen.emit(index.data(StyleRole.CARD))
            self.end_trial()  # after it, or the viewer would fall back to the old style for a moment

    # trying

    def end_trial(self) -> None:
        """The viewer shows the image's own style again."""
        self._rest.stop()
        self._at = QModelIndex()
        if self._trying:
            self._trying = False
            self.trial_ended.emit()

    def _come_to(self, index: QModelIndex) -> None:
        """The mouse or the keys are at another style, or at none; what is tried stays until the next rest."""
        if not index.isValid():
            self.end_trial()
        elif index != self._at:
            self._at = index
            self._rest.start()

    @Slot()
    def _try(self) -> None:
        if not self._at.isValid():
            return
        if self._at.data(StyleRole.CHOSEN):
            at = self._at
            self.end_trial()
            self._at = at
        else:
            self._trying = True
            self.tried.emit(self._at.data(StyleRole.CARD))

    # hands

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """A mouse that comes to rest on a style tries it."""
        super().mouseMoveEvent(event)
        index = self.indexAt(event.position().toPoint())
        if index != self._at:
            self._come_to(index)
        elif self._rest.isActive():
            self._rest.start()  # still moving
        on_star = self._star_at(event.position().toPoint()).isValid()
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor if on_star else Qt.CursorShape.ArrowCursor)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The left button chooses, or gives a star; the right one has a menu."""
        starred = self._star_at(event.position().toPoint())
        self._starring = event.button() == Qt.MouseButton.LeftButton and starred.isValid()
        if self._starring:
            self.toggle_favourite(starred)
        elif event.button() == Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A press that gave a star chooses nothing when it ends."""
        if not self._starring:
            super().mouseReleaseEvent(event)
        self._starring = False
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """The second press of a double click is a press like any other."""
        self.mousePressEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:
        """A mouse that leaves takes its trial with it."""
        if event.type() == QEvent.Type.Leave:
            self.end_trial()
        return super().viewportEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll; another style comes under the mouse."""
        super().wheelEvent(event)
        self._come_to(self.indexAt(event.position().toPoint()))

    def hideEvent(self, event: QHideEvent) -> None:
        """What is not seen tries nothing."""
        self.end_trial()
        super().hideEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """The keys arrive: where no row was the current one Qt takes the first, which is no choice."""
        with self._quietly():
            super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Keys that go elsewhere take their trial with them, and leave the current row at the image's style."""
        super().focusOutEvent(event)
        if event.reason() != Qt.FocusReason.PopupFocusReason:
            self.end_trial()
            self._go_to_chosen()

    def event(self, event: QEvent) -> bool:
        """F is the gallery's while the keys are there, whatever the window does with it."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _is_star_key(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows try, Enter and Space choose, Escape leaves, F gives a star, Delete removes what is one's own."""
        current, key = self.currentIndex(), event.key()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._choose(current)
        elif key == Qt.Key.Key_Escape and (self._trying or self._at.isValid()):
            self.end_trial()
            self._go_to_chosen()
        elif _is_star_key(event):
            self.toggle_favourite(current)
        elif key == Qt.Key.Key_Delete and _is_own(current):
            self.removal_wanted.emit(current.data(StyleRole.CARD))
        else:
            with self._quietly():
                super().keyPressEvent(event)
            if self.currentIndex() != current:
                self._come_to(self.currentIndex())

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """What can be done with the style under the mouse, or at the keys."""
        by_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        index = self.indexAt(event.pos()) if by_mouse else self.currentIndex()
        if index.isValid():
            where = event.globalPos() if by_mouse else self.viewport().mapToGlobal(self.visualRect(index).center())
            self.menu_for(index).popup(where)

    def menu_for(self, index: QModelIndex) -> QMenu:
        """The context menu of a style; it goes when it closes."""
        card: StyleCard | None = index.data(StyleRole.CARD)
        menu = QMenu(self)
        menu.setObjectName("styleMenu")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Choose", lambda: self.chosen.emit(card))
        if card is not None:
            starred = self._styles.is_favourite(card.id)
            text = "Remove from the favourites" if starred else "Add to the favourites"
            menu.addAction(f"{text}\tF", lambda: self._set_favourite(card, not starred))
        if _is_own(index):
            menu.addSeparator()
            menu.addAction("Remove this style…\tDel", lambda: self.removal_wanted.emit(card))
        return menu

    # favourites

    def toggle_favourite(self, index: QModelIndex) -> None:
        """Give a style a star, or take it away."""
        card: StyleCard | None = index.data(StyleRole.CARD)
        if card is not None:
            self._set_favourite(card, not self._styles.is_favourite(card.id))

    def _set_favourite(self, card: StyleCard, starred: bool) -> None:
        """The style goes to its new place; what is in view stays in view."""
        bar, keys = self.verticalScrollBar(), self.hasFocus() and self.currentIndex().data(StyleRole.CARD) == card
        place = bar.value()
        self.end_trial()
        self._styles.set_favourite(card.id, starred)
        if keys:
            self.show_style(card.id)
        else:
            self.doItemsLayout()
            bar.setValue(place)

    def _star_at(self, position: QPoint) -> QModelIndex:
        """The style whose star is at a place; none for “No style”."""
        index = self.indexAt(position)
        has_star = index.data(StyleRole.CARD) is not None
        if has_star and self._delegate.star_box(self.visualRect(index)).contains(position):
            return index
        return QModelIndex()


def _is_star_key(event: QKeyEvent) -> bool:
    return event.key() == Qt.Key.Key_F and not event.modifiers()


def _is_own(index: QModelIndex) -> bool:
    card: StyleCard | None = index.data(StyleRole.CARD)
    return card is not None and card.group == "own"
