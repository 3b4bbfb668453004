"""Fit a picture as an overview and tiles: the whole, squeezed, beside small parts as they are.

A network input is small: squeezed into it, a large picture loses its noise and its slight blur, and how it loses them depends on
the resize. So a network that judges the picture itself gets both, laid side by side in one array::

    +----------+------+------+---------+---------+------+
    |          | full | full | reduced | reduced | flat |    columns of tiles, half the height each: an upper and a lower one
    | overview +------+------+---------+---------+------+    full: at 1:1; reduced: of the picture brought to 270 lines
    |          | full | full | reduced | reduced | flat |    (a smaller one as it is); flat: at 1:1
    +----------+------+------+---------+---------+------+

The overview is the whole picture, stretched to a square. Full and reduced tiles show the most detailed place of each region (with
two columns of each: of each quarter, less the upper and lower tenth of the picture), the flat ones the flattest place of the left
and of the right half. Noise and compression are judged at 1:1; how much blur a viewer sees depends on the picture's lines, so blur
is judged on the reduced tiles; and noise shows best where nothing else is. A subject in front of a soft background is sharp
somewhere.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from streamclf.frame import Image, overview_columns

# Blur is judged, and places are looked for, in a copy of so many lines: fine enough for both, and cheap at 1080 lines.
_REDUCED_LINES = 270
# Recorders write clock and name into the upper and lower tenth, always sharp: no tile looks for detail there.
_WRITTEN = 0.1
# Levels (0..255) outside of which a flat place is clipped, and shows no noise whatever the sensor does.
_CLIPPED = (8, 247)
_NEVER = np.float32(1e6)


def overview_and_tiles(image: Image, size_wh: tuple[int, int]) -> Image:
    """(H, W, 3) uint8 to (h, w, 3) uint8, laid out as above; a fresh contiguous array.

    ``w`` is ``h`` and an odd number of columns of ``h / 2``. A side shorter than a tile is stretched to it.
    """
    width, height = size_wh
    tile = height // 2
    columns = overview_columns(size_wh) // 2
    canvas = np.empty((height, width, 3), np.uint8)
    reduced = _reduced(image)
    canvas[:, :height] = cv2.resize(reduced, (height, height), interpolation=cv2.INTER_AREA)
    grey = np.asarray(cv2.cvtColor(reduced, cv2.COLOR_BGR2GRAY), np.uint8)
    steps = _steps(grey)
    full_wh = image.shape[1], image.shape[0]
    reduced_wh = reduced.shape[1], reduced.shape[0]
    detail = _means(steps, full_wh, tile)
    cuts = [(image, place) for place in _detailed(detail, columns, full_wh, tile)]
    of_reduced = detail if reduced is image else _means(steps, reduced_wh, tile)
    cuts += [(reduced, place) for place in _detailed(of_reduced, columns, reduced_wh, tile)]
    cuts += [(image, place) for place in _flat(detail, _means(grey, full_wh, tile), full_wh, tile)]
    for number, (whole, (x, y)) in enumerate(cuts):
        column, row = divmod(number, 2)
        cut = whole[y : y + tile, x : x + tile]
        if cut.shape[:2] != (tile, tile):
            cut = np.asarray(cv2.resize(cut, (tile, tile), interpolation=cv2.INTER_LINEAR), np.uint8)
        left = height + column * tile
        canvas[row * tile : (row + 1) * tile, left : left + tile] = cut
    return canvas


def _reduced(image: Image) -> Image:
    # Linear reads a few pixels of each block where an area average reads all: 0.2 ms instead of 2 at 1080 lines.
    height, width = image.shape[:2]
    scale = _REDUCED_LINES / min(height, width)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _steps(grey: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """How much happens at each pixel: the mean of both slopes."""
    across = cv2.convertScaleAbs(cv2.Sobel(grey, cv2.CV_16S, 1, 0))
    down = cv2.convertScaleAbs(cv2.Sobel(grey, cv2.CV_16S, 0, 1))
    return np.asarray(cv2.addWeighted(across, 0.5, down, 0.5, 0), np.uint8)


def _detailed(
    detail: npt.NDArray[np.float32], columns: int, picture_wh: tuple[int, int], tile: int
) -> list[tuple[int, int]]:
    """The most detailed place of each region, column by column, the upper one first: left upper corners (x, y)."""
    rows = detail.shape[0]
    corners_a_line = max(1, rows - 1) / max(1, picture_wh[1] - tile)
    margin = min((rows - 1) // 2, round(_WRITTEN * picture_wh[1] * corners_a_line))
    regions = [((column, columns), (row, 2)) for column in range(columns) for row in range(2)]
    return [_best(detail, across, down, picture_wh, tile, margin) for across, down in regions]


def _flat(
    detail: npt.NDArray[np.float32], light: npt.NDArray[np.float32], picture_wh: tuple[int, int], tile: int
) -> list[tuple[int, int]]:
    """The flattest place of the left and of the right half that is not clipped, if there is one."""
    flatness = -detail
    flatness[(light < _CLIPPED[0]) | (light > _CLIPPED[1])] -= _NEVER
    return [_best(flatness, (half, 2), (0, 1), picture_wh, tile) for half in range(2)]


def _means(values: npt.NDArray[np.uint8], picture_wh: tuple[int, int], tile: int) -> npt.NDArray[np.float32]:
    """The mean of ``values`` (the reduced picture's) over a tile of the picture, for every corner whose tile is inside."""
    width, height = picture_wh
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
    picture_wh: tuple[int, int],
    tile: int,
    margin: int = 0,
) -> tuple[int, int]:
    """The corner of the highest score within a part (number, of how many) of all corners, in the picture's pixels.

    The first and the last ``margin`` rows of corners are left out.
    """
    rows, columns = score.shape
    left, right = _span(columns, *part_x)
    top, bottom = (margin + place for place in _span(rows - 2 * margin, *part_y))
    *_, (x, y) = cv2.minMaxLoc(score[top:bottom, left:right])
    room_x, room_y = (max(0, side - tile) for side in picture_wh)
    return (left + x) * room_x // max(1, columns - 1), (top + y) * room_y // max(1, rows - 1)


def _span(length: int, number: int, count: int) -> tuple[int, int]:
    start = min(length - 1, length * number // count)
    return start, max(start + 1, length * (number + 1) // count)
