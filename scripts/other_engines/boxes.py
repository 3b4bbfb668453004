"""Detectors' outputs to boxes, in plain numpy: corners (N, 4) in pixels of the input, scores (N, classes)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scripts.other_engines.layers import softmax
from scripts.other_engines.protobuf import Message, text_message

Boxes = tuple[np.ndarray, np.ndarray]


def from_nanodet(outputs: list[np.ndarray], side: int) -> Boxes:
    """NanoDet's scores and distances, an output of each for the strides 8, 16 and 32; distances are means of 8 bins."""
    corners, scores = [], []
    for stride in (8, 16, 32):
        count = -(-side // stride)
        of_stride = [output[0] for output in outputs if output.shape[1] == count * count]
        score, distance = sorted(of_stride, key=lambda output: output.shape[1] == 4 * 8)
        reach = (softmax(distance.reshape(-1, 4, 8)) * np.arange(8)).sum(-1) * stride
        y, x = (axis.ravel() * stride + (stride - 1) / 2 for axis in np.mgrid[:count, :count])
        corners.append(np.stack([x, y, x, y], 1) + reach * (-1, -1, 1, 1))
        scores.append(score)
    return np.concatenate(corners), np.concatenate(scores)


def from_yolo(rows: np.ndarray, input_wh: tuple[int, int]) -> Boxes:
    """Middle and size as shares of the input, objectness, scores."""
    middle, half = rows[:, :2] * input_wh, rows[:, 2:4] * input_wh / 2
    return np.concatenate([middle - half, middle + half], 1), rows[:, 5:]


def ssd_outputs(config: Path) -> list[str]:
    """The nodes of OpenCV's graph (.pbtxt) that ``from_ssd`` needs: offsets, scores, and the map of each kind of default boxes."""
    nodes = text_message(config.read_text())["node"]
    (last,) = (node for node in nodes if node["op"] == ["DetectionOutput"])
    return [*last["input"][:2], *(node["input"][0] for node in nodes if node["op"] == ["PriorBox"])]


def from_ssd(config: Path, outputs: list[np.ndarray], classes: int) -> Boxes:
    """Caffe's SSD: offsets from default boxes, whose sizes the graph says; ``classes`` with the background."""
    offsets, scores, *maps = outputs
    kinds = [node for node in text_message(config.read_text())["node"] if node["op"] == ["PriorBox"]]
    found = [_default_boxes(_said(kind), each.shape[1]) for kind, each in zip(kinds, maps, strict=True)]
    middle, size = (np.concatenate(part) for part in zip(*found, strict=True))
    offsets = offsets.reshape(-1, 4)
    middle = middle + offsets[:, :2] * 0.1 * size
    size = size * np.exp(offsets[:, 2:] * 0.2)
    return np.concatenate([middle - size / 2, middle + size / 2], 1), scores.reshape(-1, classes)


def _said(node: Message) -> dict[str, list[float]]:
    """A node's attributes that are numbers."""
    said = {}
    for attribute in node["attr"]:
        value = attribute["value"][0]
        numbers = value["tensor"][0]["float_val"] if "tensor" in value else value.get("i") or value.get("f")
        if numbers:
            said[attribute["key"][0]] = [float(number) for number in numbers]
    return said


def _default_boxes(said: dict[str, list[float]], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Middles and sizes: at each place a small square, one between the smallest and the largest, and each shape both ways."""
    assert np.allclose(said["variance"], [0.1, 0.1, 0.2, 0.2])
    least, most, step = said["min_size"][0], said["max_size"][0], said["step"][0]
    shapes = [(least, least), ((least * most) ** 0.5,) * 2]
    for ratio in said["aspect_ratio"]:
        wide, narrow = least * ratio**0.5, least / ratio**0.5
        shapes += [(wide, narrow), (narrow, wide)]
    y, x = (np.repeat((axis.ravel() + said["offset"][0]) * step, len(shapes)) for axis in np.mgrid[:count, :count])
    return np.stack([x, y], 1), np.tile(shapes, (count * count, 1))


def kept(boxes: Boxes, threshold: float, overlap: float) -> list[tuple[int, float, np.ndarray]]:
    """(class, score, corners) of the boxes that are left when each has one class, and no two of a class overlap; best first."""
    corners, scores = boxes
    best = scores.argmax(1)
    found: list[tuple[int, float, np.ndarray]] = []
    for place in np.argsort(-scores.max(1), kind="stable"):
        score = float(scores[place].max())
        if score < threshold:
            break
        rivals = (box for kind, _, box in found if kind == best[place])
        if all(shared(corners[place], rival) <= overlap for rival in rivals):
            found.append((int(best[place]), score, corners[place]))
    return found


def shared(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union."""
    inside = np.prod(np.clip(np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]), 0, None))
    return float(inside / (np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2]) - inside))
