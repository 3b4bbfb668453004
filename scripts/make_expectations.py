"""Write what each network has to answer, found out with other engines than the one streamclf runs: models/NAME/expected.json.

    python -m scripts.make_expectations [NAME...]                                    # the drawn pictures: make expectations
    python -m scripts.make_expectations --photographs ../shared/media/image          # tests/golden/NAME.json

Networks are found as streamclf finds them (STREAMCLF_MIRROR, STREAMCLF_CACHE). TensorFlow's are left as they are where TensorFlow is
not installed (pip install --group expectations, best into an environment of its own). Look at the difference before committing it:
a changed answer is a changed product.
"""

from __future__ import annotations

import argparse
import json
import os
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from scripts.other_engines import NotKnown, boxes, caffe, darknet
from scripts.other_engines.layers import softmax
from scripts.other_engines.preparation import prepare, prepared_by
from streamclf.catalogue.card import CARD_NAME
from streamclf.catalogue.expected import EXPECTED_NAME, labels_digest
from streamclf.catalogue.find import ResolvedModel, find_model, list_models
from streamclf.vision.reference import REFERENCE_PICTURES, reference_picture

GOLDEN = Path(__file__).resolve().parents[1] / "tests" / "golden"
CLASSES = 20
"""How many are written down of a picture, the most probable ones."""

# How far OpenCV's answers may be off: a factor, or a difference of scores. On the drawn pictures and on 14 photographs they were off by
# 1.06 and 0.017 at most (1.87 and 0.003 for the networks below), most of it from OpenCV's resize, which rounds on its way.
TOLERANCES = {"classification": 1.15, "detection": 0.025}
OWN_TOLERANCES = {
    # Layers of 8 bits round to steps so coarse that any two engines differ much, and one from itself if a pixel changes by 1.
    "mobilenet-v2-qdq": 2.5,
    "mobilenet-v2-int8": 2.5,
    # The same, and answers in steps of 1/256: LiteRT was off by 1.20 at most, OpenVINO by 1.25; a wrong mean by 1.79 at least.
    "mobilenet-v1-0.25-quant-tflite": 1.4,
    "mobilenet-v2-ptq-tflite": 1.4,
    "mobilenet-v2-quant-tflite": 1.4,
    # It takes little notice of a wrong mean or order of channels.
    "face-detector": 0.004,
}
LEAST = {"tflite": 5 / 256}
"""Classes of less are left out: of a softmax in steps of 1/256, one or two steps are everything or nothing there."""

Picture = np.ndarray
Run = Callable[[np.ndarray], list[np.ndarray]]


def main() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--photographs", type=Path, metavar="FOLDER")
    arguments = parser.parse_args()
    absent = []
    for entry in list_models():
        if arguments.names and entry.name not in arguments.names:
            continue
        if not entry.available:
            absent.append(entry.name)
            continue
        path = GOLDEN / f"{entry.name}.json" if arguments.photographs else entry.folder / EXPECTED_NAME
        try:
            written = expectation(find_model(entry.folder), pictures(arguments.photographs))
        except (ImportError, NotKnown) as missing:
            print(f"{entry.name}: left as it is, {missing}")
            continue
        path.write_text(as_text(written), encoding="utf-8")
        print(f"{path}: made by {written['made_by']}")
    if absent:
        print(f"left as they are, their files are not here: {', '.join(absent)}")


def pictures(folder: Path | None) -> Iterator[tuple[str, Picture]]:
    """The drawn ones, or the photographs of a folder; (H, W, 3) uint8 BGR."""
    if folder is None:
        yield from ((name, reference_picture(name)) for name in REFERENCE_PICTURES)
        return
    from PIL import Image

    for path in sorted(folder.iterdir()):
        yield path.name, np.asarray(Image.open(path).convert("RGB"))[:, :, ::-1]


