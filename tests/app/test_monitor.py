"""Pictures in the colours of the monitor: after everything else, only on the screen, and only where it has others."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QRect
from PySide6.QtGui import QColorSpace, QImage

from archivist_app.app import Application
from archivist_app.views import monitor_profile, pixels
from archivist_app.views.pixels import Monitor, to_image
from engine.imaging.icc import srgb_profile
from tests.app.conftest import Open, trigger, until

ADOBE = bytes(imagecodecs.cms_profile("adobergb"))


def colours(seed: int = 0) -> NDArray[np.uint8]:
    found = np.random.default_rng(seed).integers(0, 255, (40, 60, 4), np.uint8)
    found[..., 3] = 255
    return found


def bgr(image: QImage) -> NDArray[np.uint8]:
    shown = image.convertToFormat(QImage.Format.Format_RGB32)
    found = np.frombuffer(shown.constBits(), np.uint8).reshape(shown.height(), shown.bytesPerLine() // 4, 4)
    return found[:, : shown.width(), :3].copy()


def expected(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same by LittleCMS."""
    rgb = np.ascontiguousarray(array[..., 2::-1])
    told = imagecodecs.cms_transform(rgb, srgb_profile(), ADOBE, colorspace="rgb", outcolorspace="rgb")
    return np.asarray(told)[..., ::-1]


@pytest.fixture(autouse=True)
def same_monitor_afterwards() -> Iterator[None]:
    yield
    pixels.monitor.use(None)


def test_colours_are_converted_as_another_colour_engine_does() -> None:
    monitor, array = Monitor(), colours()
    assert monitor.use(ADOBE)
    assert monitor.converts
    assert np.abs(bgr(monitor.show(to_image(array))).astype(int) - expected(array)).max() <= 2


def test_the_pixels_themselves_stay_those_of_the_export() -> None:
    monitor, array = Monitor(), colours()
    before, image = array.copy(), to_image(array)
    monitor.use(ADOBE)
    monitor.show(image)
    np.testing.assert_array_equal(image.array, before)
    np.testing.assert_array_equal(bgr(image), before[..., :3])


@pytest.mark.parametrize(
    "profile", [None, srgb_profile(), bytes(QColorSpace(QColorSpace.NamedColorSpace.SRgb).iccProfile().data())]
)
def test_nothing_is_converted_for_an_srgb_or_unknown_monitor(profile: bytes | None) -> None:
    monitor, image = Monitor(), to_image(colours())
    assert monitor.use(profile)
    assert not monitor.converts
    assert monitor.show(image) is image


def test_a_picture_is_converted_once_for_a_monitor_and_anew_for_another() -> None:
    monitor, image = Monitor(), to_image(colours())
    monitor.use(ADOBE)
    first = monitor.show(image)
    assert monitor.show(image) is first
    monitor.use(bytes(QColorSpace(QColorSpace.NamedColorSpace.DisplayP3).iccProfile().data()))
    assert not np.array_equal(bgr(monitor.show(image)), bgr(first))
    monitor.use(None)
    assert monitor.show(image) is image


@pytest.mark.parametrize("junk", [b"", b"acsp" * 100, ADOBE[:200], srgb_profile()[:-400]])
def test_a_profile_that_is_none_changes_nothing(junk: bytes) -> None:
    monitor, image = Monitor(), to_image(colours())
    monitor.use(junk)
    assert monitor.show(image).size() == image.size()


def test_a_file_that_is_no_profile_is_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "a.icc").write_bytes(b"no profile" * 50)
    assert monitor_profile.profile_in(str(tmp_path / "a.icc")) is None
    assert monitor_profile.profile_in(str(tmp_path / "missing.icc")) is None
    (tmp_path / "b.icc").write_bytes(ADOBE)
    assert monitor_profile.profile_in(str(tmp_path / "b.icc")) == ADOBE


