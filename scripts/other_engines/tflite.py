"""Quantised TensorFlow Lite networks in plain numpy: whole levels from layer to layer, rounded where their definition rounds."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from scripts.other_engines import NotKnown
from scripts.other_engines.layers import softmax

MADE_BY = "numpy (scripts/other_engines/tflite.py)"
TYPES = {2: np.int32, 3: np.uint8, 9: np.int8}
HAIR = 1e-3
"""Of a level: what lies so little below the middle of two goes up, as the middle itself. -1 to 1 in 255 steps lies there altogether."""
NONE, RELU, RELU6 = 0, 1, 3


@dataclass
class Tensor:
    """``scale`` and ``zero`` are arrays that fit the last axis; ``levels`` whole numbers as float64, None until they are computed."""

    shape: tuple[int, ...]
    dtype: Any
    scale: np.ndarray
    zero: np.ndarray
    levels: np.ndarray | None

    @property
    def centred(self) -> np.ndarray:
        assert self.levels is not None
        return self.levels - self.zero

    @property
    def numbers(self) -> np.ndarray:
        return self.centred * self.scale

    def take(self, numbers: np.ndarray, activation: int = NONE, hair: float = 0.0) -> None:
        """Round numbers to levels, within the type's range and the activation's."""
        limits = np.iinfo(self.dtype)
        least, most = float(limits.min), float(limits.max)
        if activation in (RELU, RELU6):
            least = max(least, float(self.zero[0]))
        if activation == RELU6:
            most = min(most, float(self.zero[0] + np.rint(6 / self.scale[0])))
        self.levels = (np.floor(numbers / self.scale + 0.5 + hair) + self.zero).clip(least, most).reshape(self.shape)


def run(weights: Path, x: np.ndarray) -> list[np.ndarray]:
    """The outputs for a picture (1, C, H, W): TensorFlow Lite wants the channels last."""
    model = Table.root(weights.read_bytes())
    codes = [max(code.number(0, "b"), code.number(3, "i")) for code in model.tables(1)]
    buffers = [buffer.raw(0) for buffer in model.tables(4)]
    graph = next(model.tables(2))
    tensors = [tensor(each, buffers) for each in graph.tables(0)]
    (start,) = graph.numbers(1, "i")
    tensors[start].take(x.transpose(0, 2, 3, 1).astype(np.float64), hair=HAIR)
    for operator in graph.tables(3):
        code = codes[operator.number(0, "I")]
        if code not in LAYERS:
            raise NotKnown(f"TensorFlow Lite's operator {code} is not known here")
        (into,) = operator.numbers(2, "i")
        inputs = [tensors[number] for number in operator.numbers(1, "i")]
        LAYERS[code](inputs, tensors[into], operator.table(4))
    return [tensors[number].numbers for number in graph.numbers(2, "i")]


def tensor(table: Table, buffers: list[bytes]) -> Tensor:
    shape, number = table.numbers(0, "i"), table.number(1, "b")
    if number not in TYPES:
        raise NotKnown("only networks of 8 bits are known here")
    quantisation = table.table(4)
    scale = np.array(quantisation.numbers(2, "f") if quantisation else (), np.float64)
    zero = np.array(quantisation.numbers(3, "q") if quantisation else (), np.float64)
    content = buffers[table.number(2, "I")]
    levels = np.frombuffer(content, TYPES[number]).astype(np.float64).reshape(shape) if content else None
    return Tensor(shape, TYPES[number], scale if scale.size else np.ones(1), zero if zero.size else np.zeros(1), levels)


def add(inputs: list[Tensor], into: Tensor, options: Table) -> None:
    into.take(inputs[0].numbers + inputs[1].numbers, options.number(0, "b"))


def average(inputs: list[Tensor], into: Tensor, options: Table) -> None:
    """Of the whole picture only."""
    levels = inputs[0].numbers
    if levels.shape[1:3] != (options.number(4, "i"), options.number(3, "i")):
        raise NotKnown("only a mean of the whole picture is known here")
    into.take(levels.mean((1, 2)))


def mean(inputs: list[Tensor], into: Tensor, _: Table) -> None:
    into.take(inputs[0].numbers.mean(tuple(int(axis) for axis in inputs[1].levels)))


def convolution(inputs: list[Tensor], into: Tensor, options: Table) -> None:
    x, kernel, bias = inputs
    windows = patches(x, kernel.shape[1:3], options)
    centred = kernel.levels - kernel.zero.reshape(-1, 1, 1, 1)
    sums = np.tensordot(windows, centred, ((2, 3, 4), (3, 1, 2))) + bias.levels
    into.take(sums * (x.scale * kernel.scale), options.number(3, "b"))


def depthwise(inputs: list[Tensor], into: Tensor, options: Table) -> None:
    x, kernel, bias = inputs
    if options.number(3, "i") != 1:
        raise NotKnown("only one kernel a channel is known here")
    sums = np.einsum("hwcij,ijc->hwc", patches(x, kernel.shape[1:3], options), kernel.centred[0]) + bias.levels
    into.take(sums * (x.scale * kernel.scale), options.number(4, "b"))


def patches(x: Tensor, size: tuple[int, int], options: Table) -> np.ndarray:
    """(H, W, C, k, k), what each place of the output sees; zeros around the picture where the padding is "same"."""
    steps = options.number(2, "i"), options.number(1, "i")
    picture = x.centred[0]
    if options.number(0, "b") == 0:
        missing = [
            max((-(-side // step) - 1) * step + k - side, 0)
            for side, step, k in zip(picture.shape, steps, size, strict=False)
        ]
        picture = np.pad(picture, [*((each // 2, each - each // 2) for each in missing), (0, 0)])
    return sliding_window_view(picture, size, (0, 1))[:: steps[0], :: steps[1]]


def same(inputs: list[Tensor], into: Tensor, _: Table) -> None:
    into.take(inputs[0].numbers)


def soft(inputs: list[Tensor], into: Tensor, _: Table) -> None:
    into.take(softmax(inputs[0].numbers))


LAYERS = {0: add, 1: average, 3: convolution, 4: depthwise, 22: same, 25: soft, 40: mean, 114: same}
"""By their numbers in TensorFlow Lite's schema."""


