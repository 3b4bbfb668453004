"""Timestamps that always grow."""

from __future__ import annotations

from fractions import Fraction


class Timeline:
    """Strictly increasing timestamps: the container's own, continued at the declared rate where it gives none or repeats one.

    A clock that starts anew, as where recordings were joined, goes on from where it was.
    """

    def __init__(self, time_base: Fraction, rate: Fraction | None):
        self._step = max(Fraction(1), 1 / (rate * time_base)) if rate else Fraction(1)
        self._second = 1 / time_base
        self._start: int | None = None
        self._anchor = self._since = self._last = self._offset = 0

    @property
    def length(self) -> int:
        """From the first timestamp to the last."""
        return 0 if self._start is None else self._last - self._start

    def place(self, pts: int | None) -> int:
        """The timestamp of the next frame, in ``time_base`` units."""
        if self._start is None:
            self._start = self._anchor = self._last = pts or 0
            return self._start
        following = self._anchor + round((self._since + 1) * self._step)
        if pts is not None and pts + self._offset < self._last - self._second:
            self._offset = following - pts
        if pts is not None and pts + self._offset > self._last:
            self._anchor = self._last = pts + self._offset
            self._since = 0
        else:
            self._since += 1
            self._last = following
        return self._last
