"""Which frames of a stream are wanted: every Nth one, or so many a second of the stream's own time."""

from __future__ import annotations

import math
from fractions import Fraction

from streamclf.frame import Frame

_ROUNDED = Fraction(1, 1000)
"""A clock with ticks of this or less (seconds) rounds the frames' times to them; a coarser one counts the frames, exactly."""


class Thinning:
    """Says of each frame of one stream, in their order, whether it is wanted; by indices and timestamps alone.

    ``step`` N: the frames whose index is a multiple of N. ``target_fps`` F: the first frame at or after each moment n/F of the
    stream's own time, counted from its first frame, and anew from a frame after a gap or a step back in time. A stretch
    without frames is not made up for. Frames without a time are all wanted.
    """

    def __init__(self, step: int = 1, target_fps: Fraction | None = None):
        self._step, self._target_fps = step, target_fps
        self._start_s: Fraction | None = None
        self._last_s = Fraction(0)
        self._moment = 0

    def wants(self, frame: Frame) -> bool:
        """Whether ``frame`` goes to the network. Each frame once."""
        if self._target_fps is None:
            return frame.index % self._step == 0
        if frame.pts is None:
            return True
        before_s, self._last_s = self._last_s, frame.pts * frame.time_base
        if self._start_s is None or frame.after_gap or self._last_s < before_s:
            self._start_s, self._moment = self._last_s, 0
            return True
        before, self._moment = self._moment, self._moment_at(self._last_s - self._start_s, frame.time_base)
        return self._moment > before

    def _moment_at(self, elapsed_s: Fraction, tick_s: Fraction) -> int:
        """The last n with n/F at or before ``elapsed_s``; both its ends may be rounded by half a tick.

        Matroska and FLV have whole milliseconds: without that, 30 fps of a clip at 30 fps would be two frames of three.
        """
        assert self._target_fps is not None
        if tick_s > _ROUNDED:
            return math.floor(elapsed_s * self._target_fps)
        return math.ceil((elapsed_s + tick_s) * self._target_fps) - 1
