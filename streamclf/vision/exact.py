"""Painting in whole numbers only, so that a picture has the same bytes on every machine and with every library.

Colours are (blue, green, red), 0..255; a light of 256 leaves a colour as it is. A place's ``rim`` in an oval is 0 in its middle and
256 at its edge.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from streamclf.frame import Image

Whole: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]
Colour: TypeAlias = tuple[int, int, int]
Light: TypeAlias = int | Callable[["Canvas"], Whole]
"""The same everywhere, or of each place of the part that is painted."""

FULL = 256


class Canvas:
    """A part of a picture, (H, W, 3) whole numbers, with the ``x`` and ``y`` of its places in the whole one."""

    def __init__(self, pixels: Whole, x: Whole, y: Whole, rim: Whole | None = None):
        self.pixels, self.x, self.y = pixels, x, y
        self._rim = rim

    @classmethod
    def empty(cls, width: int, height: int) -> Canvas:
        """A black one."""
        y, x = np.mgrid[:height, :width].astype(np.int64)
        return cls(np.zeros((height, width, 3), np.int64), x, y)

    @property
    def rim(self) -> Whole:
        """Of the oval that is being painted."""
        assert self._rim is not None
        return self._rim

    def ground(self, blue: Whole, green: Whole, red: Whole) -> None:
        """Paint all of it, a number a place and channel."""
        self.pixels[...] = np.stack([blue, green, red], -1)

    def box(self, left: int, top: int, right: int, bottom: int, colour: Colour, light: Light = FULL) -> None:
        """Paint a rectangle; ``right`` and ``bottom`` are outside."""
        part = self.part(left, top, right, bottom)
        part.fill(np.ones(part.x.shape, np.bool_), colour, light)

    def oval(self, at_xy: tuple[int, int], radii: tuple[int, int], colour: Colour, light: Light = FULL) -> None:
        """Paint an ellipse."""
        part = self.around(at_xy, radii)
        part.fill(part.rim <= FULL, colour, light)

    def shade(self, at_xy: tuple[int, int], radii: tuple[int, int], light: int) -> None:
        """Dim (or brighten) what is in an ellipse: most in its middle, not at all at its rim."""
        part = self.around(at_xy, radii)
        inside = part.rim <= FULL
        part.pixels[inside] = (part.pixels * (light + part.rim * (FULL - light) // FULL)[..., None] // FULL)[inside]

    def fill(self, where: Mask, colour: Colour, light: Light = FULL) -> None:
        """Paint the places of a mask (H, W) of this part."""
        strength = np.full(self.x.shape, light, np.int64) if isinstance(light, int) else light(self)
        paint = np.array(colour, np.int64) * strength[..., None] // FULL
        self.pixels[where] = paint.clip(0, 255)[where]

    def around(self, at_xy: tuple[int, int], radii: tuple[int, int]) -> Canvas:
        """The part with an ellipse in it, and the ``rim`` of that."""
        (x, y), (across, down) = at_xy, radii
        part = self.part(x - across, y - down, x + across + 1, y + down + 1)
        return Canvas(part.pixels, part.x, part.y, rim(part, at_xy, radii))

    def part(self, left: int, top: int, right: int, bottom: int) -> Canvas:
        """A rectangle, cut at the borders of this part. All coordinates are those of the whole picture."""
        first_x, first_y = int(self.x[0, 0]), int(self.y[0, 0])
        rows = slice(max(0, top - first_y), max(0, bottom - first_y))
        columns = slice(max(0, left - first_x), max(0, right - first_x))
        return Canvas(self.pixels[rows, columns], self.x[rows, columns], self.y[rows, columns])

    def finish(self, blur_px: int, grain: Whole) -> Image:
        """The picture at half the size, (H / 2, W / 2, 3) uint8 BGR: softened, then with ``grain`` (H, W, 3 or 1) added."""
        pixels = _soft(self.pixels.clip(0, 255), blur_px) + grain
        pixels = pixels.clip(0, 255)
        halves = pixels[::2, ::2] + pixels[1::2, ::2] + pixels[::2, 1::2] + pixels[1::2, 1::2]
        return np.asarray(halves // 4, np.uint8)


def rim(canvas: Canvas, at_xy: tuple[int, int], radii: tuple[int, int]) -> Whole:
    """How far out each place is in an ellipse, which may reach beyond the canvas: 0 in its middle, 256 at its edge."""
    (x, y), (across, down) = at_xy, radii
    far_x, far_y = (canvas.x - x) * down, (canvas.y - y) * across
    size = across * down
    return (far_x * far_x + far_y * far_y) * FULL // (size * size)


def grain(x: Whole, y: Whole, seed: int) -> Whole:
    """A number 0..255 for each place, without any pattern."""
    mixed = (x * 374761393 + y * 668265263 + seed * 974634777) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 13)) * 1274126177) & 0xFFFFFFFF
    return (mixed ^ (mixed >> 16)) & 0xFF


def clouds(x: Whole, y: Whole, cell_px: int, seed: int) -> Whole:
    """A number 0..255 for each place, changing slowly from one cell to the next."""
    column, row = x // cell_px, y // cell_px
    right, down = x % cell_px, y % cell_px
    upper = _between(grain(column, row, seed), grain(column + 1, row, seed), right, cell_px)
    lower = _between(grain(column, row + 1, seed), grain(column + 1, row + 1, seed), right, cell_px)
    return _between(upper, lower, down, cell_px) // cell_px // cell_px


def _between(near: Whole, far: Whole, step: Whole, steps: int) -> Whole:
    """``steps`` times the value ``step`` steps from ``near`` to ``far``."""
    return near * (steps - step) + far * step


def _soft(pixels: Whole, reach_px: int) -> Whole:
    """Each place the mean of those up to ``reach_px`` away, along both axes."""
    size = 2 * reach_px + 1
    for axis in (0, 1):
        length = pixels.shape[axis]
        pad = [(0, 0)] * 3
        pad[axis] = (reach_px + 1, reach_px)
        sums = np.pad(pixels, pad, mode="edge").cumsum(axis)
        pixels = (sums.take(range(size, size + length), axis) - sums.take(range(length), axis)) // size
    return pixels
