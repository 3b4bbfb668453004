"""Whether there is a screen, found out without risking the process."""

from __future__ import annotations

import functools
import os
import re
import socket
import sys

from streamclf.child import run_in_child


def qt_settings() -> dict[str, str]:
    """The wheels' Qt knows X11 only, and says so at length under Wayland unless it is told."""
    wanted = {"QT_QPA_PLATFORM": "xcb", "QT_LOGGING_RULES": "*.debug=false;*.warning=false"}
    return {name: os.environ.get(name, value) for name, value in wanted.items()} if _is_x11() else {}


def _is_x11() -> bool:
    return sys.platform not in ("win32", "darwin", "cygwin")


def probe_display(timeout_s: float = 20.0) -> str | None:
    """Why no window can be opened here, or None if one can.

    cv2 aborts the whole process without a display, so it is tried in a child, once a display; what is plain already is answered
    without one.
    """
    display = ""
    if _is_x11():
        display = os.environ.get("DISPLAY", "")
        if not display:
            wayland = os.environ.get("WAYLAND_DISPLAY")
            return "OpenCV needs X11 and DISPLAY is not set" if wayland else "there is no screen: DISPLAY is not set"
        if not _x11_listens(display):
            return f"there is no screen: display {display} does not answer"
    return _tried(display, timeout_s)


@functools.cache
def _tried(display: str, timeout_s: float) -> str | None:
    """What a child found out about ``display``. It takes a second, and two parts of a program may ask."""
    code = "import os, cv2; cv2.namedWindow('streamclf'); os._exit(0)"
    try:
        code_of_exit = run_in_child(code, environment=os.environ | qt_settings(), timeout_s=timeout_s)
    except TimeoutError:
        return f"the screen does not answer within {timeout_s:g} s"
    except OSError as problem:
        return f"the screen cannot be tried out: {problem.strerror}"
    if code_of_exit == 1:
        return "this OpenCV cannot open windows; install opencv-python instead of opencv-python-headless"
    return None if code_of_exit == 0 else "OpenCV cannot open a window on this screen"


def _x11_listens(display: str) -> bool:
    """False if ``display`` is of this machine and nobody listens there; True also where only a try can tell."""
    local = re.fullmatch(r"(?:unix)?:(\d+)(?:\.\d+)?", display)
    if local is None or not hasattr(socket, "AF_UNIX"):
        return True
    path = f"/tmp/.X11-unix/X{local[1]}"
    for address in (path, "\0" + path):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as attempt:
            attempt.settimeout(2.0)
            try:
                attempt.connect(address)
            except OSError:
                continue
            return True
    return False
