"""Doubles for tests of your own: a scripted source, a fake engine, a sink that keeps everything, a clock moved by hand."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from streamclf.engine import Engine, EngineInfo
from streamclf.frame import FitPlan, Frame, Image
from streamclf.prediction import ClassScore, Prediction
from streamclf.source import SourceInfo

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from streamclf.sink import Result
    from streamclf.stats import RunStats


class ManualClock:
    """Seconds that pass only when told to."""

    def __init__(self, now_s: float = 0.0):
        self.now_s = now_s

    def __call__(self) -> float:
        """The time now."""
        return self.now_s

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now_s += seconds


class FlatPicture:
    """A picture of one grey value that needs no pixels until asked."""

    def __init__(self, value: int = 0, size_wh: tuple[int, int] = (64, 48)):
        self.value, self.size_wh = value, size_wh

    @property
    def nbytes(self) -> int:
        """What a BGR picture of this size takes."""
        return self.size_wh[0] * self.size_wh[1] * 3

    def bgr(self) -> Image:
        """(H, W, 3) uint8, every byte ``value``."""
        import numpy as np

        image = np.full((self.size_wh[1], self.size_wh[0], 3), self.value, np.uint8)
        image.setflags(write=False)
        return image

    def fit(self, plan: FitPlan) -> Image:
        """(h, w, channels) uint8, every byte ``value``."""
        import numpy as np

        width, height = plan.geometry(self.size_wh).canvas_wh
        return np.full((height, width, plan.channels), self.value, np.uint8)


class ScriptedSource:
    """Plays a script: an int is a frame of that grey value, an exception is raised, a callable is called, an event waited for."""

    def __init__(
        self,
        script: Sequence[int | BaseException | threading.Event | Callable[[], object]],
        name: str = "script",
        is_live: bool = False,
        rate: Fraction = Fraction(30),
        size_wh: tuple[int, int] = (64, 48),
        clock: Callable[[], float] = time.monotonic,
    ):
        self.name, self.is_live, self.corrupt = name, is_live, 0
        self.opened = self.closed = 0
        self.open_error: BaseException | None = None
        self._script, self._rate, self._size_wh, self._clock = script, rate, size_wh, clock

    @property
    def info(self) -> SourceInfo:
        """As scripted."""
        frames = sum(isinstance(step, int) for step in self._script)
        return SourceInfo(self._size_wh, self._rate, None if self.is_live else frames, self.is_live, "scripted")

    def open(self) -> None:
        """Raises ``open_error`` if one is set."""
        if self.open_error is not None:
            raise self.open_error
        self.opened += 1

    def __iter__(self) -> Iterator[Frame]:
        """The frames of the script."""
        index = 0
        for step in self._script:
            if isinstance(step, int):
                picture = FlatPicture(step % 256, self._size_wh)
                yield Frame(picture, self.name, index, index, 1 / self._rate, self._clock())
                index += 1
            elif isinstance(step, BaseException):
                raise step
            elif isinstance(step, threading.Event):
                step.wait()
            else:
                step()

    def close(self) -> None:
        """Counted."""
        self.closed += 1


class FakeEngine:
    """Says class ``grey value modulo classes`` for a flat picture. ``before_run`` may block, raise or advance a clock."""

    def __init__(
        self,
        classes: int = 4,
        batch_sizes: tuple[int, ...] = (1, 2, 4),
        best_batch: int = 1,
        before_run: Callable[[npt.NDArray[np.uint8]], object] | None = None,
    ):
        self._classes, self._before_run = classes, before_run
        self.info = EngineInfo("fake", "cpu", "cpu", batch_sizes, best_batch, threads=1, lanes=1)
        self.batches: list[int] = []
        self.closed = 0

    def run(self, batch: npt.NDArray[np.uint8]) -> Mapping[str, npt.NDArray[np.float32]]:
        """{"logits": (N, classes) float32}."""
        import numpy as np

        if self._before_run is not None:
            self._before_run(batch)
        self.batches.append(len(batch))
        logits = np.zeros((len(batch), self._classes), np.float32)
        logits[np.arange(len(batch)), batch[:, 0, 0, 0] % self._classes] = 9.0
        return {"logits": logits}

    def close(self) -> None:
        """Counted."""
        self.closed += 1


class FakeLoader:
    """Hands out engines made by ``make``; ``lanes`` of them."""

    def __init__(self, make: Callable[[], Engine] = FakeEngine, lanes: int = 1):
        self._make, self.lanes = make, lanes
        self.engines: list[Engine] = []

    def load(self) -> Engine:
        """A new engine."""
        engine = self._make()
        self.engines.append(engine)
        return engine


class FakeInterpreter:
    """Reads a FakeEngine's logits: labels ``class-0``, ``class-1``, ...; the network's input is 8x8."""

    name = "fake"
    plan = FitPlan("stretch", (8, 8))
    joins = True

    def __init__(self, classes: int = 4):
        self.labels = tuple(f"class-{number}" for number in range(classes))

    def predictions(self, frames: Sequence[Frame], outputs: Mapping[str, npt.NDArray[np.float32]]) -> list[Prediction]:
        """One prediction a frame, all classes, best first."""
        import numpy as np

        odds = np.exp(outputs["logits"])
        rows = odds / odds.sum(axis=1, keepdims=True)
        return [Prediction(frame, self._scores(row), row, self.name) for frame, row in zip(frames, rows, strict=True)]

    def of_each(
        self, frames: Sequence[Frame], outputs: Sequence[Mapping[str, npt.NDArray[np.float32]]]
    ) -> list[Prediction]:
        """The same from what was put out for each frame alone."""
        return [self.predictions([frame], own)[0] for frame, own in zip(frames, outputs, strict=True)]

    def _scores(self, row: npt.NDArray[np.float32]) -> tuple[ClassScore, ...]:
        return tuple(ClassScore(int(i), self.labels[i], float(row[i])) for i in (-row).argsort(kind="stable"))


class ListSink:
    """Keeps every result."""

    def __init__(self, needs_picture: bool = False, fail_at: int | None = None):
        self.needs_picture, self.wants_stop = needs_picture, False
        self.results: list[Result] = []
        self.ticks, self.closed = 0, 0
        self._fail_at = fail_at

    def write(self, result: Result) -> None:
        """Kept, or an OSError (no space left) at result ``fail_at``."""
        if self._fail_at is not None and len(self.results) >= self._fail_at:
            raise OSError(28, "No space left on device")
        self.results.append(result)

    def tick(self, stats: RunStats) -> None:
        """Counted."""
        self.ticks += 1

    def close(self) -> None:
        """Counted."""
        self.closed += 1