def expectation(model: ResolvedModel, pictures: Iterator[tuple[str, Picture]]) -> dict[str, Any]:
    """What ``expected.json`` says of a network."""
    card = tomllib.loads((model.folder / CARD_NAME).read_text(encoding="utf-8"))
    run, made_by = engine(model, card)
    answers = {name: answer(model, card, run, picture) for name, picture in pictures}
    return {
        "made_by": made_by,
        "prepared_by": prepared_by(card["input"]),
        "labels_sha256": labels_digest(model.labels),
        "tolerance": OWN_TOLERANCES.get(card["name"], TOLERANCES[card["task"]]),
        "boxes" if card["task"] == "detection" else "classes": answers,
    }


def engine(model: ResolvedModel, card: dict[str, Any]) -> tuple[Run, str]:
    """What runs the network, an input to its outputs; and its name with the version."""
    weights, config = model.paths["weights"], model.paths.get("config")
    if card["framework"] == "onnx":
        from scripts.other_engines import onnx

        return lambda x: onnx.run(weights, x), onnx.MADE_BY
    if card["framework"] == "tensorflow":
        from scripts.other_engines import tensorflow

        names = boxes.ssd_outputs(config) if config else None
        return lambda x: tensorflow.run(weights, x, names), tensorflow.MADE_BY
    if card["framework"] == "darknet":
        return lambda x: [darknet.run(config, weights, x)], darknet.MADE_BY
    if card["framework"] == "caffe":
        return lambda x: [caffe.run(config, weights, x)], caffe.MADE_BY
    if card["framework"] == "tflite":
        from scripts.other_engines import tflite

        return lambda x: tflite.run(weights, x), tflite.MADE_BY
    raise NotKnown(f"there is no other engine here for {card['framework']} networks")


def answer(model: ResolvedModel, card: dict[str, Any], run: Run, picture: Picture) -> list[list[Any]]:
    """The most probable classes, or the boxes, of one picture."""
    x, place = prepare(picture, card["input"])
    outputs, said = run(x), card["output"]
    background = said.get("background", 0)
    if card["task"] == "classification":
        row = outputs[0].ravel().astype(np.float64)
        every = (row if said["softmax"] else softmax(row))[background:]
        best = [i for i in np.argsort(-every, kind="stable")[:CLASSES] if every[i] >= LEAST.get(card["framework"], 0)]
        return [[int(i), model.labels[i], float(f"{every[i]:.4g}")] for i in best]
    found = boxes.kept(decoded(model, said, outputs, x), said["threshold"], said["overlap"])
    limits = np.array(picture.shape[1::-1] * 2)
    rows = []
    for number, score, corners in found:
        inside = place.in_picture(corners[None])[0].clip(0, limits)
        if number >= background and (inside[2:] > inside[:2]).all():
            class_id = number - background
            rows.append([class_id, model.labels[class_id], round(score, 4), [round(float(v), 1) for v in inside]])
    return rows


def decoded(model: ResolvedModel, said: dict[str, Any], outputs: list[np.ndarray], x: np.ndarray) -> boxes.Boxes:
    height, width = x.shape[2:]
    if said["boxes"] == "nanodet":
        return boxes.from_nanodet(outputs, width)
    if said["boxes"] == "yolo_regions":
        return boxes.from_yolo(outputs[0], (width, height))
    corners, scores = boxes.from_ssd(model.paths["config"], outputs, said["classes"] + said.get("background", 0))
    return corners, np.where(np.arange(scores.shape[1]) < said.get("background", 0), 0, scores)


def as_text(written: dict[str, Any]) -> str:
    """JSON with a line a picture."""
    lines = []
    for key, value in written.items():
        if isinstance(value, dict):
            rows = ",\n".join(f"    {json.dumps(name)}: {json.dumps(row)}" for name, row in value.items())
            lines.append(f'  "{key}": {{\n{rows}\n  }}')
        else:
            lines.append(f'  "{key}": {json.dumps(value)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    main()
