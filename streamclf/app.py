"""Configuration to objects to a run. With ``inputs`` and ``outputs`` the only module that knows every kind."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from streamclf.catalogue.card import CARD_NAME
from streamclf.catalogue.find import ResolvedModel, find_model
from streamclf.config import LIVE_QUEUE_FRAMES, RECORDED_QUEUE_FRAMES, RunConfig, make_config
from streamclf.engine import EngineInfo, EngineWish
from streamclf.errors import ChannelClosed, ConfigError, SinkError
from streamclf.inputs import SourceSpec, make_source, parse_sources
from streamclf.interpreter import Interpreter
from streamclf.loading import make_loader
from streamclf.outputs import Annotator, Outputs
from streamclf.pipeline import Pipeline, PipelineOptions
from streamclf.prediction import Prediction
from streamclf.report import make_report
from streamclf.sink import Result, Sink
from streamclf.source import FrameSource

log = logging.getLogger("streamclf")

TICK_S = 0.04
"""How often sinks hear of the numbers: a bit more than 20 times a second."""
WINDOW_TICK_S = 1 / 60
"""The same where there is a window to draw."""


@dataclass(slots=True)
class StopRequest:
    """Set from outside (a signal handler) to end a run in good order."""

    signal: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. ``failure`` is the first one; ``report`` is complete either way."""

    report: dict[str, Any]
    failure: BaseException | None
    failures: tuple[BaseException, ...]
    stopped: bool
    """The user ended it: a signal, q, a closed window or pipe."""


def run(
    config: RunConfig,
    stop: StopRequest,
    extra_sinks: Sequence[Sink] = (),
    precious: Sequence[Path] = (),
    model: ResolvedModel | None = None,
) -> Outcome:
    """Run ``config`` to its end in the calling thread. ``extra_sinks`` (a progress bar) come after the configured ones.

    ``model`` is a network without a card; it stands for the one that ``config`` names.

    No output may be an input, a file of the network, or one of ``precious``. Raises what is wrong before anything started; what
    fails later is in the outcome.
    """
    specs = _specs(config)
    model = model or find_model(config.model)
    pipeline = _pipeline(config, model, [make_source(spec, config) for spec in specs])
    annotator = Annotator(config.threshold)
    outputs = Outputs(config, specs, [*model.paths.values(), model.folder / CARD_NAME, *precious])
    failure: Exception | None = None
    stopped = False
    try:
        with pipeline, outputs:  # outputs last: a run that cannot start touches no file
            _describe(pipeline.engine_info)
            annotator.window = outputs.window
            sinks = [*outputs.sinks, *extra_sinks]
            pipeline.pictures = any(sink.needs_picture for sink in sinks)
            stopped = _drive(pipeline, sinks, annotator, stop, WINDOW_TICK_S if outputs.window else TICK_S)
    except Exception as problem:
        if not outputs.opened:
            raise
        failure = problem
    report = make_report(pipeline.stats, pipeline.engine_info, failure)
    failures = list(pipeline.failures)
    try:
        outputs.write_report(report)
    except SinkError as problem:
        failure = failure or problem
        failures.append(problem)
    return Outcome(report, failure, tuple(failures), stopped)


def open_stream(source: str | int | Sequence[str | int], pictures: bool = True, **options: Any) -> Pipeline:
    """A pipeline over one source or several, with the options of ``streamclf run``; see :func:`streamclf.open`."""
    named = [source] if isinstance(source, str | int) else list(source)
    config = make_config({**options, "sources": [str(name) for name in named]})
    sources = [make_source(spec, config) for spec in _specs(config)]
    pipeline = _pipeline(config, find_model(config.model), sources)
    pipeline.pictures = pictures
    return pipeline


def _specs(config: RunConfig) -> list[SourceSpec]:
    if not config.sources:
        raise ConfigError("no source: name a camera (0), a video file, a folder of pictures or a URL")
    return parse_sources(config.sources)


def _pipeline(config: RunConfig, model: ResolvedModel, sources: Sequence[FrameSource]) -> Pipeline:
    live = config.realtime or any(source.is_live for source in sources)
    wish = EngineWish(
        config.target, config.precision, live, None if config.batch == "auto" else config.batch, config.threads
    )
    loader = make_loader(model, wish, config.engine)
    options = PipelineOptions(
        live_queue_frames=config.queue_frames or LIVE_QUEUE_FRAMES,
        recorded_queue_frames=config.queue_frames or RECORDED_QUEUE_FRAMES,
        queue_bytes=int(config.queue_mb * 1e6),
        smooth_s=config.smooth,
        threshold=config.threshold,
        drop=config.drop,
        frame_step=config.frame_step,
        # by its digits: a tenth is 1/10, and no binary neighbour of it drifts away from the frames
        target_fps=None if config.target_fps is None else Fraction(str(config.target_fps)),
        max_frames=config.max_frames,
        realtime=config.realtime,
    )
    return Pipeline(sources, loader, Interpreter(model, config.top_k), options)


def _describe(engine: EngineInfo) -> None:
    for note in engine.notes:
        log.info("%s", note)


def _drive(pipeline: Pipeline, sinks: Sequence[Sink], annotator: Annotator, stop: StopRequest, tick_s: float) -> bool:
    """The main thread's loop: results to sinks, numbers to sinks, wishes to stop to the pipeline; True if there was one."""
    streams = pipeline.streams

    def live(stream: str) -> bool:
        return pipeline.is_live(streams[stream])

    next_tick_s = 0.0
    stopped = False
    while True:
        try:
            predictions = pipeline.poll(tick_s, limit=1)
        except ChannelClosed:
            return stopped
        for prediction in predictions:
            is_live = live(prediction.frame.stream)
            result = Result(prediction, is_live, annotator.draw, _wall_clock(prediction) if is_live else None)
            for sink in sinks:
                sink.write(result)
            pipeline.written(prediction)
        if time.monotonic() >= next_tick_s:
            next_tick_s = time.monotonic() + tick_s
            annotator.stats = pipeline.stats
            for sink in sinks:
                sink.tick(annotator.stats)
        if not stopped and (stop.signal is not None or any(sink.wants_stop for sink in sinks)):
            stopped = True
            pipeline.stop()


def _wall_clock(prediction: Prediction) -> str:
    """When the frame was captured, ISO 8601 in UTC; anchored anew each time, so that a corrected clock shows."""
    age_s = time.monotonic() - prediction.frame.captured_s
    return datetime.fromtimestamp(time.time() - age_s, UTC).isoformat(timespec="milliseconds")
