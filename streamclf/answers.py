"""From what the lanes put out to predictions: interpreted several at once, smoothed, in the order of each stream."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from streamclf.channel import Results
from streamclf.frame import Frame
from streamclf.prediction import ClassScore, Latency, Prediction
from streamclf.vision.smoothing import Smoother

if TYPE_CHECKING:
    from streamclf.engine import FloatArray
    from streamclf.interpreter import Interpreter


@dataclass(slots=True, eq=False)
class Answered:
    """A frame with what the network put out for it, and later what that means."""

    frame: Frame
    outputs: Mapping[str, FloatArray]
    """Empty once they are interpreted."""
    nbytes: int
    gaps: int
    """How many gaps its stream had had when it was captured."""
    queue_ms: float
    infer_ms: float
    prediction: Prediction | None = None


class Answers:
    """Between :class:`Results` and whoever polls, in whose thread everything here happens, until the end.

    What leaves Results together has its predictions before anybody sees one of them, and goes out one by one.

    Args:
        on_nonsense: hears of the first answer that cannot be interpreted, and of all that are lost with it; those before it still go out.
    """

    def __init__(
        self,
        results: Results[Answered],
        interpreter: Interpreter,
        smooth_s: float,
        threshold: float,
        on_nonsense: Callable[[Exception, Sequence[Answered]], None],
    ):
        self._results, self._interpreter, self._on_nonsense = results, interpreter, on_nonsense
        self._smooth_s, self._threshold = smooth_s, threshold
        self._waiting: deque[Answered] = deque()
        self._smoothers: dict[str, Smoother] = {}
        self._gaps: dict[str, int] = {}

    def wait(self, timeout_s: float | None, limit: int | None) -> int:
        """How many can be popped now, at most ``limit``; 0 when nothing came within ``timeout_s``.

        Raises:
            ChannelClosed: the run has ended and everything was popped.
        """
        while not self._waiting or self._waiting[-1].prediction is None:
            if not self._waiting:
                together = self._results.wake_at > 1 and self._interpreter.joins
                self._waiting.extend(self._results.poll(timeout_s, None if together else limit))
                if not self._waiting:
                    return 0
            self._interpret()
        return len(self._waiting) if limit is None else min(limit, len(self._waiting))

    def pop(self) -> Answered:
        """The next one, of those that :meth:`wait` counted."""
        return self._waiting.popleft()

    def finish(self, answered: Answered, latency: Latency, engine: str) -> Prediction:
        """Its prediction with all that is known only now: the gap before it, the steady label, how long it took."""
        prediction, frame = answered.prediction, answered.frame
        assert prediction is not None
        after_gap = self._gaps.get(frame.stream, 0) != answered.gaps
        self._gaps[frame.stream] = answered.gaps
        return replace(
            prediction,
            frame=frame if frame.after_gap == after_gap else replace(frame, after_gap=after_gap),
            steady=self._steady(frame, prediction, after_gap),
            latency=latency,
            engine=engine,
        )

    def cancel(self) -> list[Answered]:
        """What was answered and will not be handed out; nothing more is taken."""
        lost = [*self._waiting, *self._results.cancel()]
        self._waiting.clear()
        return lost

    def _interpret(self) -> None:
        """Make predictions: of several frames in one go, since each of numpy's steps may be a change of threads."""
        with suppress(Exception):
            self._predict(self._waiting)
        if self._waiting[-1].prediction is None:
            self._interpret_one_by_one()

    def _interpret_one_by_one(self) -> None:
        try:
            for answered in self._waiting:
                self._predict([answered])
        except Exception as failure:
            every = self.cancel()
            good = [answered for answered in every if answered.prediction is not None]  # they lie in front
            self._waiting.extend(good)
            self._on_nonsense(failure, every[len(good) :])

    def _predict(self, answers: Collection[Answered]) -> None:
        batch = [answered for answered in answers if answered.prediction is None]
        frames = [answered.frame for answered in batch]
        predictions = self._interpreter.of_each(frames, [answered.outputs for answered in batch])
        for answered, prediction in zip(batch, predictions, strict=True):
            answered.prediction, answered.outputs = prediction, {}

    def _steady(self, frame: Frame, prediction: Prediction, after_gap: bool) -> ClassScore | None:
        if frame.pts_s is None:
            return None
        smoother = self._smoothers.get(frame.stream)
        if smoother is None:
            smoother = Smoother(self._interpreter.labels, self._smooth_s, self._threshold)
            self._smoothers[frame.stream] = smoother
        return smoother.update(frame.pts_s, prediction.probabilities, after_gap)
