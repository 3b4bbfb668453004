"""The seam to whatever results go to. Sinks run in the main thread, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from streamclf.frame import Image
    from streamclf.prediction import Prediction
    from streamclf.stats import RunStats


class Result:
    """A prediction on its way through the sinks; its annotated picture is drawn at most once, on demand."""

    def __init__(
        self, prediction: Prediction, is_live: bool, draw: Callable[[Prediction], Image], captured_at: str | None = None
    ):
        self.prediction = prediction
        self.is_live = is_live
        self.captured_at = captured_at
        """Wall clock of the capture, ISO 8601 UTC; None for recorded sources."""
        self._draw = draw
        self._annotated: Image | None = None

    @property
    def annotated(self) -> Image:
        """The frame with its overlay, (H, W, 3) uint8 BGR, shared by all sinks: do not write into it."""
        if self._annotated is None:
            self._annotated = self._draw(self.prediction)
            self._annotated.setflags(write=False)
        return self._annotated

    def redrawn(self) -> Image:
        """The same drawn anew, with the newest numbers: what a window shows while nothing new comes."""
        return self._draw(self.prediction)


class Sink(Protocol):
    """Takes results. Opens its output when constructed, raising :class:`~streamclf.errors.SinkError` at once."""

    needs_picture: bool

    @property
    def wants_stop(self) -> bool:
        """True once the user asked this sink to end the run (q in a window)."""

    def write(self, result: Result) -> None:
        """One result, in the order of its stream. Raises :class:`~streamclf.errors.SinkError`."""

    def tick(self, stats: RunStats) -> None:
        """Called at least 20 times a second, also while nothing comes: flush, pump events, redraw rates."""

    def close(self) -> None:
        """Finish the output so that it is complete; idempotent."""