def middle(application: Application) -> NDArray[np.uint8]:
    """A piece of the untouched picture as it is painted."""
    compare = application.window.compare
    assert compare.viewport is not None
    place = compare.viewport.image_rect
    inside = QRect(place.left + 20, place.top + place.height // 2, 60, 60)
    return bgr(compare.grab(inside).toImage())


def test_a_named_profile_is_used_at_once_and_remembered(opened: Application, tmp_path: Path) -> None:
    window = opened.window
    plain = middle(opened)
    (tmp_path / "eizo.icc").write_bytes(ADOBE)
    window.monitor.choose(str(tmp_path / "eizo.icc"))
    opened.spin(0.1)
    before = np.dstack([plain, np.full(plain.shape[:2], 255, np.uint8)])
    assert np.abs(middle(opened).astype(int) - expected(before)).max() <= 2
    assert not np.array_equal(middle(opened), plain)
    assert window._workspace.preferences.monitor == str(tmp_path / "eizo.icc")
    window.monitor._tell()
    assert window.monitor.file.isChecked()
    assert "eizo.icc" in window.monitor.file.text()
    trigger(opened, "srgbMonitor")
    opened.spin(0.1)
    np.testing.assert_array_equal(middle(opened), plain)
    assert window._workspace.preferences.monitor == "srgb"


def test_a_profile_of_no_use_is_told_and_not_remembered(opened: Application, tmp_path: Path) -> None:
    (tmp_path / "a.icc").write_text("no profile")
    opened.window.monitor.choose(str(tmp_path / "a.icc"))
    assert "“a.icc” is no profile of a monitor" in opened.window.messages.text.text()
    assert opened.window._workspace.preferences.monitor == ""
    assert opened.window.monitor.automatic.isChecked()


def test_the_difference_is_measured_before_the_monitor(opened: Application, tmp_path: Path) -> None:
    trigger(opened, "difference")
    opened.spin(0.2)
    plain = middle(opened)
    (tmp_path / "a.icc").write_bytes(ADOBE)
    opened.window.monitor.choose(str(tmp_path / "a.icc"))
    opened.spin(0.2)
    np.testing.assert_array_equal(middle(opened), plain)


def test_the_system_s_profile_is_used_where_nothing_was_chosen(
    start: Open, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archivist_app.views.monitor_menu.system_profile", lambda _screen: ADOBE)
    application = start(picture)
    until(application, lambda: pixels.monitor.converts)
    assert application.window.monitor.automatic.text() == "&Automatic (Adobe RGB (1998))" or (
        "Adobe RGB" in application.window.monitor.automatic.text()
    )


@pytest.mark.skipif(shutil.which("Xvfb") is None or sys.platform != "linux", reason="no X server for tests here")
def test_the_property_of_an_x_server_is_read(tmp_path: Path) -> None:
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "64x64x24", "-nolisten", "tcp", "-noreset"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    try:
        os.close(write)
        name = b":" + os.read(read, 16).strip()
        assert monitor_profile._of_x11(0, name) is None
        x11 = ctypes.CDLL("libX11.so.6")
        x11.XOpenDisplay.restype = ctypes.c_void_p
        display = ctypes.c_void_p(x11.XOpenDisplay(name))
        assert display, "the server has no room for us"
        x11.XDefaultRootWindow.restype = x11.XInternAtom.restype = ctypes.c_ulong
        root = ctypes.c_ulong(x11.XDefaultRootWindow(display))
        for property_name in (b"_ICC_PROFILE", b"_ICC_PROFILE_1"):
            atom = ctypes.c_ulong(x11.XInternAtom(display, property_name, 0))
            data = ADOBE if property_name.endswith(b"E") else srgb_profile()
            x11.XChangeProperty(display, root, atom, ctypes.c_ulong(6), 8, 0, data, len(data))
        x11.XSync(display, 0)
        assert monitor_profile._of_x11(0, name) == ADOBE
        assert monitor_profile._of_x11(1, name) == srgb_profile()
        assert monitor_profile._of_x11(2, name) is None
        x11.XCloseDisplay(display)
        assert monitor_profile._of_x11(0, b":77") is None
    finally:
        os.close(read)
        server.terminate()
        server.wait()
