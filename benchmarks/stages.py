"""What each of our own stages costs alone, as JSON: decoding, fitting, and the forward pass of each engine asked for.

Usage: stages.py CLIP MODEL FRAMES ENGINE:PRECISION ... [--live | --side-by-side]

CPU seconds a frame on one thread. With ``--live`` engines run as for a camera, on all processors, and wall-clock seconds count;
there is also the 99th percentile of the same forward passes made 30 times a second, with nothing in between: a processor that rested
has cold caches and sleeping threads.
With ``--side-by-side`` also the CPU seconds of a forward pass while all lanes of a file's run are at it, and nothing else is: they
share caches and memory, and slow each other.
"""

import argparse
import json
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from streamclf.catalogue.find import find_model
from streamclf.engine import Engine, EngineLoader, EngineWish
from streamclf.loading import make_loader
from streamclf.proof import Batch, usable_cpus
from streamclf.sources.video_file import VideoFileSource
from streamclf.stages import forward_cost_s, reading_costs

SIDE_BY_SIDE_S = 1.0
SPACED = 120
LONGEST_S = 120.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("model")
    parser.add_argument("frames", type=int)
    parser.add_argument("engines", nargs="*", metavar="ENGINE:PRECISION")
    parser.add_argument("--live", action="store_true")
    parser.add_argument("--side-by-side", action="store_true")
    given = parser.parse_args()
    clock = time.perf_counter if given.live else time.process_time
    model = find_model(given.model)
    source = VideoFileSource(given.clip, "bench", decoder_threads=1)
    reading = reading_costs(source, model.card.fit_plan(), given.frames, clock)
    forward_s: dict[str, float] = {}
    side_by_side_s: dict[str, float] = {}
    spaced_p99_s: dict[str, float] = {}
    for wanted in given.engines:
        name, _, precision = wanted.partition(":")
        wish = EngineWish(precision=precision, live=given.live, batch=1, threads=None if given.live else 1)
        with closing(make_loader(model, wish, name).load()) as engine:
            forward_s[wanted] = forward_cost_s(engine, reading.pictures, clock)
            if given.live:
                spaced_p99_s[wanted] = spaced_p99_cost_s(engine, reading.pictures)
        if given.side_by_side:
            passes = max(5, round(SIDE_BY_SIDE_S * usable_cpus() / forward_s[wanted]))
            loader = make_loader(model, EngineWish(precision=precision, batch=1), name)
            side_by_side_s[wanted] = side_by_side_cost_s(loader, reading.pictures, passes)
    costs = {"decode_s": reading.decode_s, "fit_s": reading.fit_s, "forward_s": forward_s}
    print(json.dumps(costs | {"side_by_side_s": side_by_side_s, "spaced_p99_s": spaced_p99_s}))


def spaced_p99_cost_s(engine: Engine, pictures: Sequence[Batch]) -> float:
    """Seconds of a forward pass when 30 a second are made, the 99th percentile."""
    spans = []
    for number in range(SPACED):
        time.sleep(max(0.0, 1 / 30 - (spans[-1] if spans else 0.0)))
        started_s = time.perf_counter()
        engine.run(pictures[number % len(pictures)])
        spans.append(time.perf_counter() - started_s)
    return sorted(spans)[round(0.99 * (SPACED - 1))]


def side_by_side_cost_s(loader: EngineLoader, pictures: Sequence[Batch], passes: int) -> float:
    """CPU seconds of a forward pass, the mean of about ``passes`` that as many lanes run as for a file."""
    each = -(-passes // loader.lanes)
    loaded, done = (threading.Barrier(loader.lanes + 1, timeout=LONGEST_S) for _ in range(2))

    def lane() -> None:
        try:
            with closing(loader.load()) as engine:
                engine.run(pictures[0])
                loaded.wait()
                for number in range(each):
                    engine.run(pictures[number % len(pictures)])
                done.wait()
        except BaseException:
            loaded.abort()
            done.abort()
            raise

    lanes = [threading.Thread(target=lane, daemon=True) for _ in range(loader.lanes)]
    for thread in lanes:
        thread.start()
    loaded.wait()
    started_s = time.process_time()
    done.wait()
    cost_s = (time.process_time() - started_s) / (each * len(lanes))
    for thread in lanes:
        thread.join()
    return cost_s


if __name__ == "__main__":
    main()
