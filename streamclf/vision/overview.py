"""Fit a picture as an overview and tiles: the whole, squeezed, beside small parts as they are.

A network input is small: squeezed into it, a large picture loses its noise and its slight blur, and how it loses them depends on
the resize. So a network that judges the picture itself gets both, laid side by side in one array::

    +----------+-----+-----+-----+------+      overview: the whole picture, stretched to a square
    |          | top | top | top | flat |      tiles at 1:1, half the height each: the most detailed place of each
    | overview +-----+-----+-----+------+      region (the columns less one, above and below), and last the flattest
    |          | bot | bot | bot | flat |      place of the left and of the right half
    +----------+-----+-----+-----+------+

Blur is judged where there is detail, noise where there is none; a subject in front of a soft background is sharp somewhere.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from streamclf.frame import Image, overview_columns

# Places are looked for in a copy of about this many lines: fine enough to find detail, and cheap at 1080 lines.
_SEARCH_LINES = 288
# Levels (0..255) outside of which a flat place is clipped, and shows no noise whatever the sensor does.
_CLIPPED = (8, 247)
_NEVER = np.float32(1e6)


def overview_and_tiles(image: Image, size_wh: tuple[int, int]) -> Image:
    """(H, W, 3) uint8 to (h, w, 3) uint8, laid out as above; a fresh contiguous array.

    ``w`` is ``h`` and at least two columns of ``h / 2``. A side shorter than a tile is stretched to it.
    """
    width, height = size_wh
    tile = height // 2
    canvas = np.empty((height, width, 3), np.uint8)
    reduced = _reduced(image)
    canvas[:, :height] = cv2.resize(reduced, (height, height), interpolation=cv2.INTER_AREA)
    for number, (x, y) in enumerate(_places(reduced, image.shape, tile, overview_columns(size_wh))):
        column, row = divmod(number, 2)
        cut = image[y : y + tile, x : x + tile]
        if cut.shape[:2] != (tile, tile):
            cut = np.asarray(cv2.resize(cut, (tile, tile), interpolation=cv2.INTER_LINEAR), np.uint8)
        left = height + column * tile
        canvas[row * tile : (row + 1) * tile, left : left + tile] = cut
    return canvas


def _reduced(image: Image) -> Image:
    # Linear reads a few pixels of each block where an area average reads all: 0.2 ms instead of 2 at 1080 lines.
    height, width = image.shape[:2]
    factor = -(-min(height, width) // _SEARCH_LINES)
    if factor == 1:
        return image
    size = width // factor, height // factor
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _places(reduced: Image, shape: tuple[int, ...], tile: int, columns: int) -> list[tuple[int, int]]:
    """The tiles' left upper corners (x, y) in the picture, column by column, upper one first."""
    height, width = shape[:2]
    grey = np.asarray(cv2.cvtColor(reduced, cv2.COLOR_BGR2GRAY), np.uint8)
    steps_x = cv2.convertScaleAbs(cv2.Sobel(grey, cv2.CV_16S, 1, 0))
    steps_y = cv2.convertScaleAbs(cv2.Sobel(grey, cv2.CV_16S, 0, 1))
    steps = np.asarray(cv2.addWeighted(steps_x, 0.5, steps_y, 0.5, 0), np.uint8)
    detail = _means(steps, width, height, tile)
    places = []
    for column in range(columns - 1):
        for row in range(2):
            places.append(_best(detail, (column, columns - 1), (row, 2), width, height, tile))
    light = _means(grey, width, height, tile)
    flatness = -detail
    flatness[(light < _CLIPPED[0]) | (light > _CLIPPED[1])] -= _NEVER
    for half in range(2):
        places.append(_best(flatness, (half, 2), (0, 1), width, height, tile))
    return places


def _means(values: npt.NDArray[np.uint8], width: int, height: int, tile: int) -> npt.NDArray[np.float32]:
    """The mean over the tile at each corner of the reduced picture, for every corner whose tile is inside."""
    rows, columns = values.shape
    across, down = max(1, tile * columns // width), max(1, tile * rows // height)
    across, down = min(across, columns), min(down, rows)
    sums = cv2.boxFilter(
        values, cv2.CV_32F, (across, down), anchor=(0, 0), normalize=True, borderType=cv2.BORDER_REPLICATE
    )
    return np.asarray(sums[: rows - down + 1, : columns - across + 1], np.float32)


def _best(
    score: npt.NDArray[np.float32],
    part_x: tuple[int, int],
    part_y: tuple[int, int],
    width: int,
    height: int,
    tile: int,
) -> tuple[int, int]:
    """The corner of the highest score within a part (number, of how many) of all corners, in the picture's pixels."""
    rows, columns = score.shape
    left, right = _span(columns, *part_x)
    top, bottom = _span(rows, *part_y)
    *_, (x, y) = cv2.minMaxLoc(score[top:bottom, left:right])
    room_x, room_y = max(0, width - tile), max(0, height - tile)
    return (
        (left + x) * room_x // max(1, columns - 1),
        (top + y) * room_y // max(1, rows - 1),
    )


def _span(length: int, number: int, count: int) -> tuple[int, int]:
    start = min(length - 1, length * number // count)
    return start, max(start + 1, length * (number + 1) // count)
