"""The steady answer: class probabilities averaged over the stream's own time, with hysteresis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from streamclf.prediction import UNKNOWN, ClassScore

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LEAVE_RATIO = 0.8
"""A steady label is in doubt below this part of the threshold."""
OVERTAKE_RATIO = 2.0
"""Another class takes a steady label's place when it is so many times as probable."""

_NONE = -1


class Smoother:
    """One stream's steady label.

    An exponential average with time constant ``smooth_s`` on the stream's own timestamps, so that it does not depend on the
    frame rate or on dropped frames. A class becomes steady when its average is the highest and reaches ``threshold``. It stays
    so for at least ``smooth_s`` seconds, and then until another one reaches the threshold and either has ``OVERTAKE_RATIO``
    times its average or finds it in doubt: below ``LEAVE_RATIO`` of the threshold. Doubt that lasts ``smooth_s`` without
    another to take its place ends in "unknown". With ``smooth_s`` 0 the steady label is the raw one, or "unknown" below the
    threshold.
    """

    def __init__(self, labels: Sequence[str], smooth_s: float, threshold: float):
        self._labels, self._smooth_s, self._threshold = labels, smooth_s, threshold
        self._average: npt.NDArray[np.float64] | None = None
        self._last_s = 0.0
        self._start()

    def update(self, pts_s: float, probabilities: npt.NDArray[np.float32], after_gap: bool = False) -> ClassScore:
        """The steady answer after a frame at ``pts_s`` with ``probabilities`` (classes,). A gap or a step back starts anew."""
        if self._average is None or after_gap or pts_s < self._last_s or self._smooth_s <= 0:
            self._average = probabilities.astype("float64")
            self._start()
        else:
            keep = math.exp(-(pts_s - self._last_s) / self._smooth_s)
            self._average *= keep
            self._average += (1 - keep) * probabilities
        self._last_s = pts_s
        self._decide(pts_s, self._average)
        if self._current == _NONE:
            return ClassScore(_NONE, UNKNOWN, float(self._average.max()))
        return ClassScore(self._current, self._labels[self._current], float(self._average[self._current]))

    def _start(self) -> None:
        self._current = _NONE
        self._since_s = -math.inf
        self._doubt_s = math.inf

    def _decide(self, pts_s: float, average: npt.NDArray[np.float64]) -> None:
        wanted = self._wanted(average)
        self._doubt_s = min(self._doubt_s, pts_s) if wanted == _NONE else math.inf
        if pts_s - self._doubt_s >= self._smooth_s:
            self._start()
        elif wanted not in (self._current, _NONE) and pts_s - self._since_s >= self._smooth_s:
            self._current, self._since_s = wanted, pts_s

    def _wanted(self, average: npt.NDArray[np.float64]) -> int:
        best = int(average.argmax())
        if self._current != _NONE:
            own = average[self._current]
            if own >= LEAVE_RATIO * self._threshold and own * OVERTAKE_RATIO >= average[best]:
                return self._current
        return best if average[best] >= self._threshold else _NONE
