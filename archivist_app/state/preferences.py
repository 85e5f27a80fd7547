"""What the window remembers of its user from one run to the next."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QSettings, Signal


class Preferences(QObject):
    """Kept in one small file of the user's settings; what cannot be read is as if nothing had been kept."""

    favourites_changed = Signal()

    def __init__(self, path: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._file = QSettings(str(path), QSettings.Format.IniFormat)
        self._favourites = tuple(str(self._file.value("styles/favourites", "")).split())

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

    def _write(self, key: str, value: str) -> None:
        self._file.setValue(key, value)
        self._file.sync()
