"""Qt's window layer with the plugins that the window uses; stands in for PyInstaller's own hook.

Left out before libraries are traced, so that what only they need (GTK's whole stack, OpenGL, Vulkan) stays out too.
"""

from PyInstaller.utils.hooks.qt import add_qt6_dependencies

# By Qt's plugin folder. Pixels are decoded by the engine, so of the image formats only what icons need.
KEPT = {
    "iconengines": ("qsvgicon",),
    "imageformats": ("qsvg", "qico"),
    "platforms": ("qxcb", "qwayland", "qoffscreen", "qwindows", "qcocoa"),
    "platforminputcontexts": ("composeplatforminputcontext", "ibusplatforminputcontext"),
    "platformthemes": ("qxdgdesktopportal",),
    "styles": ("qmodernwindowsstyle", "qmacstyle"),
    "wayland-decoration-client": ("bradient",),
    "wayland-shell-integration": ("xdg-shell",),
}

hiddenimports, _found, datas = add_qt6_dependencies(__file__)


def _wanted(source: str, folder: str) -> bool:
    _, is_plugin, kind = folder.replace("\\", "/").rpartition("/plugins/")
    return not is_plugin or any(name in source.replace("\\", "/").rpartition("/")[2] for name in KEPT.get(kind, ()))


binaries = [(source, folder) for source, folder in _found if _wanted(source, folder)]
