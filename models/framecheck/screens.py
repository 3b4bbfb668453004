"""Frames without a scene: a covered lens, and what electronics show in place of a picture."""

from __future__ import annotations

import itertools
import math

import cv2
import numpy as np
from pixels import FONTS, Floats, Rng, colour, shrunk_blur, standard_normal
from sensor import add_noise

from streamclf.frame import Image


def _field(shape_hw: tuple[int, int], rng: Rng, cells: int) -> Floats:
    grid = rng.random((cells, max(2, round(cells * 1.6))), np.float32)
    return np.asarray(cv2.resize(grid, shape_hw[::-1], interpolation=cv2.INTER_CUBIC), np.float32)


def covered(image: Image, rng: Rng) -> Image:
    """A cap, a hand, cloth, snow on the lens: light without structure, and the sensor's noise."""
    height, width = image.shape[:2]
    kind = rng.random()
    noise = float(np.exp(rng.uniform(math.log(0.6), math.log(7))))
    if kind < 0.25:  # a cap: black, or nearly
        base = np.float32(rng.uniform(0, 22)) + np.float32(rng.normal(0, 2, 3))
        plane = np.broadcast_to(base, (height, width, 3)) * (
            1 + rng.uniform(0, 1.5) * (_field((height, width), rng, 2)[..., None] - 0.5)
        )
        noise = max(noise, 1.1)
    elif kind < 0.55:  # skin: reddish light comes through
        tint = np.float32([rng.uniform(0.05, 0.6), rng.uniform(0.15, 0.7), 1.0]) * rng.uniform(25, 230)
        plane = tint * (1 - rng.uniform(0.2, 1.0) * _field((height, width), rng, int(rng.integers(2, 4)))[..., None])
    elif kind < 0.8:  # cloth, paper, snow, paint
        base = np.float32(rng.uniform(20, 250)) + np.float32(rng.normal(0, 12, 3))
        plane = base * (1 - rng.uniform(0.08, 0.8) * _field((height, width), rng, int(rng.integers(2, 5)))[..., None])
    else:  # something so near that only the light of the scene is left
        lines = min(height, width)
        plane = shrunk_blur(image, lines * rng.uniform(0.14, 0.45)).astype(np.float32)
        base = np.float32(rng.uniform(5, 200)) + np.float32(rng.normal(0, 10, 3))
        share = np.float32(rng.uniform(0.15, 1.0))
        plane = plane * share + base * (1 - share)
    if rng.random() < 0.2:  # light leaks in at one side
        y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j].astype(np.float32)
        angle = rng.uniform(0, 2 * np.pi)
        ramp = np.clip((x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle) - rng.uniform(0, 0.4), 0, 1)
        plane = plane + ramp[..., None] * rng.uniform(40, 260) * np.float32(rng.uniform(0.6, 1, 3))
    plane = np.clip(plane, 0, 255).astype(np.uint8)
    span = float(np.ptp(plane[:: max(1, height // 16), :: max(1, width // 16)].mean(2)))
    if span < 7:
        noise = max(noise, 1.2)
    return add_noise(plane, noise, rng)


def no_signal(shape_hw: tuple[int, int], rng: Rng) -> Image:
    """Made by electronics: one colour, bars and test cards, snow, a screen with a message."""
    height, width = shape_hw
    kind = rng.random()
    if kind < 0.2:
        tint = colour_of_nothing(rng)
        return np.full((height, width, 3), tint, np.uint8)
    if kind < 0.55:
        return _test_card(shape_hw, rng)
    if kind < 0.75:
        return _snow(shape_hw, rng)
    return _message(shape_hw, rng)


def colour_of_nothing(rng: Rng) -> tuple[int, int, int]:
    """Black, blue, grey, green, white, or any."""
    if rng.random() < 0.6:
        choices = (
            (0, 0, 0),
            (16, 16, 16),
            (255, 0, 0),
            (200, 30, 10),
            (128, 128, 128),
            (0, 135, 0),
            (255, 255, 255),
            (120, 0, 0),
            (0, 255, 0),
        )
        return choices[int(rng.integers(len(choices)))]
    return colour(rng)


def _bar_colours(rng: Rng, count: int) -> list[tuple[int, int, int]]:
    top = int(rng.choice([180, 191, 255]))
    if rng.random() < 0.75:
        full = [(b * top, g * top, r * top) for g in (1, 0) for r in (1, 0) for b in (1, 0)]
        if rng.random() < 0.5:
            full = [full[k] for k in rng.permutation(8)]
        return [full[k % 8] for k in range(count)]
    if rng.random() < 0.5:
        return [(v, v, v) for v in np.linspace(0, 255, count).astype(int).tolist()]
    return [colour(rng) for _ in range(count)]


def _test_card(shape_hw: tuple[int, int], rng: Rng) -> Image:
    height, width = shape_hw
    card = np.zeros((height, width, 3), np.uint8)
    y = 0
    rows = int(rng.choice([1, 1, 2, 3, 3]))
    cuts = (
        [height] if rows == 1 else [*np.sort(rng.uniform(0.55, 0.95, rows - 1) * height).astype(int).tolist(), height]
    )
    for bottom in cuts:
        count = int(rng.integers(5, 10)) if rng.random() < 0.85 else int(rng.integers(10, 24))
        edges = np.linspace(0, width, count + 1).astype(int)
        for (left, right), tint in zip(itertools.pairwise(edges), _bar_colours(rng, count), strict=True):
            card[y:bottom, left:right] = tint
        if y and rng.random() < 0.25:
            card[y:bottom] = np.linspace(0, 255, width).astype(np.uint8)[None, :, None]
        y = bottom
    lines = min(height, width)
    if rng.random() < 0.08:  # a chessboard instead
        cell = max(4, int(lines / rng.uniform(4, 24)))
        odd = (np.arange(height)[:, None] // cell + np.arange(width)[None] // cell) % 2 == 1
        card[:] = colour(rng)
        card[odd] = colour(rng)
    if rng.random() < 0.15:  # a grid instead
        card[:] = colour(rng, 0, 120)
        step, thick = max(6, int(lines / rng.uniform(5, 18))), max(1, lines // 300)
        for place in range(0, max(height, width), step):
            cv2.line(card, (place, 0), (place, height), (255, 255, 255), thick)
            cv2.line(card, (0, place), (width, place), (255, 255, 255), thick)
    if rng.random() < 0.3:
        fill = -1 if rng.random() < 0.4 else max(1, lines // 100)
        cv2.circle(
            card,
            (width // 2, height // 2),
            int(lines * rng.uniform(0.3, 0.49)),
            colour(rng, 100),
            fill,
            cv2.LINE_AA,
        )
    for _ in range(int(rng.integers(0, 4)) if rng.random() < 0.4 else 0):
        x, side = int(rng.integers(width)), max(2, round(lines * rng.uniform(0.02, 0.15)))
        y = int(rng.integers(height))
        what = rng.random()
        if what < 0.35:
            card[y : y + side, x : x + 3 * side] = colour(rng)
        elif what < 0.6:  # a strip of all colours
            hues = np.linspace(0, 179, width).astype(np.uint8)
            strip = np.dstack([hues[None], np.full((1, width), 255, np.uint8), np.full((1, width), 255, np.uint8)])
            card[y : y + side] = cv2.cvtColor(strip, cv2.COLOR_HSV2BGR)
        else:
            text = f"{rng.integers(0, 60):02d}:{rng.integers(0, 60):02d}:{rng.integers(0, 60):02d}"
            cv2.putText(card, text, (x // 2, max(side, y)), 0, side / 20, colour(rng), max(1, side // 10), cv2.LINE_AA)
    return card


def _snow(shape_hw: tuple[int, int], rng: Rng) -> Image:
    height, width = shape_hw
    coarsest = max(5.0, 0.022 * min(shape_hw))
    coarse_y, coarse_x = (float(np.exp(rng.uniform(0, math.log(coarsest)))) for _ in range(2))
    if rng.random() < 0.5:
        coarse_y = coarse_x
    size = (math.ceil(height / coarse_y), math.ceil(width / coarse_x))
    grain = standard_normal(size, rng)
    if rng.random() < 0.3:
        grain = np.sign(grain) * 0.9
    mean, strength = rng.uniform(60, 180), rng.uniform(38, 90)
    snow = cv2.resize(
        grain, (width, height), interpolation=cv2.INTER_NEAREST if rng.random() < 0.5 else cv2.INTER_LINEAR
    )
    grey = np.clip(mean + snow * strength, 0, 255)
    if rng.random() < 0.3:
        grey *= 1 + 0.3 * np.sin(np.linspace(0, rng.uniform(2, 40), height))[:, None]
    image = np.repeat(np.clip(grey, 0, 255)[..., None], 3, 2)
    if rng.random() < 0.2:
        image = np.clip(
            image + np.dstack([standard_normal((height, width), rng) for _ in range(3)]) * rng.uniform(10, 45), 0, 255
        )
    return image.astype(np.uint8)


MESSAGES = (
    "NO SIGNAL",
    "No signal",
    "NO VIDEO",
    "Camera offline",
    "VIDEO LOSS",
    "No input",
    "Connecting...",
    "SIGNAL LOST",
    "Check cable",
    "STANDBY",
    "Disconnected",
    "HDMI 1",
    "Channel 4",
)


def _message(shape_hw: tuple[int, int], rng: Rng) -> Image:
    height, width = shape_hw
    lines = min(height, width)
    base = ((255, 0, 0), (180, 20, 0), (0, 0, 0), (30, 30, 30), colour_of_nothing(rng))[int(rng.integers(5))]
    screen = np.full((height, width, 3), base, np.uint8)
    ink = (255, 255, 255) if sum(base) < 400 else (0, 0, 0)
    if rng.random() < 0.3:
        ink = colour(rng, 150)
    text = str(rng.choice(MESSAGES))
    font = int(rng.choice(FONTS))
    (w, h), _ = cv2.getTextSize(text, font, 1, 2)
    scale = width / w * rng.uniform(0.15, 0.9)
    thick = max(1, round(scale * rng.uniform(0.8, 2.5)))
    x, y = int(rng.uniform(0, max(1, width - w * scale))), int(rng.uniform(h * scale, max(h * scale + 1, height - 4)))
    if rng.random() < 0.6:
        x, y = int((width - w * scale) / 2), int((height + h * scale) / 2)
    if rng.random() < 0.2:
        cv2.rectangle(
            screen,
            (x - 9, int(y - h * scale - 9)),
            (int(x + w * scale + 9), y + 9),
            colour(rng),
            -1 if rng.random() < 0.5 else max(1, lines // 120),
        )
    cv2.putText(screen, text, (x, y), font, scale, ink, thick, cv2.LINE_AA)
    if rng.random() < 0.2:
        cv2.circle(screen, (width // 2, int(height * 0.25)), int(lines * 0.1), ink, max(1, lines // 100), cv2.LINE_AA)
    return screen
