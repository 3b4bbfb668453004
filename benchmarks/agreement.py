"""Whether all engines give the same answers: frames of every recorded clip, each network, each engine, beside OpenCV's.

Usage: agreement.py FRAMES_PER_CLIP NETWORK ... prints JSON.
"""

import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import clips
import networks
from common import HERE, Effort, python, say
from streamclf.catalogue.find import find_model
from streamclf.engine import EngineWish
from streamclf.frame import Image
from streamclf.interpreter import Interpreter
from streamclf.loading import make_loader
from streamclf.sources.video_file import VideoFileSource

PER_CLIP = 30
"""Frames of a clip, spread over its first ``STEP * PER_CLIP``."""
STEP = 10
ENGINES = ("onnxruntime:exact", "openvino:exact", "openvino:fast")
REFERENCE = "opencv:exact"


def measure(effort: Effort) -> dict[str, Any]:
    """Per network and engine, the share of frames whose best class is OpenCV's, over all clips."""
    names = ("squeezenet", "mobilenet-v2") if effort.quick else tuple(networks.NETWORKS)
    # in a process of its own: pictures, networks and engines are large, and nothing here may slow what comes after
    found: dict[str, Any] = json.loads(python(HERE / "agreement.py", effort.of(PER_CLIP, 5), *names))
    for entry in found["networks"]:
        say(f"agreement, {entry['network']}: " + ", ".join(f"{e['engine']} {e['same_top1']}" for e in entry["engines"]))
    return found


def main(per_clip: int, names: list[str]) -> None:
    pictures = [picture for clip in sorted(clips.REAL_CLIPS.iterdir()) for picture in _sample(clip, per_clip)]
    print(json.dumps({"frames": len(pictures), "networks": [_network(name, pictures) for name in names]}))


def _sample(clip: Path, most: int) -> list[Any]:
    """Pictures of the clip, as its decoder leaves them."""
    source = VideoFileSource(clip, "bench")
    kept = []
    try:
        for number, frame in enumerate(source):
            if number % STEP == 0:
                kept.append(frame.picture)
            if len(kept) == most:
                break
    finally:
        source.close()
    return kept


def _network(name: str, pictures: list[Any]) -> dict[str, Any]:
    network = networks.build(name)
    plan = Interpreter(find_model(network.folder), 5).plan
    fitted = [picture.fit(plan) for picture in pictures]
    wanted = _answers(network.folder, REFERENCE, fitted)
    found = []
    for engine in ENGINES:
        answers = _answers(network.folder, engine, fitted)
        scale = np.abs(wanted).max(axis=1)
        found.append(
            {
                "engine": engine,
                "same_top1": round(float(np.mean(answers.argmax(1) == wanted.argmax(1))), 4),
                "largest_difference": float(np.max(np.abs(answers - wanted).max(axis=1) / scale)),
            }
        )
    return {"network": name, "title": network.title, "int8": network.int8, "engines": found}


def _answers(folder: Path, engine: str, fitted: list[Image]) -> np.ndarray:
    """Every picture's numbers, (N, classes); one at a time, as live sources are run."""
    cv2.setNumThreads(0)
    name, _, precision = engine.partition(":")
    loaded = make_loader(find_model(folder), EngineWish(precision=precision, live=True), name).load()
    try:
        rows = [next(iter(loaded.run(picture[None]).values())).reshape(-1) for picture in fitted]
    finally:
        loaded.close()
    return np.stack(rows)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