class Table:
    """A table of a flatbuffer; fields by their numbers, those that are left out are 0 or empty."""

    def __init__(self, content: bytes, at: int):
        self.content, self.at = content, at

    @classmethod
    def root(cls, content: bytes) -> Table:
        return cls(content, struct.unpack_from("<I", content)[0])

    def place(self, field: int) -> int | None:
        fields = self.at - struct.unpack_from("<i", self.content, self.at)[0]
        (length,) = struct.unpack_from("<H", self.content, fields)
        offset = struct.unpack_from("<H", self.content, fields + 4 + 2 * field)[0] if 4 + 2 * field < length else 0
        return self.at + offset if offset else None

    def number(self, field: int, kind: str) -> int:
        place = self.place(field)
        return 0 if place is None else struct.unpack_from(f"<{kind}", self.content, place)[0]

    def behind(self, place: int) -> int:
        return place + struct.unpack_from("<I", self.content, place)[0]

    def vector(self, field: int) -> tuple[int, int]:
        place = self.place(field)
        if place is None:
            return 0, 0
        start = self.behind(place)
        return start + 4, struct.unpack_from("<I", self.content, start)[0]

    def numbers(self, field: int, kind: str) -> tuple[Any, ...]:
        start, count = self.vector(field)
        return struct.unpack_from(f"<{count}{kind}", self.content, start)

    def raw(self, field: int) -> bytes:
        start, count = self.vector(field)
        return self.content[start : start + count]

    def table(self, field: int) -> Table | None:
        place = self.place(field)
        return None if place is None else Table(self.content, self.behind(place))

    def tables(self, field: int) -> Iterator[Table]:
        start, count = self.vector(field)
        for place in range(start, start + 4 * count, 4):
            yield Table(self.content, self.behind(place))
