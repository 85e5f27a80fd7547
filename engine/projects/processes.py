"""Who wrote a file: machine, person and process id, and whether that process still lives."""

from __future__ import annotations

import getpass
import os
import re
import socket
import sys


def this_host() -> str:
    """The name of this machine, in letters that any file name may have."""
    return re.sub(r"[^A-Za-z0-9]+", "_", socket.gethostname())[:32] or "unknown"


def user() -> str:
    """Who sits at this machine, as the system knows them."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # an account without a name, as in some containers
        return "Somebody"


def is_alive(pid: int) -> bool:
    """Whether a process of this machine runs; when in doubt, it does."""
    if pid <= 0:
        return False
    if sys.platform == "win32":  # there os.kill(pid, 0) would send a Ctrl-C
        return _is_alive_on_windows(pid)
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it lives, but belongs to somebody else
        return True
    return True


def _is_alive_on_windows(pid: int) -> bool:
    import ctypes

    query_limited_information, invalid_parameter, still_active = 0x1000, 87, 259
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]
    handle = kernel.OpenProcess(query_limited_information, False, pid)
    if not handle:
        return bool(ctypes.get_last_error() != invalid_parameter)  # type: ignore[attr-defined,unused-ignore]
    code = ctypes.c_ulong()
    known = kernel.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel.CloseHandle(handle)
    return not known or code.value == still_active
