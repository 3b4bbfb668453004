"""Live sources at 30 fps against a 70 ms network, both scripted, in real time. Prints JSON.

Usage: overload.py SOURCES SECONDS
"""

import json
import resource
import sys
import time
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from streamclf.config import RunConfig
from streamclf.frame import FitPlan, Frame
from streamclf.pipeline import Pipeline, PipelineOptions
from streamclf.prediction import ClassScore, Prediction
from streamclf.source import SourceInfo
from streamclf.testing import FakeEngine, FakeLoader
from streamclf.vision.picture import BgrPicture

FORWARD_S = 0.070


class Camera:
    """A 30 fps camera of 1080p pictures that ends after ``seconds``."""

    is_live, corrupt = True, 0

    def __init__(self, name: str, seconds: float):
        self.name, self._seconds = name, seconds

    @property
    def info(self) -> SourceInfo:
        return SourceInfo((1920, 1080), Fraction(30), None, True)

    def open(self) -> None: ...

    def close(self) -> None: ...

    def __iter__(self) -> Iterator[Frame]:
        started = time.monotonic()
        for index in range(int(self._seconds * 30)):
            time.sleep(max(0.0, started + index / 30 - time.monotonic()))
            picture = BgrPicture(np.full((1080, 1920, 3), index % 256, np.uint8))
            yield Frame(picture, self.name, index, index, Fraction(1, 30), time.monotonic())


class Interpreter:
    name, labels, plan, joins = "scripted", ("a", "b", "c", "d"), FitPlan("stretch", (64, 64)), True

    def of_each(self, frames, outputs):
        row = np.full(4, 0.25, np.float32)
        return [Prediction(frame, (ClassScore(0, "a", 0.25),), row, self.name) for frame in frames]


def memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(sources: int, seconds: float) -> None:
    options = PipelineOptions(
        live_queue_frames=2,
        recorded_queue_frames=16,
        queue_bytes=int(RunConfig().queue_mb * 1e6),
        smooth_s=0.5,
        threshold=0.5,
    )
    # one picture at a time takes 70 ms: with several sources in a batch each picture does
    engines = FakeLoader(
        lambda: FakeEngine(batch_sizes=(1,), before_run=lambda batch: time.sleep(FORWARD_S * len(batch)))
    )
    cameras = [Camera(f"camera-{number}", seconds) for number in range(sources)]
    ages: dict[tuple[str, int], float] = {}
    counts: dict[str, int] = {camera.name: 0 for camera in cameras}
    half_mb = 0.0
    with Pipeline(cameras, engines, Interpreter(), options) as pipeline:
        pipeline.pictures = False
        for prediction in pipeline:
            counts[prediction.frame.stream] += 1
            assert prediction.latency is not None
            frame = prediction.frame
            ages[frame.stream, frame.index] = prediction.latency.total_ms - prediction.latency.infer_ms
            if not half_mb and len(ages) > seconds / FORWARD_S / 2:
                half_mb = memory_mb()
    stats = pipeline.stats
    # when all sources end at once, each one's last frame waits for the others' last ones: told apart
    last = int(seconds * 30) - 1
    running = [age for (_, index), age in ages.items() if index != last]
    print(
        json.dumps(
            {
                "sources": sources,
                "captured": stats.captured,
                "classified": stats.classified,
                "dropped": stats.dropped,
                "conserved": stats.captured == stats.classified + stats.dropped,
                "age_at_forward_ms_max": max(running),
                "age_in_forward_passes_max": max(running) / (FORWARD_S * 1e3),
                "age_of_last_frames_ms_max": max(ages.values()),
                "share_min_over_mean": min(counts.values()) * sources / sum(counts.values()),
                "share_max_over_mean": max(counts.values()) * sources / sum(counts.values()),
                "memory_growth_second_half_mb": memory_mb() - half_mb,
            }
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
