"""The accuracy path of detectors: boxes on real pictures, against OpenCV's own and what a person sees."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamclf.catalogue.find import ResolvedModel, find_model
from streamclf.classifier import Classifier
from streamclf.prediction import Box
from streamclf.verify import shared

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


def best(boxes: tuple[Box, ...], label: str) -> Box:
    return next(box for box in boxes if box.label == label)


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
        assert shared(box.box_xyxy, (left, top, right, bottom)) >= 0.99


def test_dog_bicycle_and_car_are_found_where_they_are(models_env: Path, images: Path) -> None:
    found = {name: boxes_of(name, images, ["dog.jpg"])["dog.jpg"] for name in ("yolo-fastest-1.1", "nanodet")}
    for name, boxes in found.items():
        for label, corners in SEEN.items():
            assert shared(best(boxes, label).box_xyxy, corners) > 0.5, (name, label)
    assert shared(best(found["nanodet"], "dog").box_xyxy, best(found["yolo-fastest-1.1"], "dog").box_xyxy) > 0.5
