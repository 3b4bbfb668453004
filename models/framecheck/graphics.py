"""Clean pictures made by people and machines, not by a camera before a place: pages, screenshots, cartoons."""

from __future__ import annotations

import cv2
import numpy as np
from pixels import FONTS, Rng, clouds, colour, mix, word

from streamclf.frame import Image


def table(shape_hw: tuple[int, int], rng: Rng) -> Image:
    """A spreadsheet or a departure board: rows and columns of numbers and words."""
    height, width = shape_hw
    is_light = rng.random() < 0.5
    ground, ink = (
        (colour(rng, 220, 255), colour(rng, 0, 60)) if is_light else (colour(rng, 0, 50), colour(rng, 160, 255))
    )
    page = np.full((height, width, 3), ground, np.uint8)
    rows, columns = int(rng.integers(6, 28)), int(rng.integers(3, 10))
    step_y, step_x = height / rows, width / columns
    size = min(step_y / 40, step_x / 160) * rng.uniform(0.7, 1.1)
    font, thick = int(rng.choice(FONTS)), max(1, round(size * rng.uniform(1, 2.2)))
    has_lines, line = rng.random() < 0.5, colour(rng, 80, 170)
    cv2.rectangle(page, (0, 0), (width, round(step_y)), colour(rng), -1)
    for row in range(rows):
        y = round((row + 0.7) * step_y)
        if has_lines:
            cv2.line(page, (0, round(row * step_y)), (width, round(row * step_y)), line, 1)
        for column in range(columns):
            if rng.random() < 0.9:
                text = word(rng).capitalize() if rng.random() < 0.3 else f"{rng.uniform(0, 1000):.1f}"
                cv2.putText(page, text, (round((column + 0.1) * step_x), y), font, size, ink, thick, cv2.LINE_AA)
    return page


def _line_of_text(rng: Rng, words: int) -> str:
    text = " ".join(word(rng) for _ in range(words))
    return text.capitalize() if rng.random() < 0.5 else text


def text_page(shape_hw: tuple[int, int], rng: Rng) -> Image:
    """A page or a terminal: many lines of text."""
    height, width = shape_hw
    is_light = rng.random() < 0.65
    paper, ink = (
        (colour(rng, 215, 255), colour(rng, 0, 70)) if is_light else (colour(rng, 0, 45), colour(rng, 150, 255))
    )
    page = np.full((height, width, 3), paper, np.uint8)
    if rng.random() < 0.4:  # uneven light, as on a photographed page
        page = np.clip(page * (1 - 0.25 * clouds(shape_hw, rng, 2)[..., None]), 0, 255).astype(np.uint8)
    lines = int(rng.integers(8, 34))
    step = height / (lines + 1)
    font, scale = int(rng.choice(FONTS)), step / 36 * rng.uniform(0.75, 1.1)
    thick = max(1, round(scale * rng.uniform(0.8, 2.2)))
    columns = int(rng.integers(1, 4)) if width > height else 1
    for column in range(columns):
        for row in range(lines):
            if rng.random() < 0.08:
                continue
            words = int(rng.integers(2, max(3, round(12 / columns)) + 1))
            spot = (round(width * (column + 0.06) / columns), round(step * (row + 1)))
            tint = colour(rng, 60, 220) if rng.random() < 0.08 else ink
            cv2.putText(page, _line_of_text(rng, words), spot, font, scale, tint, thick, cv2.LINE_AA)
        if column:
            left = round(width * column / columns) - 2
            page[:, left : left + 4] = page[:1, :1]
    return page


