"""The evaluation as pictures: who is taken for whom, and the frames it gets wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt
from second_frames import LABELS, sample
from second_pixels import detailed_part, luma

from streamclf.frame import Image
from streamclf.vision.text import font

if TYPE_CHECKING:
    from evaluate import Answer

Ints = npt.NDArray[np.int64]
PAPER, EMPTY, INK, FAINT, GOOD, BAD = (
    (30, 26, 24),
    (44, 39, 36),
    (235, 235, 235),
    (150, 150, 150),
    (120, 150, 40),
    (60, 60, 210),
)
"""Dark: the project's text lies on dark ground. Blue, green, red."""
CELL = 52
TILE_WH = (236, 150)
MOST_WRONG, COLUMNS = 40, 4


def confusion_picture(tables: dict[int, Ints]) -> Image:
    """Two panels a row, one for each size of the frames: shares of each true class in percent, (H, W, 3)."""
    panels = [_panel(f"{lines} lines", table) for lines, table in tables.items()]
    if len(panels) % 2:
        panels.append(np.full_like(panels[0], PAPER))
    return np.vstack([np.hstack(panels[at : at + 2]) for at in range(0, len(panels), 2)])


def _panel(title: str, table: Ints) -> Image:
    left, top = 132, 130
    side = CELL * len(LABELS)
    panel = np.full((top + side + 24, left + side + 62, 3), PAPER, np.uint8)
    head, small, strong = font(18, 0.16, INK), font(14, 0.13, INK), font(13, 0.15, INK)
    head.write(panel, title, (left, 10))
    hint = "rows: true, columns: said, in %"
    font(13, 0.13, FAINT).write(panel, hint, (left + head.width(title) + 20, 13))
    share = 100 * table / np.maximum(1, table.sum(1, keepdims=True))
    for row, label in enumerate(LABELS):
        y = top + row * CELL
        small.write(panel, label, (left - 10 - small.width(label), y + CELL // 2 - 8))
        _slanted(panel, label, (left + row * CELL + 8, top - 6))
        for column in range(len(LABELS)):
            value, x = share[row, column], left + column * CELL
            colour = np.float32(GOOD if row == column else BAD)
            # Rare mistakes are what one looks for: the root makes 1 % visible.
            depth = value / 100 if row == column else min(1.0, (value / 25) ** 0.5)
            ground = np.float32(EMPTY) + (colour - np.float32(EMPTY)) * np.float32(0.85 * depth)
            panel[y + 1 : y + CELL - 1, x + 1 : x + CELL - 1] = ground.astype(np.uint8)
            if value:
                text = f"{value:.1f}" if value < 99.95 else "100"
                strong.write(panel, text, (x + (CELL - strong.width(text)) // 2, y + CELL // 2 - 9))
    return panel


def _slanted(panel: Image, text: str, foot_xy: tuple[int, int]) -> None:
    # Upright columns' names would be wider than the columns.
    face = font(14, 0.13, INK)
    side = face.width(text) + 20
    flat = np.zeros((side * 2, side * 2, 3), np.uint8)
    face.write(flat, text, (side, side - face.line_px // 2))
    turn = cv2.getRotationMatrix2D((side, side), 40, 1.0)
    turned = np.asarray(cv2.warpAffine(flat, turn, (side * 2, side * 2), flags=cv2.INTER_LINEAR), np.uint8)
    x, y = foot_xy[0] + 6, foot_xy[1] - 8
    rows = slice(max(0, y - side), y + 14)
    part = panel[rows, x - 6 : x + side]
    cut = turned[rows.start - y + side : rows.stop - y + side, side - 6 : side - 6 + part.shape[1]]
    cv2.max(part, cut, dst=part)


def wrong_picture(wrong: Sequence[Answer]) -> Image:
    """The mistakes, the surest first within each pair of classes: the frame shrunk, and its most detailed part as it is."""
    worst = sorted(wrong, key=lambda answer: -max(answer.probabilities))[:MOST_WRONG]
    worst.sort(key=lambda a: (LABELS.index(a.task.label), LABELS.index(a.said), -max(a.probabilities)))
    cells = [_mistake(answer) for answer in worst]
    if not cells:
        blank = np.full((60, 2 * TILE_WH[0], 3), PAPER, np.uint8)
        font(17, 0.16, INK).write(blank, "no mistakes", (12, 18))
        return blank
    columns = min(COLUMNS, len(cells))
    cells += [np.full_like(cells[0], PAPER)] * (-len(cells) % columns)
    return np.vstack([np.hstack(cells[at : at + columns]) for at in range(0, len(cells), columns)])


def _mistake(answer: Answer) -> Image:
    task = answer.task
    image = sample(task.label, task.lines, task.number, task.seed, task.split).image
    width, height = TILE_WH
    cell = np.full((height + 44, 2 * width + 12, 3), PAPER, np.uint8)
    _lay(cell[2 : 2 + height, 2 : 2 + width], _shrunk(image, width, height))
    _lay(cell[2 : 2 + height, 6 + width : 6 + 2 * width], _detail(image, width, height))
    face, faint = font(14, 0.16, INK), font(11, 0.13, FAINT)
    face.write(
        cell, f"{task.label} called {answer.said} {max(answer.probabilities):.0%}, {task.lines} lines", (6, height + 5)
    )
    faint.write(cell, faint.shorten(answer.what, 2 * width), (6, height + 26))
    return cell


def _shrunk(image: Image, width: int, height: int) -> Image:
    scale = min(width / image.shape[1], height / image.shape[0])
    size = (max(1, int(image.shape[1] * scale)), max(1, int(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _detail(image: Image, width: int, height: int) -> Image:
    x, y, side = detailed_part(luma(image))
    left = max(0, min(x + side // 2 - width // 2, image.shape[1] - width))
    top = max(0, min(y + side // 2 - height // 2, image.shape[0] - height))
    return image[top : top + height, left : left + width]


def _lay(room: Image, picture: Image) -> None:
    y, x = (room.shape[0] - picture.shape[0]) // 2, (room.shape[1] - picture.shape[1]) // 2
    room[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
