"""A window with the annotated pictures. HighGUI works in the main thread only."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import cv2

from streamclf.errors import OutputExistsError, SinkError
from streamclf.frame import Image
from streamclf.sink import Result
from streamclf.sinks._display import probe_display as probe_display
from streamclf.sinks._display import qt_settings
from streamclf.sinks._encode import encode
from streamclf.sinks._output import open_output
from streamclf.stats import Rate, RunStats
from streamclf.vision.draw import badge, tile

log = logging.getLogger("streamclf")

FIRST_LIMIT_WH = (1280, 800)
"""The window opens no larger than this; the user may make it larger."""
_SNAPSHOT_LIMIT_WH = (7680, 4320)
_IDLE_REDRAW_S = 0.5
_NOTICE_S = 2.0
_ESCAPE = 27


class WindowSink:
    """Shows the newest picture of each stream, several tiled into one window, at most ``max_rate_fps`` times a second.

    q, Esc or closing the window ends the run; space freezes the picture while the run goes on; s saves a snapshot
    into the working folder; h hides the overlay. Writing only remembers the result, so a fast file is not slowed down.
    """

    needs_picture = True

    def __init__(
        self, title: str = "streamclf", max_rate_fps: float = 60.0, clock: Callable[[], float] = time.monotonic
    ):
        self._title, self._interval_s, self._clock = title, 1 / max_rate_fps, clock
        self._newest: dict[str, Result] = {}
        self._shown: list[Result] = []
        self._fresh = self._open = self._closed = False
        self._paused = self._bare = False
        self._drawn_s = self._notice_until_s = float("-inf")
        self._notice = ""
        self.wants_stop = False
        self._draws = Rate(clock)

    @property
    def display_fps(self) -> float | None:
        """Pictures really drawn per second, over a sliding window; None while it is not known."""
        return self._draws.windowed_fps()

    def write(self, result: Result) -> None:
        """Remembered until the next tick; the one before it of the same stream is forgotten."""
        self._newest[result.prediction.frame.stream] = result
        self._fresh = True

    def tick(self, stats: RunStats) -> None:
        """Draw if something is new and it is time; hear the keys."""
        if self.wants_stop or self._closed:
            return
        now = self._clock()
        since_s = now - self._drawn_s
        idle = not self._paused and since_s >= _IDLE_REDRAW_S
        # A quarter less than the interval: a tick that comes a little early must not cost a whole one.
        if self._newest and (idle or (self._fresh and since_s >= 0.75 * self._interval_s)):
            self._draw(now, idle and not self._fresh)
        if self._open:
            self._hear(now)

    def close(self) -> None:
        """Take the window away. Idempotent."""
        if self._open and not self._closed and _is_visible(self._title):
            cv2.destroyWindow(self._title)
            cv2.waitKey(1)
        self._closed = True

    def _draw(self, now: float, anew: bool) -> None:
        streams_before = len(self._shown)
        if not self._paused:
            self._shown = list(self._newest.values())
        grown = len(self._shown) != streams_before
        picture = self._picture(FIRST_LIMIT_WH if grown else self._window_wh(), anew)
        notice = self._notice if now < self._notice_until_s else "paused" if self._paused else ""
        if notice:
            badge(picture, notice, in_middle=True)
        try:
            if not self._open:
                _open_window(self._title)
                cv2.setWindowTitle(self._title, f"{self._title}  (q quit, space pause, s snapshot, h overlay)")
            if grown:
                cv2.resizeWindow(self._title, picture.shape[1], picture.shape[0])
            cv2.imshow(self._title, picture)
        except cv2.error as problem:
            raise SinkError(f"window: cannot be drawn: {problem.err}; use --no-display") from problem
        self._open = True
        self._draws.add()
        self._fresh, self._drawn_s = False, now

    def _picture(self, limit_wh: tuple[int, int], anew: bool = False) -> Image:
        def image(result: Result) -> Image:
            if self._bare:
                return result.prediction.frame.image
            return result.redrawn() if anew else result.annotated

        return tile([(result.prediction.frame.stream, image(result)) for result in self._shown], limit_wh)

    def _window_wh(self) -> tuple[int, int]:
        _, _, width, height = cv2.getWindowImageRect(self._title)
        return (width, height) if width > 1 and height > 1 else FIRST_LIMIT_WH

    def _hear(self, now: float) -> None:
        while (key := cv2.waitKeyEx(1)) != -1:
            # Arrows and the like have a high byte; without it Left would read as Q. Modifiers are above both.
            if key & 0xFF00 == 0:
                self._press(chr(key & 0xFF).lower(), now)
        if not _is_visible(self._title):
            self.wants_stop = True

    def _press(self, key: str, now: float) -> None:
        if key in ("q", chr(_ESCAPE)):
            self.wants_stop = True
        elif key == " ":
            self._paused = not self._paused
        elif key == "h":
            self._bare = not self._bare
        elif key == "s":
            self._save(now)
        else:
            return
        self._fresh, self._drawn_s = True, float("-inf")

    def _save(self, now: float) -> None:
        picture = self._picture(_SNAPSHOT_LIMIT_WH)
        try:
            path = save_snapshot(picture, Path.cwd())
            log.info("snapshot saved: %s", path)
            self._notice = f"saved {path.name}"
        except SinkError as problem:
            log.warning("no snapshot: %s", problem)
            self._notice = "snapshot failed"
        self._notice_until_s = now + _NOTICE_S


def save_snapshot(image: Image, folder: Path) -> Path:
    """Save (H, W, 3) uint8 BGR as a PNG under a name that is free; returns its path. Raises :class:`SinkError`."""
    stem, number = f"streamclf-{datetime.now():%Y%m%d-%H%M%S}", 1
    while True:
        path = folder / (f"{stem}.png" if number == 1 else f"{stem}-{number}.png")
        try:
            output = open_output(path, overwrite=False)
        except OutputExistsError:
            number += 1
            continue
        try:
            output.write(encode(image, ".png", path))
        except SinkError:
            output.remove()
            raise
        finally:
            output.close()
        return path


def _open_window(title: str) -> None:
    os.environ |= qt_settings()
    cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)


def _is_visible(title: str) -> bool:
    try:
        return cv2.getWindowProperty(title, cv2.WND_PROP_VISIBLE) >= 1
    except cv2.error:  # Qt's answer once the last window was closed
        return False


def show_picture(title: str, image: Image) -> None:
    """Show (H, W, 3) uint8 BGR until a key is pressed or the window is closed."""
    picture = tile([(title, image)], FIRST_LIMIT_WH)
    try:
        _open_window(title)
        cv2.resizeWindow(title, picture.shape[1], picture.shape[0])
        cv2.imshow(title, picture)
    except cv2.error as problem:
        raise SinkError(f"window: cannot be drawn: {problem.err}") from problem
    while cv2.waitKeyEx(50) == -1 and _is_visible(title):
        continue
    if _is_visible(title):
        cv2.destroyWindow(title)
        cv2.waitKey(1)
