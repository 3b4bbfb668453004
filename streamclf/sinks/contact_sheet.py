"""One picture that tells a run: a frame of each part, with what it is and what the network said."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from streamclf.frame import Image
from streamclf.sink import Result
from streamclf.sinks._encode import encode
from streamclf.sinks._output import open_output, write_whole
from streamclf.stats import RunStats
from streamclf.vision.draw import ACCENT, BRIGHT, SOFT, fit_into, headline, percent
from streamclf.vision.text import Colour, font

_PAPER: Colour = (34, 30, 27)
_WRONG: Colour = (90, 150, 250)
_CELL_W, _GAP = 320, 10
_CAPTION_H, _TITLE_H = 30, 50
_CAPTION = (11, 0.13)
_TITLE = (15, 0.14)
"""Height of a capital in pixels, and the stroke as a part of it."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A frame to keep: the first one from ``first`` on and before ``stop`` that is classified; ``name`` is what it shows."""

    name: str
    first: int
    stop: int


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One kept frame: what it shows, what was said of it, (h, w, 3) uint8 BGR."""

    name: str
    said: str
    probability: float | None
    image: Image


class ContactSheetSink:
    """Writes ``shots`` of one stream as one PNG when closed, whole or not at all. A run that ends before the first of them leaves none.

    Raises :class:`~streamclf.errors.SinkError` where it cannot be written.
    """

    needs_picture = True
    wants_stop = False

    def __init__(self, path: Path, shots: Sequence[Shot], title: str, overwrite: bool = False):
        self._path, self._title = path, title
        self._wanted = sorted(shots, key=lambda shot: shot.first)
        self._cells: list[Cell] = []
        self._model = ""
        self._begun = self._closed = False
        open_output(path, overwrite).close()  # can it be written? It comes at the end

    def write(self, result: Result) -> None:
        """Kept, if it is one of the shots."""
        self._begin()
        prediction = result.prediction
        index = prediction.frame.index
        while self._wanted and index >= self._wanted[0].stop:
            del self._wanted[0]
        if self._wanted and index >= self._wanted[0].first:
            said, probability = headline(prediction, threshold=0.0)
            self._model = prediction.model
            self._cells.append(Cell(self._wanted.pop(0).name, said, probability, _reduced(prediction.frame.image)))

    def tick(self, stats: RunStats) -> None:
        """Nothing to do before the end."""

    def close(self) -> None:
        """Draw and write the sheet. Idempotent."""
        if self._closed:
            return
        self._closed = True
        if self._cells:
            write_whole(self._path, encode(draw_sheet(self._cells, self._title, self._model), ".png", self._path))

    def _begin(self) -> None:
        """The run has started: the sheet of another one goes."""
        if not self._begun:
            self._begun = True
            if self._path.is_file():
                self._path.unlink()


def draw_sheet(cells: Sequence[Cell], title: str, model: str) -> Image:
    """The cells (at least one, their pictures of one size) in a grid under a strip with ``title``, (H, W, 3) uint8 BGR."""
    columns = math.ceil(math.sqrt(len(cells)))
    rows = math.ceil(len(cells) / columns)
    cell_h = cells[0].image.shape[0] + _CAPTION_H
    width = columns * (_CELL_W + _GAP) + _GAP
    sheet = np.empty((_TITLE_H + rows * (cell_h + _GAP), width, 3), np.uint8)
    sheet[:] = _PAPER
    said = f"what was done  |  what {model} said"
    _line(sheet[:_TITLE_H], (title, said), (BRIGHT, SOFT), (_TITLE, _CAPTION))
    for number, cell in enumerate(cells):
        top = _TITLE_H + number // columns * (cell_h + _GAP)
        left = _GAP + number % columns * (_CELL_W + _GAP)
        place = sheet[top : top + cell_h, left : left + _CELL_W]
        place[:-_CAPTION_H] = cell.image
        answer = cell.said if cell.probability is None else f"{cell.said} {percent(cell.probability)}"
        colours = (BRIGHT, ACCENT if cell.said == cell.name else _WRONG)
        _line(place[-_CAPTION_H:], (cell.name, answer), colours, (_CAPTION, _CAPTION))
    return sheet


def _line(
    strip: Image,
    texts: tuple[str, str],
    colours: tuple[Colour, Colour],
    sizes: tuple[tuple[int, float], tuple[int, float]],
) -> None:
    """One text at the left end of ``strip`` and one at the right, in place."""
    margin = _GAP if strip.shape[1] > _CELL_W else 2
    faces = [font(cap_px, weight, colour) for (cap_px, weight), colour in zip(sizes, colours, strict=True)]
    left_w = faces[0].width(texts[0])
    right = faces[1].shorten(texts[1], max(1, strip.shape[1] - 2 * margin - left_w - _GAP))
    for face, text, x in (
        (faces[0], texts[0], margin),
        (faces[1], right, strip.shape[1] - margin - faces[1].width(right)),
    ):
        face.write(strip, text, (x, (strip.shape[0] - face.line_px + 1) // 2))


def _reduced(image: Image) -> Image:
    """As wide as a cell."""
    height = max(1, round(image.shape[0] * _CELL_W / image.shape[1]))
    small = np.empty((height, _CELL_W, 3), np.uint8)
    fit_into(small, image)
    return small
