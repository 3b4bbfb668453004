"""CPU seconds per frame of each of our own stages alone on one thread, as JSON. Usage: stages.py CLIP MODEL FRAMES"""

import json
import sys
import time
from pathlib import Path

import cv2
import numpy as np

from streamclf.catalogue.find import find_model
from streamclf.engine import EngineWish
from streamclf.engines.opencv_dnn import OpenCvDnnLoader
from streamclf.interpreter import Interpreter
from streamclf.sources.video_file import VideoFileSource


def main(clip: Path, model_name: str, frames: int) -> None:
    model = find_model(model_name)
    plan = Interpreter(model, 5).plan
    # recorded networks run in single-thread lanes: one of them, alone, is the stage
    engine = OpenCvDnnLoader(model, EngineWish(live=False, batch=1)).load()
    cv2.setNumThreads(1)

    source = VideoFileSource(clip, "bench", decoder_threads=1)
    kept = []
    started = time.process_time()
    count = 0
    for frame in source:
        count += 1
        if len(kept) < 50:
            kept.append(frame.picture)
        if count == frames:
            break
    decode_s = (time.process_time() - started) / count
    source.close()

    started = time.process_time()
    for picture in kept:
        picture.bgr()
    convert_s = (time.process_time() - started) / len(kept)

    started = time.process_time()
    fitted = [picture.fit(plan) for picture in kept]
    fit_s = (time.process_time() - started) / len(kept)

    batches = [np.stack([image]) for image in fitted[:40]]
    engine.run(batches[0])
    started = time.process_time()
    for batch in batches:
        engine.run(batch)
    forward_s = (time.process_time() - started) / len(batches)
    engine.close()
    print(json.dumps({"decode_s": decode_s, "convert_s": convert_s, "fit_s": fit_s, "forward_s": forward_s}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
