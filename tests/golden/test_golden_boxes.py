"""The accuracy path of detectors: boxes on real pictures, against OpenCV's own, what was written down, and what a person sees."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamclf.catalogue.find import ResolvedModel, find_model
from streamclf.classifier import Classifier
from streamclf.prediction import Box

GOLDEN = Path(__file__).parent / "boxes"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.json"))
TOLERANCE = 0.01
Corners = tuple[float, float, float, float]

# OpenCV's own test of the face detector: score, left, top, right, bottom as shares of opencv_er.png, at the picture's own 500x500.
FACES = [
    (0.99520785, 0.80997437, 0.16379407, 0.87996572, 0.26685631),
    (0.9934696, 0.2831718, 0.50738752, 0.345781, 0.5985168),
    (0.99096733, 0.13629119, 0.24892329, 0.19756334, 0.3310290),
    (0.98977017, 0.23901358, 0.09084064, 0.29902688, 0.1769477),
    (0.97203469, 0.67965847, 0.06876482, 0.73999709, 0.1513494),
    (0.95097077, 0.51901293, 0.45863652, 0.5777427, 0.5347801),
]
# What a person sees on dog.jpg.
SEEN: dict[str, Corners] = {"dog": (130, 220, 310, 540), "bicycle": (125, 130, 570, 425), "car": (465, 75, 690, 170)}


def boxes_of(model: str | ResolvedModel, images: Path, pictures: list[str]) -> dict[str, tuple[Box, ...]]:
    with Classifier(model) as classifier:
        found = {p: classifier.classify(np.asarray(cv2.imread(str(images / p)), np.uint8)).boxes for p in pictures}
    assert all(boxes is not None for boxes in found.values())
    return {picture: boxes or () for picture, boxes in found.items()}


def iou(one: Corners, other: Corners) -> float:
    a, b = np.array(one), np.array(other)
    inside = float(np.prod(np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None)))
    return inside / (float(np.prod(a[2:] - a[:2])) + float(np.prod(b[2:] - b[:2])) - inside)


def best(boxes: tuple[Box, ...], label: str) -> Box:
    return next(box for box in boxes if box.label == label)


def test_every_layout_has_a_golden_network(models_env: Path) -> None:
    assert {find_model(name).card.output.boxes for name in NAMES} == {"ssd", "yolo_regions", "nanodet"}


def test_the_face_detector_finds_opencv_s_own_six_faces(models_env: Path, images: Path) -> None:
    model = find_model("face-detector")
    at_500 = model.card.input.model_copy(update={"width": 500, "height": 500})
    larger = dataclasses.replace(model, card=model.card.model_copy(update={"input": at_500}))
    found = boxes_of(larger, images, ["opencv_er.png"])["opencv_er.png"]
    sure = [box for box in found if box.probability > 0.9]
    assert len(sure) == len(FACES)
    for box, (score, *corners) in zip(sure, FACES, strict=True):
        assert box.label == "face"
        assert box.probability == pytest.approx(score, abs=3.4e-3)
        left, top, right, bottom = (500 * side for side in corners)
        assert iou(box.box_xyxy, (left, top, right, bottom)) >= 0.99


def test_dog_bicycle_and_car_are_found_where_they_are(models_env: Path, images: Path) -> None:
    found = {name: boxes_of(name, images, ["dog.jpg"])["dog.jpg"] for name in ("yolo-fastest-1.1", "nanodet")}
    for name, boxes in found.items():
        for label, corners in SEEN.items():
            assert iou(best(boxes, label).box_xyxy, corners) > 0.5, (name, label)
    assert iou(best(found["nanodet"], "dog").box_xyxy, best(found["yolo-fastest-1.1"], "dog").box_xyxy) > 0.5


@pytest.mark.parametrize("name", NAMES)
def test_a_detector_finds_what_was_written_down_and_nothing_else(name: str, models_env: Path, images: Path) -> None:
    golden = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    assert set(golden) == {path.name for path in images.iterdir()}
    sure = (find_model(name).card.output.threshold or 0) + TOLERANCE  # just above the threshold a box may come or go
    for picture, found in boxes_of(name, images, sorted(golden)).items():
        expected = [Box(0, label, probability, tuple(corners)) for label, probability, corners in golden[picture]]
        for these, those in ((expected, found), (found, expected)):
            for box in these:
                assert box.probability < sure or any(alike(box, other) for other in those), (picture, box)


def alike(one: Box, other: Box) -> bool:
    near = abs(one.probability - other.probability) <= TOLERANCE
    return near and one.label == other.label and iou(one.box_xyxy, other.box_xyxy) > 0.9


@pytest.mark.parametrize("name", NAMES)
def test_a_card_s_reference_picture_gets_its_expected_answer(name: str, models_env: Path, images: Path) -> None:
    reference = find_model(name).card.reference
    assert reference is not None
    first = boxes_of(name, images, [reference.picture])[reference.picture][0]
    assert first.label == reference.top1
    assert first.probability >= reference.min_probability
