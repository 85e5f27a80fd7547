"""Whose colours pictures are shown in: the monitor's own, sRGB, or those of a profile somebody names."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QAction, QActionGroup, QColorSpace
from PySide6.QtWidgets import QMainWindow, QMenu

from archivist_app.async_tools import Tasks
from archivist_app.state.preferences import Preferences
from archivist_app.views.dialogs import ask_profile
from archivist_app.views.monitor_profile import profile_in, system_profile
from archivist_app.views.pixels import monitor

SRGB = "srgb"


class MonitorMenu(QMenu):
    """Three entries, one of them checked; it also follows the window from one monitor to another."""

    failed = Signal(str)
    changed = Signal()  # pictures are to be painted anew

    def __init__(self, window: QMainWindow, preferences: Preferences, tasks: Tasks) -> None:
        super().__init__("&Colours of this monitor", window)
        self.setObjectName("monitorMenu")
        self._window, self._preferences = window, preferences
        self._name = ""  # of the profile in use
        group = QActionGroup(self)
        self.automatic = self._entry(group, "automaticMonitorAction", "&Automatic")
        self.srgb = self._entry(group, "srgbMonitorAction", "&sRGB: no conversion")
        self.file = self._entry(group, "fileMonitorAction", "Profile from a &file…")
        self.automatic.triggered.connect(lambda: self.choose(""))
        self.srgb.triggered.connect(lambda: self.choose(SRGB))
        self.file.triggered.connect(lambda: tasks.spawn(self._ask()))
        self.aboutToShow.connect(self._tell)

    def choose(self, what: str) -> None:
        """As the preference has it: "", "srgb" or the path of a profile; one that is of no use is not remembered."""
        profile = profile_in(what) if what not in ("", SRGB) else None
        if what not in ("", SRGB) and (profile is None or not monitor.use(profile)):
            name = Path(what).name
            self.failed.emit(f"“{name}” is no profile of a monitor; choose the .icc file it was measured into.")
        else:
            self._preferences.set_monitor(what)
        self.apply()

    def follow(self) -> None:
        """The window is on the screen: from now on it may be moved to another one."""
        handle = self._window.windowHandle()
        if handle is not None:
            handle.screenChanged.connect(self.apply)
        self.apply()

    @Slot()
    def apply(self) -> None:
        """Paint in the colours that were chosen."""
        chosen = self._preferences.monitor
        if chosen == SRGB:
            profile = None
        elif chosen:
            profile = profile_in(chosen)
        else:
            profile = system_profile(self._window.screen())
        monitor.use(profile)
        self._name = QColorSpace.fromIccProfile(profile).description() if profile and monitor.converts else ""
        self._tell()
        self.changed.emit()

    def _tell(self) -> None:
        chosen = self._preferences.monitor
        named = chosen not in ("", SRGB)
        self.automatic.setText(f"&Automatic ({self._name or 'sRGB'})" if not chosen else "&Automatic")
        self.file.setText("Profile from a &file…" + (f" ({Path(chosen).name})" if named else ""))
        for action, is_chosen in ((self.automatic, not chosen), (self.srgb, chosen == SRGB), (self.file, named)):
            action.setChecked(is_chosen)

    async def _ask(self) -> None:
        path = await ask_profile(self._window)
        if path is not None:
            self.choose(path)
        else:
            self._tell()  # the click has checked the entry

    def _entry(self, group: QActionGroup, name: str, text: str) -> QAction:
        action = self.addAction(text)
        action.setObjectName(name)
        action.setCheckable(True)
        group.addAction(action)
        return action
