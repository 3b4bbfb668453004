"""Clean pictures of places, drawn: landscapes, sky, walls, patterns, with light on them."""

from __future__ import annotations

import cv2
import numpy as np
from pixels import FONTS, Rng, clouds, colour, fine_grain, mix, word

from streamclf.frame import Image


def landscape(shape_hw: tuple[int, int], rng: Rng) -> Image:
    """Sky, ridges and a meadow of fractal noise, with trunks and stones."""
    height, width = shape_hw
    image = sky(shape_hw, rng, plain=True)
    levels = np.sort(rng.uniform(0.25, 0.75, int(rng.integers(1, 5))))
    texture = clouds(shape_hw, rng, 9, rng.uniform(0.65, 0.9), 6)
    for level in levels:
        ridge = clouds((32, width), rng, 7, 0.5)[16] * rng.uniform(0.1, 0.35) + level - 0.12
        mask = np.arange(height)[:, None] / height > ridge[None]
        base = colour(rng, 20, 170)
        dark = (base[0] // 4, base[1] // 4, base[2] // 4)
        texture = np.roll(texture, int(rng.integers(width)), 1)
        image[mask] = mix(dark, base, texture)[mask]
    for _ in range(int(rng.integers(0, 25))):
        x, y = int(rng.integers(width)), int(rng.uniform(0.5, 1) * height)
        size = height * rng.uniform(0.01, 0.12)
        if rng.random() < 0.5:
            cv2.line(
                image,
                (x, y),
                (x + round(size * 0.1), y - round(size * 3)),
                colour(rng, 10, 70),
                max(1, round(size * 0.15)),
                cv2.LINE_AA,
            )
            for _ in range(12):
                leaf = (x + round(rng.normal(0, size * 0.5)), y - round(size * 3 + rng.normal(0, size * 0.6)))
                cv2.circle(
                    image, leaf, max(1, round(size * rng.uniform(0.1, 0.4))), colour(rng, 20, 120), -1, cv2.LINE_AA
                )
        else:
            cv2.ellipse(
                image,
                (x, y),
                (max(1, round(size)), max(1, round(size * 0.6))),
                0,
                0,
                360,
                colour(rng, 40, 180),
                -1,
                cv2.LINE_AA,
            )
    return fine_grain(image, rng)


def sky(shape_hw: tuple[int, int], rng: Rng, plain: bool = False) -> Image:
    """Sky: a gradient, clouds, and (unless ``plain``) wires, birds, branches or roofs at the border."""
    height, width = shape_hw
    top, bottom = colour(rng, 90, 255), colour(rng, 120, 255)
    if rng.random() < 0.7:
        top, bottom = (
            (int(rng.integers(150, 255)), int(rng.integers(90, 200)), int(rng.integers(40, 140))),
            (255, 225, 200),
        )
    fall = np.broadcast_to(np.linspace(0, 1, height, dtype=np.float32)[:, None], shape_hw)
    image = mix(top, bottom, np.ascontiguousarray(fall))
    if rng.random() < 0.7:
        cover = np.clip((clouds(shape_hw, rng, 8, rng.uniform(0.45, 0.65), 2) - rng.uniform(0.3, 0.6)) * 3, 0, 1)[
            ..., None
        ]
        image = (image * (1 - cover) + np.float32(colour(rng, 190, 255)) * cover).astype(np.uint8)
    if not plain:
        dark = colour(rng, 5, 80)
        for _ in range(int(rng.integers(1, 6))):
            kind = int(rng.integers(4))
            if kind == 0:
                y = int(rng.integers(height))
                cv2.line(
                    image, (0, y), (width, y + int(rng.normal(0, height / 6))), dark, max(1, height // 300), cv2.LINE_AA
                )
            elif kind == 1:
                for _ in range(int(rng.integers(3, 12))):
                    x, y, s = (
                        int(rng.integers(width)),
                        int(rng.integers(height)),
                        max(2, round(height * rng.uniform(0.006, 0.02))),
                    )
                    cv2.polylines(
                        image,
                        [np.int32([(x - s, y - s // 2), (x, y), (x + s, y - s // 2)])],
                        False,
                        dark,
                        max(1, s // 5),
                        cv2.LINE_AA,
                    )
            elif kind == 2:
                x, y = (0 if rng.random() < 0.5 else width), int(rng.integers(height))
                _branch(image, rng, (x, y), 0.0 if x == 0 else np.pi, height * 0.25, max(2, height // 90), dark)
            else:
                x, w, h = (
                    int(rng.integers(width)),
                    int(width * rng.uniform(0.05, 0.3)),
                    int(height * rng.uniform(0.05, 0.3)),
                )
                cv2.rectangle(image, (x, height - h), (x + w, height), dark, -1)
    return fine_grain(image, rng)


def _branch(
    image: Image, rng: Rng, at: tuple[int, int], angle: float, length: float, thick: int, ink: tuple[int, int, int]
) -> None:
    end = (round(at[0] + length * np.cos(angle)), round(at[1] + length * np.sin(angle)))
    cv2.line(image, at, end, ink, thick, cv2.LINE_AA)
    if length > 8:
        for _ in range(int(rng.integers(2, 4))):
            _branch(
                image,
                rng,
                end,
                angle + rng.normal(0, 0.6),
                length * rng.uniform(0.45, 0.75),
                max(1, thick * 2 // 3),
                ink,
            )


def wall(shape_hw: tuple[int, int], rng: Rng) -> Image:
    """A plain wall under soft light, with fine texture and at least one sharp thing: a switch, a frame, a corner, a cable."""
    height, width = shape_hw
    kind_of_base = rng.random()
    if kind_of_base < 0.4:
        base = colour(rng, 90, 240)
    else:  # grey or beige, and often nearly white
        level = int(rng.integers(90, 240) if kind_of_base < 0.75 else rng.integers(232, 250))
        base = (level, level + 3, level + 6)
    image = np.full((height, width, 3), base, np.float32)
    image *= 1 - rng.uniform(0.05, 0.5) * clouds(shape_hw, rng, 1, first=2)[..., None]
    if rng.random() < 0.7:
        grain = clouds(shape_hw, rng, 5, 0.9, max(8, height // 12)) - 0.5
        image += grain[..., None] * rng.uniform(3, 25)
    image = np.clip(image, 0, 255).astype(np.uint8)
    unit = height / 100
    for _ in range(int(rng.integers(1, 4))):
        kind = int(rng.integers(7))
        x, y = int(rng.uniform(0.05, 0.85) * width), int(rng.uniform(0.05, 0.85) * height)
        if kind >= 5:
            _sign(image, rng, (x, y), unit)
        elif kind == 0:
            size = round(unit * rng.uniform(4, 12))
            cv2.rectangle(image, (x, y), (x + size, y + size), colour(rng, 200, 255), -1)
            cv2.rectangle(image, (x, y), (x + size, y + size), colour(rng, 60, 150), max(1, size // 20))
            cv2.rectangle(
                image, (x + size // 3, y + size // 5), (x + 2 * size // 3, y + 4 * size // 5), colour(rng, 150, 230), -1
            )
        elif kind == 1:
            w, h = round(unit * rng.uniform(10, 40)), round(unit * rng.uniform(10, 35))
            cv2.rectangle(image, (x, y), (x + w, y + h), colour(rng, 10, 120), -1)
            margin = round(2 * unit)
            if w > 3 * margin and h > 3 * margin:
                picture = mix(colour(rng), colour(rng), clouds((h - 2 * margin, w - 2 * margin), rng, 7, 0.7))
                image[y + margin : y + h - margin, x + margin : x + w - margin] = picture[
                    : max(0, height - y - margin), : max(0, width - x - margin)
                ]
        elif kind == 2:
            cv2.line(
                image,
                (x, 0),
                (x + int(rng.normal(0, 4)), height),
                colour(rng, 40, 160),
                max(1, round(unit * rng.uniform(0.2, 1))),
                cv2.LINE_AA,
            )
        elif kind == 3:
            points = np.cumsum(rng.normal(0, 3 * unit, (12, 2)), 0) + np.array((x, y))
            cv2.polylines(
                image, [points.astype(np.int32)], False, colour(rng, 20, 120), max(1, round(unit * 0.4)), cv2.LINE_AA
            )
        else:
            y = int(rng.uniform(0.6, 0.95) * height)
            image[y:] = np.clip(image[y:] * rng.uniform(0.3, 0.8), 0, 255)
            cv2.line(image, (0, y), (width, y), colour(rng, 200, 255), max(1, round(unit)), cv2.LINE_AA)
    return fine_grain(image, rng) if rng.random() < 0.7 else image


def _sign(image: Image, rng: Rng, at: tuple[int, int], unit: float) -> None:
    """A door's or a platform's sign: light writing on a dark plate, or the other way round."""
    text = " ".join(word(rng).capitalize() for _ in range(int(rng.integers(1, 4))))
    if rng.random() < 0.5:
        text += f" {rng.integers(1, 99)}"
    size = unit * rng.uniform(0.08, 0.35)
    font, thick = int(rng.choice(FONTS)), max(1, round(size * 1.8))
    (wide, high), _ = cv2.getTextSize(text, font, size, thick)
    x, y = min(at[0], max(0, image.shape[1] - wide - high)), max(at[1], 2 * high)
    plate, ink = colour(rng, 10, 110), colour(rng, 190, 255)
    if rng.random() < 0.3:
        plate, ink = ink, plate
    cv2.rectangle(image, (x, y - 2 * high), (x + wide + high, y + high), plate, -1)
    if rng.random() < 0.3:
        cv2.rectangle(image, (x, y - 2 * high), (x + wide + high, y + high), ink, max(1, high // 8))
    cv2.putText(image, text, (x + high // 2, y), font, size, ink, thick, cv2.LINE_AA)


def city(shape_hw: tuple[int, int], rng: Rng) -> Image:
    """Houses before the sky, flat as in a drawing or with rows of windows."""
    height, width = shape_hw
    image = sky(shape_hw, rng, plain=True)
    if rng.random() < 0.5:
        image[:] = image[:1].mean((0, 1)) if rng.random() < 0.5 else cv2.blur(image, (1, height // 4 * 2 + 1))
    for _ in range(int(rng.integers(4, 16))):
        wide, high = int(width * rng.uniform(0.05, 0.25)), int(height * rng.uniform(0.15, 0.75))
        left, tone = int(rng.integers(-wide // 2, width)), colour(rng, 15, 190)
        roof = int(high * rng.uniform(0.05, 0.3)) if rng.random() < 0.6 else 0
        top = height - high
        house = [(left, height), (left, top), (left + wide // 2, top - roof), (left + wide, top), (left + wide, height)]
        cv2.fillPoly(image, [np.int32(house)], tone, cv2.LINE_AA)
        if rng.random() < 0.5:
            step = max(3, round(height * rng.uniform(0.02, 0.07)))
            for x in range(left + step // 2, left + wide - step // 2, step):
                for y in range(top + step // 2, height - step // 2, step):
                    lit = colour(rng, 150, 255) if rng.random() < 0.3 else colour(rng, 10, 90)
                    cv2.rectangle(image, (x, y), (x + step // 2, y + step * 2 // 3), lit, -1)
    return fine_grain(image, rng) if rng.random() < 0.5 else image


def gravel(shape_hw: tuple[int, int], rng: Rng) -> Image:
    """Pebbles, gravel or leaves: fine detail all over, which is no noise."""
    height, width = shape_hw
    base = np.float32(colour(rng, 60, 200))
    image = np.full((height, width, 3), base * 0.4, np.uint8)
    size = min(shape_hw) * rng.uniform(0.006, 0.03)
    count = min(6000, int(1.5 * height * width / (size * size * 4)))
    spots = rng.uniform((0, 0), (width, height), (count, 2))
    axes, turns = size * rng.uniform(0.4, 1.4, (count, 2)), rng.uniform(0, 180, count)
    tones = np.clip(base * rng.uniform(0.4, 1.5, (count, 1)) + rng.normal(0, 12, (count, 3)), 0, 255)
    for (x, y), (long, short), turn, tone in zip(spots, axes, turns, tones, strict=True):
        spot, half = (round(x), round(y)), (max(1, round(long)), max(1, round(short)))
        cv2.ellipse(image, spot, half, turn, 0, 360, tone.tolist(), -1, cv2.LINE_AA)
    return fine_grain(image, rng)


def pattern(shape_hw: tuple[int, int], rng: Rng) -> Image:
    """Bricks, tiles, planks or woven stuff, each piece with its own tone and texture."""
    height, width = shape_hw
    base = np.float32(colour(rng, 60, 220))
    image = np.full((height, width, 3), base * rng.uniform(0.3, 1.2), np.float32)
    step_y = height / rng.uniform(5, 30)
    step_x = step_y * rng.uniform(0.5, 4)
    joint = max(1, round(step_y * rng.uniform(0.03, 0.12)))
    for row in range(int(height / step_y) + 1):
        shift = step_x * 0.5 * (row % 2)
        for column in range(-1, int(width / step_x) + 1):
            x, y = round(column * step_x + shift), round(row * step_y)
            tone = base * rng.uniform(0.6, 1.25)
            image[y : y + round(step_y) - joint, max(0, x) : max(0, x + round(step_x) - joint)] = tone
    image += (clouds(shape_hw, rng, 8, 0.85, 8)[..., None] - 0.5) * rng.uniform(20, 110)
    image *= 1 - rng.uniform(0, 0.5) * clouds(shape_hw, rng, 1, first=2)[..., None]
    return np.clip(image, 0, 255).astype(np.uint8)
