"""Pipelines over doubles, and the laws that hold however one of them ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator

from streamclf.engine import Engine
from streamclf.errors import ChannelClosed
from streamclf.pipeline import Pipeline, PipelineOptions
from streamclf.prediction import Prediction
from streamclf.source import FrameSource
from streamclf.stats import Clock, RunStats
from streamclf.testing import FakeEngine, FakeInterpreter, FakeLoader

DEADLINE_S = 5.0
QUEUED = 16
"""Frames that wait of a recorded source ..."""
HELD = 2
"""... and results that wait for whoever polls, with one lane."""

OPTIONS = {
    "live_queue_frames": 2,
    "recorded_queue_frames": QUEUED,
    "queue_bytes": 10**8,
    "smooth_s": 0.5,
    "threshold": 0.5,
    "join_timeout_s": DEADLINE_S,
}


def make_pipeline(
    *sources: FrameSource,
    engine: Callable[[], Engine] = FakeEngine,
    lanes: int = 1,
    clock: Clock = time.monotonic,
    **options: object,
) -> Pipeline:
    """Not yet entered."""
    return Pipeline(
        sources, FakeLoader(engine, lanes), FakeInterpreter(), PipelineOptions(**{**OPTIONS, **options}), clock
    )


def collect(pipeline: Pipeline) -> Iterator[Prediction]:
    """Everything until the end of the run; a run that stalls fails the test instead of stalling it too."""
    while True:
        try:
            predictions = pipeline.poll(DEADLINE_S, limit=1)
        except ChannelClosed:
            return
        assert predictions, "nothing came, and no end either"
        yield from predictions


def indices(predictions: Iterable[Prediction], stream: str) -> list[int]:
    """Which frames of ``stream``, in the order they came."""
    return [prediction.frame.index for prediction in predictions if prediction.frame.stream == stream]


def drops(pipeline: Pipeline, stream: str) -> dict[str, int]:
    """The drops of ``stream`` by cause, without the zeros."""
    return {cause: count for cause, count in pipeline.stats.streams[stream].dropped.items() if count}


def endings(pipeline: Pipeline) -> dict[str, str | None]:
    """How each stream ended."""
    return {name: stream.ended for name, stream in pipeline.stats.streams.items()}


def check_laws(pipeline: Pipeline, predictions: Iterable[Prediction]) -> RunStats:
    """After the end: every frame accounted for, in order, nothing held, no thread left, everything closed."""
    seen, stats = list(predictions), pipeline.stats
    for name, stream in stats.streams.items():
        assert stream.captured == stream.classified + sum(stream.dropped.values()), (name, stream)
        assert stream.classified == len(indices(seen, name)), name
        assert indices(seen, name) == sorted(set(indices(seen, name))), name
        assert stream.ended is not None, name
    for prediction in seen:
        if hasattr(prediction.frame.picture, "value"):
            assert prediction.top.class_id == prediction.frame.picture.value % 4, "the answer to another frame"
    assert pipeline._inbox.held_bytes == 0
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("streamclf")] == []
    assert all(source.closed for source in pipeline.streams.values())
    assert all(engine.closed == 1 for engine in pipeline._loader.engines)
    return stats


def wait_for_blocked_put(pipeline: Pipeline, stream: str, index: int) -> None:
    """Until the capture thread of ``stream`` waits for room for frame ``index``."""
    inbox = pipeline._inbox

    def is_blocked() -> bool:
        pending = inbox._lanes[stream].pending
        return pending is not None and pending.frame.index == index

    with inbox._items:
        assert inbox._items.wait_for(is_blocked, DEADLINE_S), "never blocked there"


def wait(event: threading.Event) -> None:
    """For an event that comes unless something is broken."""
    assert event.wait(DEADLINE_S), "waited in vain"
