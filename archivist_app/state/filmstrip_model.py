"""The images of the open project, with thumbnails that are read when they are first looked at."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from archivist_app.bridge import Bridge
from engine.errors import EngineError
from engine.types import Frame, Project, ProjectItem, Recipe

THUMBNAIL = 320  # longest side in pixels; enough for the strip on a screen of twice the density
KEPT = 400  # thumbnails in memory: about 100 MB at the most

Index = QModelIndex | QPersistentModelIndex


class FilmRole(IntEnum):
    """What a row holds beyond its name."""

    ITEM = Qt.ItemDataRole.UserRole + 1
    FRAME = Qt.ItemDataRole.UserRole + 2  # Frame, or None while it is being read
    FAULT = Qt.ItemDataRole.UserRole + 3  # why there is no thumbnail, in a sentence; else ""
    DOUBT = Qt.ItemDataRole.UserRole + 4  # why the master is not what it was, in a sentence; else ""


class FilmstripModel(QAbstractListModel):
    """One row per project item, in the project's order."""

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._project: Project | None = None
        self._items: list[ProjectItem] = []
        self._rows: dict[str, int] = {}  # by uuid
        self._frames: dict[str, Frame | None] = {}  # by uuid, oldest first
        self._faults: dict[str, str] = {}
        self._doubts: dict[str, str] = {}

    def show_project(self, project: Project | None) -> None:
        """Show the items of `project`; thumbnails of the same project are kept."""
        same = project is not None and self._project is not None and project.uuid == self._project.uuid
        self.beginResetModel()
        if not same:
            self._frames.clear()
            self._faults.clear()
            self._doubts.clear()
        else:
            self._forget_moved(project.items if project else ())
        self._project = project
        self._items = list(project.items) if project else []
        self._rows = {item.uuid: row for row, item in enumerate(self._items)}
        self.endResetModel()

    def show_items(self, items: Iterable[ProjectItem]) -> None:
        """Show what was decided about items; their thumbnails stay. Told at once, however many they are."""
        changed = []
        for item in items:
            row = self.row_of(item.uuid)
            if row >= 0 and self._items[row] != item:
                if _looks(self._items[row]) != _looks(item):
                    changed.append(row)
                self._items[row] = item
        if changed:
            self.dataChanged.emit(self.index(min(changed)), self.index(max(changed)))

    def retry(self, uuid: str) -> None:
        """A master that could not be read is there again: its thumbnail is read anew."""
        if self._faults.pop(uuid, ""):
            self._frames.pop(uuid, None)
            self._changed(uuid, FilmRole.FRAME)

    def show_doubt(self, uuid: str, text: str) -> None:
        """A master is not the file that was added, for that reason; "" where it is again."""
        if text != self.doubt(uuid):
            self._doubts[uuid] = text
            self._changed(uuid, FilmRole.DOUBT)

    def doubt(self, uuid: str) -> str:
        """Why the master of an item is not what it was; "" while nothing is known against it."""
        return self._doubts.get(uuid, "")

    def _forget_moved(self, items: tuple[ProjectItem, ...]) -> None:
        """Thumbnails of masters that are others or elsewhere now are read again, and those that could not be."""
        before = {item.uuid: item.source for item in self._items}
        for item in items:
            if item.uuid in self._faults or before.get(item.uuid, item.source) != item.source:
                self._frames.pop(item.uuid, None)
                self._faults.pop(item.uuid, None)

    def row_of(self, uuid: str) -> int:
        """The row of an item, -1 where it is not in the project."""
        return self._rows.get(uuid, -1)

    def item(self, row: int) -> ProjectItem:
        """The item of a row."""
        return self._items[row]

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """How many items there are."""
        return 0 if parent.isValid() else len(self._items)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Name, item, thumbnail or fault of a row; the first look at a thumbnail reads it."""
        if not 0 <= index.row() < len(self._items):
            return None
        item = self._items[index.row()]
        name = name_of(item)
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return name
        if role == Qt.ItemDataRole.AccessibleDescriptionRole:
            return ", ".join(filter(None, (assessment(item), self.doubt(item.uuid))))
        if role == Qt.ItemDataRole.ToolTipRole:
            known = (name, assessment(item), item.note, self.doubt(item.uuid))
            return self._faults.get(item.uuid) or "\n".join(filter(None, known))
        if role == FilmRole.DOUBT:
            return self.doubt(item.uuid)
        if role == FilmRole.ITEM:
            return item
        if role == FilmRole.FAULT:
            return self._faults.get(item.uuid, "")
        if role == FilmRole.FRAME:
            return self._frame(item)
        return None

    def _frame(self, item: ProjectItem) -> Frame | None:
        if item.uuid not in self._frames and self._project is not None:
            self._frames[item.uuid] = None
            while len(self._frames) > KEPT:
                self._frames.pop(next(iter(self._frames)))
            self._read(self._project, item)
        return self._frames.get(item.uuid)

    def _read(self, project: Project, item: ProjectItem) -> None:
        def arrived(frame: Frame) -> None:
            if item.uuid in self._frames:
                self._frames[item.uuid] = frame
                self._changed(item.uuid, FilmRole.FRAME)

        def failed(text: str) -> None:
            self._faults[item.uuid] = text
            self._changed(item.uuid, FilmRole.FAULT)

        try:
            self._bridge.register(project, item)
        except EngineError as error:
            self._faults[item.uuid] = str(error)
            return
        self._bridge.picture(item.source, THUMBNAIL, arrived, failed)

    def _changed(self, uuid: str, role: FilmRole) -> None:
        row = self.row_of(uuid)
        if row >= 0:
            index = self.index(row)
            self.dataChanged.emit(index, index, [role])


def name_of(item: ProjectItem) -> str:
    """The file's name."""
    return item.source.path.replace("\\", "/").rstrip("/").rpartition("/")[2]


def is_edited(item: ProjectItem) -> bool:
    """Whether somebody chose other settings than those every image begins with."""
    return item.recipe != Recipe() or bool(item.snapshots)


def _looks(item: ProjectItem) -> tuple[object, ...]:
    """What a row shows of an item: a moving slider changes the recipe sixty times a second, and nothing of this."""
    return item.source, item.stars, item.decision, item.note, is_edited(item)


def assessment(item: ProjectItem) -> str:
    """Stars and decision in words; "" where there are none."""
    stars = f"{item.stars} star{'s' if item.stars != 1 else ''}" if item.stars else ""
    return ", ".join(filter(None, (item.decision, stars)))
