"""Nowhere."""

from __future__ import annotations

from streamclf.sink import Result
from streamclf.stats import RunStats


class NullSink:
    """Takes every result and does nothing with it; with ``needs_picture`` it still has each picture drawn, for measuring."""

    wants_stop = False

    def __init__(self, needs_picture: bool = False):
        self.needs_picture = needs_picture

    def write(self, result: Result) -> None:
        """Drawn if asked for, then gone."""
        if self.needs_picture:
            _ = result.annotated

    def tick(self, stats: RunStats) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to finish."""
