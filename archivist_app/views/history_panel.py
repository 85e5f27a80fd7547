"""What was done to the image on screen, and the settings that were kept under a name."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QSignalBlocker, QSize, Qt, Slot
from PySide6.QtGui import QHelpEvent, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolTip,
    QUndoView,
    QVBoxLayout,
    QWidget,
)

from archivist_app.state.session import Session
from archivist_app.views.parts import dressed, label
from archivist_app.views.scenes import dials
from archivist_app.views.theme import GRID
from engine.types import ProjectItem

Index = QModelIndex | QPersistentModelIndex
LINE = 24
SHOWN = 4  # snapshots before their list scrolls


class HistoryPanel(QWidget):
    """One line per undo step, a click goes back to it; below them the snapshots, if there are any."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        dressed(self, "panel")
        self.setObjectName("historyPanel")
        self.setAccessibleName("History")
        self.steps = QUndoView()
        self.steps.setObjectName("historySteps")
        self.steps.setAccessibleName("History of changes")
        self.steps.setEmptyLabel("As opened")
        self.steps.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.steps.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.steps.setItemDelegate(_Elided(self.steps))
        self.steps.setGroup(session.history)
        session.history.indexChanged.connect(self._follow, Qt.ConnectionType.QueuedConnection)
        self.snapshots = SnapshotList(session)
        self._heading = label("Snapshots", "heading")
        self._heading.setContentsMargins(2 * GRID, GRID, 2 * GRID, 4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.steps, 1)
        layout.addWidget(self._heading)
        layout.addWidget(self.snapshots)
        for changed in (session.item_changed, session.snapshots_changed):
            changed.connect(self._show_item)
        self._show_item(session.item)

    @Slot(int)
    def _follow(self, _step: int) -> None:
        """Where the history stands is in view."""
        self.steps.scrollTo(self.steps.currentIndex())

    @Slot(object)
    def _show_item(self, item: ProjectItem | None) -> None:
        self.snapshots.show_item(item)
        some = item is not None and bool(item.snapshots)
        self._heading.setVisible(some)
        self.snapshots.setVisible(some)


class _Elided(QStyledItemDelegate):
    """Lines as wide as the list, which end in "…" where there is more; the tool tip has the rest."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """No wider than it must be."""
        return QSize(1, super().sizeHint(option, index).height())

    def helpEvent(self, event: QHelpEvent, view: QAbstractItemView, option: QStyleOptionViewItem, index: Index) -> bool:
        """The whole line, where it is cut."""
        text = str(index.data() or "")
        cut = option.fontMetrics.horizontalAdvance(text) > view.viewport().width() - 4 * GRID
        QToolTip.showText(event.globalPos(), text if cut else "", view)
        return True


class SnapshotList(QListWidget):
    """Enter or a double-click takes the settings over, F2 renames, Del removes; each can be undone."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._names: tuple[str, ...] = ()
        self.setObjectName("snapshotList")
        self.setAccessibleName("Snapshots")
        self.setToolTip("Double-click: use these settings. F2: rename. Del: remove.")
        self.setEditTriggers(QListWidget.EditTrigger.EditKeyPressed)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._offer)
        self.itemDoubleClicked.connect(lambda _item: self._use())
        self.itemChanged.connect(self._rename)

    def show_item(self, item: ProjectItem | None) -> None:
        """The snapshots of an image."""
        snapshots = item.snapshots if item is not None else ()
        self._names = tuple(snapshot.name for snapshot in snapshots)
        with QSignalBlocker(self):
            self.clear()
            for snapshot in snapshots:
                row = QListWidgetItem(snapshot.name)
                row.setFlags(row.flags() | Qt.ItemFlag.ItemIsEditable)
                row.setToolTip(f"{snapshot.name}\n{dials(snapshot.recipe)}\n{snapshot.created}")
                self.addItem(row)
        self.setFixedHeight(min(len(snapshots), SHOWN) * LINE + GRID)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Use or remove the chosen one."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.state() != QListWidget.State.EditingState:
            self._use()
        elif event.key() == Qt.Key.Key_Delete:
            self._remove()
        else:
            super().keyPressEvent(event)

    def _chosen(self) -> str | None:
        row = self.currentRow()
        return self._names[row] if 0 <= row < len(self._names) else None

    def _use(self) -> None:
        if (name := self._chosen()) is not None:
            self._session.use_snapshot(name)

    def _remove(self) -> None:
        if (name := self._chosen()) is not None:
            self._session.remove_snapshot(name)

    @Slot(QListWidgetItem)
    def _rename(self, item: QListWidgetItem) -> None:
        row = self.row(item)
        if 0 <= row < len(self._names):
            self._session.rename_snapshot(self._names[row], item.text().strip())
            self.show_item(self._session.item)  # a name that is taken or empty is not accepted

    @Slot(QPoint)
    def _offer(self, place: QPoint) -> None:
        item = self.itemAt(place)
        if item is None:
            return
        self.setCurrentItem(item)
        menu = QMenu(self)
        menu.addAction("Use these settings", self._use)
        menu.addAction("Rename", lambda: self.editItem(item))
        menu.addAction("Remove", self._remove)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.viewport().mapToGlobal(place))
