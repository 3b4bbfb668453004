"""What each of our own stages costs alone, as JSON: decoding, fitting, and the forward pass of each engine asked for.

Usage: stages.py CLIP MODEL FRAMES ENGINE:PRECISION ... [--live]

CPU seconds a frame on one thread. With ``--live`` engines run as for a camera, on all processors, and wall-clock seconds count.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from streamclf.catalogue.find import find_model
from streamclf.engine import EngineWish
from streamclf.interpreter import Interpreter
from streamclf.loading import make_loader
from streamclf.sources.video_file import VideoFileSource
from streamclf.vision.picture import BgrPicture

KEPT = 50
"""Pictures that are fitted and sent through the network; they are held decoded."""


def per_item(clock: Callable[[], float], work: Callable[[object], object], items: list) -> float:
    """The median of the seconds that ``work`` takes: what another process did at the same time is not in it."""
    seconds = []
    for item in items:
        started = clock()
        work(item)
        seconds.append(clock() - started)
    return statistics.median(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("model")
    parser.add_argument("frames", type=int)
    parser.add_argument("engines", nargs="*", metavar="ENGINE:PRECISION")
    parser.add_argument("--live", action="store_true")
    given = parser.parse_args()
    clock = time.perf_counter if given.live else time.process_time
    model = find_model(given.model)
    plan = Interpreter(model, 5).plan
    cv2.setNumThreads(1)

    source = VideoFileSource(given.clip, "bench", decoder_threads=1)
    pictures = []
    started, count = clock(), 0
    for frame in source:
        count += 1
        if len(pictures) < KEPT:
            pictures.append(frame.picture)
        if count == given.frames:
            break
    decode_s = (clock() - started) / count
    source.close()

    # with the conversion that fitting needs, as the capture thread does it
    fit_s = per_item(clock, lambda picture: picture.fit(plan), pictures)
    # the same of a picture that is BGR already, as a loop of one's own has it
    ready = [BgrPicture(picture.bgr()) for picture in pictures]
    fit_bgr_s = per_item(clock, lambda picture: picture.fit(plan), ready)
    batches = [picture.fit(plan)[np.newaxis] for picture in pictures]
    forward_s = {}
    for wanted in given.engines:
        name, _, precision = wanted.partition(":")
        threads = None if given.live else 1
        wish = EngineWish(precision=precision or "exact", live=given.live, batch=1, threads=threads)
        engine = make_loader(model, wish, name).load()
        for batch in batches[:5]:
            engine.run(batch)
        forward_s[wanted] = per_item(clock, engine.run, batches)
        engine.close()
    print(json.dumps({"decode_s": decode_s, "fit_s": fit_s, "fit_bgr_s": fit_bgr_s, "forward_s": forward_s}))


if __name__ == "__main__":
    main()
