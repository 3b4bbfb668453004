"""Timestamps that always grow."""

from __future__ import annotations

from fractions import Fraction


class Timeline:
    """Strictly increasing timestamps: the container's own, continued at the declared rate where it gives none or steps back."""

    def __init__(self, time_base: Fraction, rate: Fraction | None):
        self._step = max(Fraction(1), 1 / (rate * time_base)) if rate else Fraction(1)
        self._start: int | None = None
        self._anchor = self._since = self._last = 0

    @property
    def length(self) -> int:
        """From the first timestamp to the last."""
        return 0 if self._start is None else self._last - self._start

    def place(self, pts: int | None) -> int:
        """The timestamp of the next frame, in ``time_base`` units."""
        if self._start is None:
            self._start = self._anchor = self._last = pts or 0
        elif pts is not None and pts > self._last:
            self._anchor, self._since, self._last = pts, 0, pts
        else:
            self._since += 1
            self._last = self._anchor + round(self._since * self._step)
        return self._last
