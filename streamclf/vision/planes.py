"""A part of a picture, brought to a network's size straight from a decoder's planes of light and colour."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from streamclf.frame import Image
from streamclf.vision.preprocess import resize_part

Plane: TypeAlias = npt.NDArray[np.uint8]
Matrix: TypeAlias = Literal["bt601", "bt709", "bt2020"]

_SHARES: dict[Matrix, tuple[float, float]] = {
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020": (0.2627, 0.0593),
}
"""The shares of red and of blue in the light."""
# ffmpeg's conversion of subsampled colours rounds down. Its pictures are so many levels darker than the arithmetic (blue, green,
# red; half a level more of each where it stretches a limited range too), measured over random colours on x86-64. It does round
# whole colours, and pictures odd both ways: these come out up to 1.5 levels darker here.
_ROUNDED_DOWN = (0.5, 1.0, 0.5)


@dataclass(frozen=True, slots=True, eq=False)
class Planes:
    """Light (H, W) and two colour differences (blue, red), uint8; these have a sample for ``step_xy`` pixels across and down."""

    light: Plane
    blue: Plane
    red: Plane
    step_xy: tuple[int, int]
    matrix: Matrix
    full_range: bool

    def scale(self, box_xywh: tuple[int, int, int, int], size_wh: tuple[int, int]) -> Image:
        """A box of the picture (pixels) as (h, w, 3) uint8 BGR, by ``area_linear``; a fresh array.

        A colour sample is taken to lie in the middle of its pixels. H.264 puts it half a pixel further left, but so does
        ffmpeg's own conversion to BGR, which gives all pixels of a sample its colour (nv12 and pictures odd both ways apart,
        whose colours it puts up to half a pixel elsewhere).
        """
        x, y, width, height = box_xywh
        across, down = self.step_xy
        colour = x / across, y / down, width / across, height / down
        small = cv2.merge(
            [
                resize_part(self.light, box_xywh, size_wh),
                resize_part(self.blue, colour, size_wh),
                resize_part(self.red, colour, size_wh),
            ]
        )
        return np.asarray(cv2.transform(small, _to_bgr(self.matrix, self.full_range, across > 1)), np.uint8)


@cache
def _to_bgr(matrix: Matrix, full_range: bool, subsampled: bool) -> npt.NDArray[np.float32]:
    """(3, 4): light and colour differences (0..255 each) and 1 to blue, green and red."""
    red, blue = _SHARES[matrix]
    green = 1 - red - blue
    of_blue, of_red = 2 * (1 - blue), 2 * (1 - red)
    mix = np.array([[1, of_blue, 0], [1, -of_blue * blue / green, -of_red * red / green], [1, 0, of_red]])
    zero = np.array([0, 128, 128])
    if not full_range:
        mix *= 255 / np.array([219, 224, 224])
        zero[0] = 16
    offset = -(mix @ zero)
    if subsampled:
        offset -= np.array(_ROUNDED_DOWN) + (0 if full_range else 0.5)
    return np.hstack([mix, offset[:, None]]).astype(np.float32)
