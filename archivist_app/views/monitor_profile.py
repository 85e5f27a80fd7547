"""The colour profile that the system keeps for a monitor: asked of X11, Windows and macOS themselves, through ctypes.

Wayland tells it to nobody so far; there, and wherever a system answers nothing, a person can name the file.
"""

from __future__ import annotations

import ctypes
import logging
import sys
from ctypes import byref, c_char_p, c_double, c_int, c_long, c_uint32, c_ulong, c_void_p
from pathlib import Path
from typing import Any

from PySide6.QtGui import QGuiApplication, QScreen

log = logging.getLogger(__name__)

_MOST = 16 << 20  # bytes of a profile


def system_profile(screen: QScreen) -> bytes | None:
    """The ICC profile of a screen; None where the system knows none, or none can be asked."""
    try:
        if sys.platform == "win32":
            return _of_windows(screen)
        if sys.platform == "darwin":
            return _of_macos(screen)
        if QGuiApplication.platformName() == "xcb":
            return _of_x11(QGuiApplication.screens().index(screen))
    except (OSError, AttributeError, ValueError, ctypes.ArgumentError) as error:
        log.info("no monitor profile: %s", error)
    return None


def profile_in(path: str) -> bytes | None:
    """A profile from a file; None where it cannot be read or is too long to be one."""
    try:
        data = Path(path).read_bytes() if Path(path).stat().st_size <= _MOST else b""
    except OSError:
        return None
    return data if data[36:40] == b"acsp" else None


def _of_x11(number: int, name: bytes | None = None) -> bytes | None:
    """The property that calibration programs put on the root window: `_ICC_PROFILE`, `_ICC_PROFILE_1` ..."""
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype, x11.XOpenDisplay.argtypes = c_void_p, [c_char_p]
    x11.XDefaultRootWindow.restype, x11.XDefaultRootWindow.argtypes = c_ulong, [c_void_p]
    x11.XInternAtom.restype, x11.XInternAtom.argtypes = c_ulong, [c_void_p, c_char_p, c_int]
    x11.XFree.argtypes = x11.XCloseDisplay.argtypes = [c_void_p]
    x11.XGetWindowProperty.argtypes = [
        c_void_p, c_ulong, c_ulong, c_long, c_long, c_int, c_ulong, *[c_void_p] * 5,
    ]  # fmt: skip
    display = x11.XOpenDisplay(name)
    if not display:
        return None
    try:
        atom = x11.XInternAtom(display, b"_ICC_PROFILE" + (b"_%d" % number if number else b""), True)
        return _property(x11, display, atom) if atom else None
    finally:
        x11.XCloseDisplay(display)


def _property(x11: Any, display: int, atom: int) -> bytes | None:
    kind, width, count, left, data = c_ulong(), c_int(), c_ulong(), c_ulong(), c_void_p()
    answers = [byref(value) for value in (kind, width, count, left, data)]
    root, any_type = x11.XDefaultRootWindow(display), 0
    failed = x11.XGetWindowProperty(display, root, atom, 0, _MOST // 4, False, any_type, *answers)
    if failed or not data.value:
        return None
    found = ctypes.string_at(data.value, count.value) if width.value == 8 else b""
    x11.XFree(data)
    return found or None


def _of_windows(screen: QScreen) -> bytes | None:
    user, gdi = ctypes.WinDLL("user32"), ctypes.WinDLL("gdi32")  # type: ignore[attr-defined,unused-ignore]

    class Info(ctypes.Structure):
        """MONITORINFOEXW."""

        _fields_ = (
            ("size", c_uint32), ("whole", c_int * 4), ("work", c_int * 4), ("flags", c_uint32),
            ("device", ctypes.c_wchar * 32),
        )  # fmt: skip

    class Point(ctypes.Structure):
        _fields_ = (("x", c_long), ("y", c_long))

    corner = screen.geometry().topLeft()  # which Qt leaves in the pixels of the system
    user.MonitorFromPoint.restype, user.MonitorFromPoint.argtypes = c_void_p, [Point, c_uint32]
    user.GetMonitorInfoW.argtypes = [c_void_p, c_void_p]
    gdi.CreateDCW.restype = c_void_p
    gdi.CreateDCW.argtypes = [ctypes.c_wchar_p, ctypes.c_wchar_p, ctypes.c_wchar_p, c_void_p]
    gdi.GetICMProfileW.argtypes, gdi.DeleteDC.argtypes = [c_void_p, c_void_p, ctypes.c_wchar_p], [c_void_p]
    info = Info(size=ctypes.sizeof(Info))
    nearest = 2
    if not user.GetMonitorInfoW(user.MonitorFromPoint(Point(corner.x() + 1, corner.y() + 1), nearest), byref(info)):
        return None
    context = gdi.CreateDCW("DISPLAY", info.device, None, None)
    if not context:
        return None
    length, path = c_uint32(1024), ctypes.create_unicode_buffer(1024)
    found = gdi.GetICMProfileW(context, byref(length), path)
    gdi.DeleteDC(context)
    return profile_in(path.value) if found else None


def _of_macos(screen: QScreen) -> bytes | None:
    frameworks = "/System/Library/Frameworks/{0}.framework/{0}"
    graphics = ctypes.CDLL(frameworks.format("CoreGraphics"))
    foundation = ctypes.CDLL(frameworks.format("CoreFoundation"))

    class Point(ctypes.Structure):
        _fields_ = (("x", c_double), ("y", c_double))

    graphics.CGGetDisplaysWithPoint.argtypes = [Point, c_uint32, c_void_p, c_void_p]
    graphics.CGDisplayCopyColorSpace.restype, graphics.CGDisplayCopyColorSpace.argtypes = c_void_p, [c_uint32]
    graphics.CGColorSpaceCopyICCData.restype, graphics.CGColorSpaceCopyICCData.argtypes = c_void_p, [c_void_p]
    foundation.CFDataGetLength.restype, foundation.CFDataGetLength.argtypes = c_long, [c_void_p]
    foundation.CFDataGetBytePtr.restype, foundation.CFDataGetBytePtr.argtypes = c_void_p, [c_void_p]
    foundation.CFRelease.argtypes = [c_void_p]
    middle, display, count = screen.geometry().center(), c_uint32(), c_uint32()
    at = Point(float(middle.x()), float(middle.y()))
    if graphics.CGGetDisplaysWithPoint(at, 1, byref(display), byref(count)) or not count.value:
        return None
    space = graphics.CGDisplayCopyColorSpace(display)
    data = graphics.CGColorSpaceCopyICCData(space) if space else None
    found = None
    if data:
        found = ctypes.string_at(foundation.CFDataGetBytePtr(data), foundation.CFDataGetLength(data))
    for made in filter(None, (data, space)):
        foundation.CFRelease(made)
    return found
