"""What a TensorFlow Lite file says of its network's two ends, without any library: names, shapes, types, quantisation.

The file is a flatbuffer (flatbuffers.dev/internals): a table begins with the distance back to its vtable, which holds for each field
the place in the table, or 0 where the field is left at its default. Fields are known by their number in TensorFlow Lite's schema.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamclf.errors import ModelFileError

_TYPES = {0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 7: "int16", 9: "int8"}
_EIGHT_BITS = ("uint8", "int8")
_SUBGRAPHS, _BUFFERS = 2, 4  # of the model
_DATA = 0  # of a buffer
_TENSORS, _INPUTS, _OUTPUTS = 0, 1, 2  # of a subgraph
_SHAPE, _TYPE, _NAME, _QUANTISATION, _OPEN_SHAPE = 0, 1, 3, 4, 7  # of a tensor
_SCALE, _ZERO_POINT = 2, 3  # of a quantisation


@dataclass(frozen=True, slots=True)
class TfliteTensor:
    """A tensor as the file describes it. ``step`` and ``zero_point``: a number is (level - zero_point) * step."""

    name: str
    shape: tuple[int, ...]
    """An axis that is left open is -1."""
    dtype: str
    step: float | None
    """None where it is not quantised, or not as a whole."""
    zero_point: int

    @property
    def is_quantised(self) -> bool:
        """Whether it holds levels of 8 bits instead of numbers."""
        return self.dtype in _EIGHT_BITS and self.step is not None


@dataclass(frozen=True, slots=True)
class TfliteEnds:
    """The inputs and outputs of a network, in its own order. ``has_levels``: something in it is quantised to 8 bits."""

    inputs: tuple[TfliteTensor, ...]
    outputs: tuple[TfliteTensor, ...]
    has_levels: bool


def read_tflite(path: Path) -> TfliteEnds:
    """The two ends of the network in a file.

    Raises:
        ModelFileError: the file cannot be read, or is no whole TensorFlow Lite network.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read ({error.strerror or error})") from error
    try:
        model = _Table.root(content)
        for buffer in model.tables(_BUFFERS):  # LiteRT does not look whether they end before the file does
            buffer.check_bytes(_DATA)
        (graph, *_) = model.tables(_SUBGRAPHS)
        tables = list(graph.tables(_TENSORS))
        inputs, outputs = ([_tensor(tables[at]) for at in graph.numbers(field, "i")] for field in (_INPUTS, _OUTPUTS))
        has_levels = any(_TYPES.get(table.number(_TYPE, "b")) in _EIGHT_BITS and _steps(table) for table in tables)
    except (struct.error, IndexError, ValueError) as error:  # also of text that is none
        raise ModelFileError(f"{path}: is no whole TensorFlow Lite network; get the file anew") from error
    return TfliteEnds(tuple(inputs), tuple(outputs), has_levels)


def _tensor(table: _Table) -> TfliteTensor:
    steps = _steps(table)
    quantisation = table.table(_QUANTISATION)
    zero_points = quantisation.numbers(_ZERO_POINT, "q") if quantisation else ()
    number = table.number(_TYPE, "b")
    return TfliteTensor(
        table.text(_NAME),
        tuple(table.numbers(_OPEN_SHAPE, "i") or table.numbers(_SHAPE, "i")),
        _TYPES.get(number, f"type {number}"),
        steps[0] if len(steps) == 1 else None,
        zero_points[0] if zero_points else 0,
    )


def _steps(table: _Table) -> tuple[float, ...]:
    quantisation = table.table(_QUANTISATION)
    return quantisation.numbers(_SCALE, "f") if quantisation else ()


class _Table:
    """A table of a flatbuffer. A field that is not there is empty, or 0; a place outside the file is a ``struct.error``."""

    def __init__(self, content: bytes, at: int):
        self._content, self._at = content, at
        self._fields = at - self._unpack("i", at)

    @classmethod
    def root(cls, content: bytes) -> _Table:
        """The one that the file begins with."""
        return cls(content, struct.unpack_from("<I", content, 0)[0])

    def number(self, field: int, kind: str) -> int:
        """A number; ``kind`` as in ``struct``."""
        place = self._place(field)
        return int(self._unpack(kind, place)) if place else 0

    def numbers(self, field: int, kind: str) -> tuple[Any, ...]:
        """A vector of numbers."""
        start, count = self._vector(field)
        return struct.unpack_from(f"<{count}{kind}", self._content, start)

    def text(self, field: int) -> str:
        """A text; raises ValueError where it is none."""
        start, count = self._vector(field)
        return self._content[start : start + count].decode()

    def check_bytes(self, field: int) -> None:
        """Raise ``struct.error`` if a vector of bytes ends after the file."""
        start, count = self._vector(field)
        if start + count > len(self._content):
            raise struct.error("after the file's end")

    def table(self, field: int) -> _Table | None:
        """A table inside this one."""
        place = self._place(field)
        return _Table(self._content, place + self._unpack("I", place)) if place else None

    def tables(self, field: int) -> Iterator[_Table]:
        """A vector of tables."""
        start, count = self._vector(field)
        for place in range(start, start + 4 * count, 4):
            yield _Table(self._content, place + self._unpack("I", place))

    def _vector(self, field: int) -> tuple[int, int]:
        """Where its elements begin, and how many there are."""
        place = self._place(field)
        if not place:
            return 0, 0
        start = place + self._unpack("I", place)
        return start + 4, int(self._unpack("I", start))

    def _place(self, field: int) -> int:
        entry = 4 + 2 * field
        if entry >= self._unpack("H", self._fields):
            return 0
        place = self._unpack("H", self._fields + entry)
        return int(self._at + place) if place else 0

    def _unpack(self, kind: str, place: int) -> Any:
        if place < 0:
            raise struct.error("before the file's beginning")
        return struct.unpack_from(f"<{kind}", self._content, place)[0]