def screenshot(shape_hw: tuple[int, int], rng: Rng) -> Image:
    """A desktop: windows, title bars, buttons, icons, text, charts."""
    height, width = shape_hw
    unit = height / 100
    if rng.random() < 0.5:
        desk = mix(colour(rng), colour(rng), clouds(shape_hw, rng, int(rng.integers(1, 4))))
    else:
        desk = np.full((height, width, 3), colour(rng), np.uint8)
    for _ in range(int(rng.integers(2, 7))):
        w, h = int(width * rng.uniform(0.25, 0.75)), int(height * rng.uniform(0.25, 0.8))
        x, y = int(rng.integers(-w // 4, width - w // 2)), int(rng.integers(0, height - h // 2))
        light = rng.random() < 0.6
        face = colour(rng, 225, 255) if light else colour(rng, 15, 60)
        ink = (20, 20, 20) if light else (230, 230, 230)
        cv2.rectangle(desk, (x, y), (x + w, y + h), face, -1)
        cv2.rectangle(desk, (x, y), (x + w, y + round(5 * unit)), colour(rng), -1)
        cv2.rectangle(desk, (x, y), (x + w, y + h), colour(rng, 60, 200), 1)
        size = unit * rng.uniform(0.05, 0.11)
        for row in range(int(h / unit / 5)):
            spot = (round(x + rng.uniform(1, 12) * unit), round(y + (9 + row * 5) * unit))
            if spot[1] > y + h - unit:
                break
            kind = rng.random()
            if kind < 0.65:
                text = _line_of_text(rng, int(rng.integers(1, 8)))
                cv2.putText(desk, text, spot, 0, size, ink, max(1, round(size * 1.4)), cv2.LINE_AA)
            elif kind < 0.8:
                end = (spot[0] + round(rng.uniform(4, 20) * unit), spot[1] + round(3 * unit))
                cv2.rectangle(desk, spot, end, colour(rng), -1)
            elif kind < 0.9:
                cv2.circle(desk, spot, max(1, round(1.5 * unit)), colour(rng), -1, cv2.LINE_AA)
            else:
                xs = np.linspace(spot[0], spot[0] + w * 0.4, 30)
                ys = spot[1] + np.cumsum(rng.normal(0, unit * 0.5, 30))
                cv2.polylines(desk, [np.stack([xs, ys], 1).astype(np.int32)], False, colour(rng), 1, cv2.LINE_AA)
    return desk


def cartoon(shape_hw: tuple[int, int], rng: Rng) -> Image:
    """Flat colours with outlines."""
    height, width = shape_hw
    image = np.full((height, width, 3), colour(rng, 60, 255), np.uint8)
    outline = max(1, round(height * rng.uniform(0.002, 0.012)))
    if rng.random() < 0.7:
        cv2.rectangle(image, (0, round(height * rng.uniform(0.4, 0.8))), (width, height), colour(rng), -1)
    for _ in range(int(rng.integers(5, 40))):
        tint = colour(rng)
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        size = height * float(rng.choice([0.03, 0.08, 0.15, 0.3])) * rng.uniform(0.6, 1.4)
        kind = int(rng.integers(4))
        if kind == 0:
            axes = (max(1, round(size)), max(1, round(size * rng.uniform(0.4, 1))))
            for fill, ink in ((-1, tint), (outline, (15, 15, 15))):
                cv2.ellipse(image, centre, axes, 0, 0, 360, ink, fill, cv2.LINE_AA)
        elif kind == 1:
            corner = (round(centre[0] + size * rng.uniform(0.5, 2)), round(centre[1] + size * rng.uniform(0.5, 2)))
            cv2.rectangle(image, centre, corner, tint, -1)
            cv2.rectangle(image, centre, corner, (15, 15, 15), outline)
        elif kind == 2:
            count = int(rng.integers(3, 9))
            angles = np.sort(rng.uniform(0, 2 * np.pi, count))
            reach = size * rng.uniform(0.5, 1.2, count)
            points = np.stack([centre[0] + reach * np.cos(angles), centre[1] + reach * np.sin(angles)], 1).astype(
                np.int32
            )
            cv2.fillPoly(image, [points], tint, cv2.LINE_AA)
            cv2.polylines(image, [points], True, (15, 15, 15), outline, cv2.LINE_AA)
        else:
            scale = max(0.3, size / 40)
            cv2.putText(image, word(rng), centre, 3, scale, tint, max(1, round(scale * 2)), cv2.LINE_AA)
    return image
