"""A virtual screen, and a child process that shows results on it (HighGUI reads DISPLAY once, and aborts without one)."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

REPOSITORY = Path(__file__).resolve().parents[2]
DEADLINE_S = 20.0


class Screen:
    """An Xvfb of 1600x1000 with a window manager; what it shows can be read from its frame buffer's file."""

    def __init__(self, display: str, buffer: Path):
        self.display, self._buffer = display, buffer

    def pixels(self) -> npt.NDArray[np.uint8]:
        """(H, W, 3) uint8 BGR, from the X window dump that Xvfb keeps up to date."""
        data = self._buffer.read_bytes()
        header = struct.unpack(">25I", data[:100])
        width, height, stride, colours = header[4], header[5], header[12], header[19]
        start = header[0] + colours * 12
        rows = np.frombuffer(data, np.uint8, height * stride, start).reshape(height, stride // 4, 4)
        return rows[:, :width, :3]

    def key(self, name: str) -> None:
        """Press a key in the window."""
        self._xdotool("search", "--onlyvisible", "--name", "streamclf", "windowfocus", "--sync", "key", name)

    def close_window(self) -> None:
        """As the cross in its title bar does."""
        script = REPOSITORY / "tests" / "window" / "close_window.py"
        subprocess.run([sys.executable, str(script)], env=self.environment, check=True, timeout=DEADLINE_S)

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"DISPLAY": self.display}

    def _xdotool(self, *arguments: str) -> None:
        subprocess.run(
            ["xdotool", *arguments], env=self.environment, check=True, capture_output=True, timeout=DEADLINE_S
        )


@contextmanager
def program(screen: Screen, folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """``streamclf`` on this screen, in ``folder``; ended with the block whatever happens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "streamclf", *arguments],
        env=screen.environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def virtual_screen(folder: Path) -> Iterator[Screen]:
    reading, writing = os.pipe()
    command = [
        "Xvfb",
        "-displayfd",
        str(writing),
        "-screen",
        "0",
        "1600x1000x24",
        "-nolisten",
        "tcp",
        "-fbdir",
        str(folder),
    ]
    server = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with os.fdopen(reading) as pipe:
            number = pipe.readline().strip()
        assert number, "Xvfb did not start"
        with _window_manager(f":{number}", folder):
            yield Screen(f":{number}", folder / "Xvfb_screen0")
    finally:
        server.terminate()
        server.wait(DEADLINE_S)


@contextmanager
def _window_manager(display: str, folder: Path) -> Iterator[None]:
    """A desktop has one; without it Qt now and then never hears that its window was uncovered, and leaves it black."""
    ready = folder / "ready"
    command = ["openbox", "--sm-disable", "--startup", f"touch {ready}"]
    manager = subprocess.Popen(command, env=os.environ | {"DISPLAY": display}, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + DEADLINE_S
        while not ready.exists():
            assert time.monotonic() < deadline, "the window manager did not start"
            assert manager.poll() is None
        yield
    finally:
        manager.terminate()
        manager.wait(DEADLINE_S)


CHILD = """
import json, logging, sys, time
import numpy as np
from streamclf.sinks.window import WindowSink
from streamclf.vision.draw import annotate
from tests.results import STATS, flat, make_result

logging.basicConfig(level="INFO", stream=sys.stderr, format="%(message)s")
sink = WindowSink()
for line in sys.stdin:
    order, argument = line.rstrip("\\n").split(" ", 1)
    end = time.monotonic() + 10
    if order == "write":
        stream, colour = argument.split("=")
        image = flat([int(value) for value in colour.split(",")], (640, 360))
        sink.write(make_result(image, stream=stream, draw=annotate))
    elif order == "until":
        while not eval(argument) and time.monotonic() < end:
            sink.tick(STATS)
    elif order == "tick":
        for _ in range(int(argument)):
            sink.tick(STATS)
    print(json.dumps({"stop": sink.wants_stop, "paused": sink._paused, "bare": sink._bare}), flush=True)
sink.close()
sink.close()
"""


class Viewer:
    """A child with a window; each order is answered with what the sink says of itself."""

    def __init__(self, screen: Screen, folder: Path):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        environment = screen.environment | {"PYTHONPATH": str(REPOSITORY)}
        self._child = subprocess.Popen(
            [sys.executable, "-c", CHILD], cwd=folder, env=environment, text=True, bufsize=1, **pipes
        )

    def order(self, line: str) -> dict[str, Any]:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(line + "\n")
        answer = self._child.stdout.readline()
        assert answer, self._child.communicate()[1]
        return dict(json.loads(answer))

    def show(self, stream: str, bgr: tuple[int, int, int]) -> None:
        """Write a picture of one colour and have it drawn."""
        self.order(f"write {stream}={','.join(map(str, bgr))}")
        self.order("tick 30")

    def end(self) -> str:
        """Let the child end; what it wrote to standard error."""
        _, errors = self._child.communicate(timeout=DEADLINE_S)
        assert self._child.returncode == 0, errors
        return errors

    def kill(self) -> None:
        if self._child.poll() is None:
            self._child.kill()
            self._child.communicate()


def comes_true(viewer: Viewer | None, condition: Callable[[], bool]) -> bool:
    """Whether ``condition`` holds within the deadline, the window being drawn meanwhile: the X server paints when it likes."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        if viewer is not None:
            viewer.order("tick 5")
    return True
