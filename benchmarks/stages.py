"""What each of our own stages costs alone, as JSON: decoding, fitting, and the forward pass of each engine asked for.

Usage: stages.py CLIP MODEL FRAMES ENGINE:PRECISION ... [--live]

CPU seconds a frame on one thread. With ``--live`` engines run as for a camera, on all processors, and wall-clock seconds count.
"""

import argparse
import json
import time
from contextlib import closing
from pathlib import Path

from streamclf.catalogue.find import find_model
from streamclf.engine import EngineWish
from streamclf.loading import make_loader
from streamclf.sources.video_file import VideoFileSource
from streamclf.stages import forward_cost_s, reading_costs


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
    source = VideoFileSource(given.clip, "bench", decoder_threads=1)
    reading = reading_costs(source, model.card.fit_plan(), given.frames, clock)
    forward_s = {}
    for wanted in given.engines:
        name, _, precision = wanted.partition(":")
        wish = EngineWish(precision=precision, live=given.live, batch=1, threads=None if given.live else 1)
        with closing(make_loader(model, wish, name).load()) as engine:
            forward_s[wanted] = forward_cost_s(engine, reading.pictures, clock)
    print(json.dumps({"decode_s": reading.decode_s, "fit_s": reading.fit_s, "forward_s": forward_s}))


if __name__ == "__main__":
    main()
