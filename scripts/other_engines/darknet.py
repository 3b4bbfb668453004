"""Darknet's networks in plain numpy, from their .cfg and .weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scripts.other_engines import NotKnown
from scripts.other_engines.layers import convolution, max_pool, mean_pool, sigmoid, softmax

MADE_BY = f"numpy {np.__version__} (scripts/other_engines/darknet.py)"

Section = tuple[str, dict[str, str]]


def run(config: Path, weights: Path, x: np.ndarray) -> np.ndarray:
    """(1, 3, H, W): (classes,) of a classifier; of a detector (M, 5 + classes): middle, size (shares of the input), objectness and
    its product with each class's score."""
    numbers = _Numbers(weights)
    x = x[0]
    input_hw = x.shape[1:]
    outputs: list[np.ndarray] = []
    boxes = []
    for kind, said in _sections(config):
        if kind == "convolutional":
            x = _convolutional(x, said, numbers)
        elif kind == "maxpool":
            x = _maxpool(x, said)
        elif kind == "avgpool":
            x = mean_pool(x)
        elif kind == "softmax":
            x = softmax(x)
        elif kind == "shortcut":
            x = _activated(x + outputs[_place(said["from"], outputs)], said)
        elif kind == "route":
            x = np.concatenate([outputs[_place(layer, outputs)] for layer in said["layers"].split(",")])
        elif kind == "upsample":
            x = x.repeat(int(said["stride"]), 1).repeat(int(said["stride"]), 2)
        elif kind == "yolo":
            boxes.append(_yolo(x, said, input_hw))
        elif kind not in ("dropout", "cost"):
            raise NotKnown(f"{config}: the layer {kind!r} is not known here")
        outputs.append(x)
    assert numbers.left == 0, f"{numbers.left} numbers are left over"
    return np.concatenate(boxes) if boxes else x


class _Numbers:
    """The weights, one after the other."""

    def __init__(self, path: Path):
        data = path.read_bytes()
        major, minor = np.frombuffer(data, "<i4", 2)
        header = 20 if major * 10 + minor >= 2 else 16
        self._all, self._at = np.frombuffer(data, "<f4", offset=header), 0

    @property
    def left(self) -> int:
        return len(self._all) - self._at

    def next(self, *shape: int) -> np.ndarray:
        count = int(np.prod(shape))
        self._at += count
        return self._all[self._at - count : self._at].reshape(shape)


def _sections(config: Path) -> list[Section]:
    sections: list[Section] = []
    for line in config.read_text().splitlines():
        line = line.partition("#")[0].strip()
        if line.startswith("["):
            sections.append((line.strip("[]"), {}))
        elif line:
            key, _, value = line.partition("=")
            sections[-1][1][key.strip()] = value.strip()
    return sections[1:]  # the first is [net]


def _place(said: str, outputs: list[np.ndarray]) -> int:
    """Layers are counted from here if negative, otherwise from the first."""
    return len(outputs) + int(said) if int(said) < 0 else int(said)


def _convolutional(x: np.ndarray, said: dict[str, str], numbers: _Numbers) -> np.ndarray:
    filters, size, groups = int(said.get("filters", 1)), int(said["size"]), int(said.get("groups", 1))
    bias = numbers.next(filters)
    normed = said.get("batch_normalize") == "1"
    gain, mean, variance = (numbers.next(filters) for _ in range(3)) if normed else (np.ones(filters),) * 3
    weights = numbers.next(filters, x.shape[0] // groups, size, size)
    if normed:
        gain = gain / np.sqrt(variance + 1e-6)
        weights, bias = weights * gain[:, None, None, None], bias - mean * gain
    pad = size // 2 if said.get("pad") == "1" else int(said.get("padding", 0))
    return _activated(convolution(x, weights, bias, int(said.get("stride", 1)), pad, groups), said)


def _activated(x: np.ndarray, said: dict[str, str]) -> np.ndarray:
    kind = said.get("activation", "linear")
    if kind not in ("linear", "leaky"):
        raise NotKnown(f"the activation {kind!r} is not known here")
    return np.where(x > 0, x, x * np.float32(0.1)) if kind == "leaky" else x


def _maxpool(x: np.ndarray, said: dict[str, str]) -> np.ndarray:
    stride = int(said.get("stride", 1))
    size = int(said.get("size", stride))
    padding = int(said.get("padding", size - 1))
    return max_pool(x, size, stride, padding // 2, padding - padding // 2)


def _yolo(x: np.ndarray, said: dict[str, str], input_hw: tuple[int, int]) -> np.ndarray:
    classes = int(said["classes"])
    anchors = np.array(said["anchors"].split(","), float).reshape(-1, 2)[[int(i) for i in said["mask"].split(",")]]
    _, rows, columns = x.shape
    x = x.reshape(len(anchors), 5 + classes, rows, columns).transpose(2, 3, 0, 1)
    bend = float(said.get("scale_x_y", 1))
    corner = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1)[:, :, None]
    middle = (sigmoid(x[..., :2]) * bend - (bend - 1) / 2 + corner) / (columns, rows)
    size = np.exp(x[..., 2:4].astype(np.float64)) * anchors / (input_hw[1], input_hw[0])
    objectness = sigmoid(x[..., 4:5])
    return np.concatenate([middle, size, objectness, objectness * sigmoid(x[..., 5:])], -1).reshape(-1, 5 + classes)
