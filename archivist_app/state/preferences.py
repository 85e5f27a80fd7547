"""What the window remembers of its user from one run to the next."""

from __future__ import annotations

from base64 import b64decode, b64encode
from pathlib import Path

from PySide6.QtCore import QObject, QSettings, Signal

RECENT = 8  # projects


class Preferences(QObject):
    """Kept in one small file of the user's settings; what cannot be read is as if nothing had been kept."""

    favourites_changed = Signal()

    def __init__(self, path: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._file = QSettings(str(path), QSettings.Format.IniFormat)
        self._favourites = tuple(str(self._file.value("styles/favourites", "")).split())

    @property
    def untouched(self) -> bool:
        """Whether nothing has ever been kept: the program starts for the first time."""
        return not self._file.allKeys()

    @property
    def favourites(self) -> tuple[str, ...]:
        """Ids of the styles somebody gave a star, in the order they did."""
        return self._favourites

    def set_favourite(self, style: str, starred: bool) -> None:
        """Give a style a star, or take it away."""
        if starred != (style in self._favourites):
            others = tuple(other for other in self._favourites if other != style)
            self._favourites = (*others, style) if starred else others
            self._write("styles/favourites", " ".join(self._favourites))
            self.favourites_changed.emit()

    @property
    def pad_shown(self) -> bool:
        """Whether the pad was open."""
        return str(self._file.value("adjust/pad", "")) == "shown"

    def set_pad_shown(self, shown: bool) -> None:
        """Remember whether the pad is open."""
        self._write("adjust/pad", "shown" if shown else "hidden")

    @property
    def keys(self) -> dict[str, str]:
        """Keys that somebody chose, by the action's name; "" for an action that is to have none."""
        self._file.beginGroup("keys")
        found = {name: str(self._file.value(name, "")) for name in self._file.childKeys()}
        self._file.endGroup()
        return found

    def set_key(self, action: str, key: str | None) -> None:
        """Choose an action's key, "" for none; None goes back to the one it came with."""
        if key is None:
            self._file.remove(f"keys/{action}")
            self._file.sync()
        else:
            self._write(f"keys/{action}", key)

    def export_choice(self, project: str) -> str:
        """How a project was exported last, else how anything was; "" where nothing was."""
        own = str(self._file.value(f"exports/{project}", ""))
        return own or str(self._file.value("exports/last", ""))

    def set_export_choice(self, project: str, choice: str) -> None:
        """Remember how a project was exported."""
        self._write(f"exports/{project}", choice)
        self._write("exports/last", choice)

    def folder(self, purpose: str) -> str:
        """Where files were chosen last for that purpose; "" where they never were, or the folder is gone."""
        kept = str(self._file.value(f"folders/{purpose}", ""))
        return kept if kept and Path(kept).is_dir() else ""

    def note_folder(self, purpose: str, folder: str) -> None:
        """Files were chosen there."""
        self._write(f"folders/{purpose}", folder)

    @property
    def recent(self) -> tuple[str, ...]:
        """Folders of the projects that were open last, newest first."""
        text = str(self._file.value("projects/recent", ""))
        return tuple(line for line in text.split("\n") if line)

    def note_project(self, folder: str) -> None:
        """A project was opened."""
        others = [other for other in self.recent if other != folder]
        self._write("projects/recent", "\n".join([folder, *others][:RECENT]))

    @property
    def layout(self) -> bytes:
        """The window's place and size as Qt tells them; empty where nothing was kept."""
        try:
            return b64decode(str(self._file.value("window/layout", "")))
        except ValueError:  # shortened, or written by hand
            return b""

    @property
    def surround(self) -> str:
        """The name of the surround that was in use; "" for the one the program comes with."""
        return str(self._file.value("window/surround", ""))

    def set_layout(self, layout: bytes, surround: str) -> None:
        """Remember the window's place and size, and its surround."""
        self._write("window/layout", b64encode(layout).decode())
        self._write("window/surround", surround)

    @property
    def monitor(self) -> str:
        """Whose colours pictures are shown in: "" the monitor's own as the system knows them, "srgb", or the path of a
        profile."""
        return str(self._file.value("window/monitor", ""))

    def set_monitor(self, monitor: str) -> None:
        """Remember it."""
        self._write("window/monitor", monitor)

    @property
    def toured(self) -> bool:
        """Whether the hints for beginners were seen or sent away."""
        return str(self._file.value("window/tour", "")) == "seen"

    def end_tour(self) -> None:
        """The hints never come back."""
        self._write("window/tour", "seen")

    def _write(self, key: str, value: str) -> None:
        self._file.setValue(key, value)
        self._file.sync()
