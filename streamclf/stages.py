"""What each stage of a run costs alone on one thread, and the rate that these costs allow."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from streamclf.engine import Engine
from streamclf.frame import FitPlan
from streamclf.proof import Batch
from streamclf.source import FrameSource, SourceInfo
from streamclf.stats import Clock
from streamclf.vision.threads import set_vision_threads

if TYPE_CHECKING:
    from streamclf.catalogue.find import ResolvedModel
    from streamclf.engine import EngineName, Precision

READ_FRAMES = 150
"""Decoded at most."""
FITTED_FRAMES = 50
"""Fitted at most: enough for a median."""
FORWARD_S, LEAST_FORWARDS = 2.0, 5
"""A slow network is timed no longer than so many seconds, but on so many pictures at least."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What reading a source costs, in seconds a frame. ``pictures`` are the first ones, fitted: (1, H, W, C) uint8 each."""

    info: SourceInfo
    decode_s: float
    fit_s: float
    """With the conversion to the network's colours."""
    pictures: tuple[Batch, ...]


def reading_costs(
    source: FrameSource, plan: FitPlan, frames: int = READ_FRAMES, clock: Clock = time.process_time
) -> Reading:
    """Read up to ``frames`` frames of ``source``, which decodes in one thread, and fit some of them, each right after it was decoded.

    Decoding is a mean, since a decoder gives nothing for one packet and two frames for the next; fitting a median. OpenCV works on
    one thread from then on. Raises what the source raises.
    """
    set_vision_threads(1)
    pictures: list[Batch] = []
    fits: list[float] = []
    count = 0
    with closing(source):
        started_s = clock()
        for frame in source:
            count += 1
            if len(pictures) < FITTED_FRAMES:
                before_s = clock()
                pictures.append(frame.picture.fit(plan)[np.newaxis])
                fits.append(clock() - before_s)
            if count == frames:
                break
        decode_s = (clock() - started_s - sum(fits)) / count
        return Reading(source.info, decode_s, statistics.median(fits), tuple(pictures))


def forward_cost_s(engine: Engine, pictures: Sequence[Batch], clock: Clock = time.process_time) -> float:
    """Seconds that a forward pass of one picture takes, the median over ``pictures``: nobody else's work of that moment is in it.

    The processor time of the whole process counts, since some engines compute in threads of their own.
    """
    engine.run(pictures[0])
    spans: list[float] = []
    for picture in pictures:
        started_s = clock()
        engine.run(picture)
        spans.append(clock() - started_s)
        if len(spans) >= LEAST_FORWARDS and sum(spans) > FORWARD_S:
            break
    return statistics.median(spans)


def engine_cost_s(model: ResolvedModel, engine: EngineName, precision: Precision, pictures: Sequence[Batch]) -> float:
    """Processor seconds of a forward pass in ``engine`` on one thread; raises what loading and running it raise."""
    from streamclf.engine import EngineWish
    from streamclf.loading import make_loader

    wish = EngineWish(precision=precision, batch=1, threads=1)
    with closing(make_loader(model, wish, engine).load()) as loaded:
        return forward_cost_s(loaded, pictures)


def limit_fps(reading_s: float, forward_s: float, processors: int, network_processors: int | None = None) -> float:
    """Frames a second if every processor worked all the time on nothing but reading (decoding and fitting) and forward passes.

    ``network_processors``: so many at most may run the network.
    """
    return min(processors / (reading_s + forward_s), (network_processors or processors) / forward_s)
