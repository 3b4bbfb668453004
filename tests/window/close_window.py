"""Ask the window called streamclf... to close, as a window manager would (run with DISPLAY set)."""

from __future__ import annotations

import ctypes
import subprocess


class ClientMessage(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("send_event", ctypes.c_int), ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong), ("message_type", ctypes.c_ulong), ("format", ctypes.c_int), ("data", ctypes.c_long * 5),
        ("rest", ctypes.c_char * 200),
    ]  # fmt: skip


def main() -> None:
    found = subprocess.run(
        ["xdotool", "search", "--onlyvisible", "--name", "streamclf"], check=True, capture_output=True, text=True
    )
    window = int(found.stdout.split()[0])
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XInternAtom.restype = ctypes.c_ulong
    display = ctypes.c_void_p(x11.XOpenDisplay(None))
    atom = {name: x11.XInternAtom(display, name, 0) for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW")}
    message = ClientMessage(type=33, window=window, message_type=atom[b"WM_PROTOCOLS"], format=32)
    message.data[0] = atom[b"WM_DELETE_WINDOW"]
    x11.XSendEvent(display, ctypes.c_ulong(window), 0, ctypes.c_long(0), ctypes.byref(message))
    x11.XCloseDisplay(display)


if __name__ == "__main__":
    main()
