"""Clean pictures that are no plain photograph: drawn scenes, and photographs turned into what is easily taken for damage.

Everything here is ``ok`` to a viewer: night, fog, walls, sky, screenshots, pages, cartoons, a sharp subject before a blurred
background. False alarms are what makes people switch a watcher off, so these are collected with care.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from streamclf.frame import Image

Floats = npt.NDArray[np.float32]
Rng = np.random.Generator
WORDS = (
    "the of and camera stream to in is you that it frame he was for on are with as his they label at be this have"
    " from or one had by word but not what all were we when your can said there use an each which she do how"
)
FONTS = (0, 1, 2, 3, 4, 6, 7)


def word(rng: Rng) -> str:
    """A random word."""
    return str(rng.choice(WORDS.split(" ")))


def colour(rng: Rng, low: int = 0, high: int = 255) -> tuple[int, int, int]:
    """A random BGR colour."""
    blue, green, red = (int(v) for v in rng.integers(low, high + 1, 3))
    return blue, green, red


def clouds(shape_hw: tuple[int, int], rng: Rng, octaves: int = 6, roughness: float = 0.55, first: int = 3) -> Floats:
    """Fractal noise (H, W) in 0..1: each octave twice as fine and ``roughness`` as strong."""
    height, width = shape_hw
    total = np.zeros(shape_hw, np.float32)
    weight, cells = 1.0, first
    for _ in range(octaves):
        rows, columns = min(height, cells + 1), min(width, round(cells * width / height) + 1)
        grid = rng.random((rows, columns), np.float32)
        total += weight * np.asarray(cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
        weight *= roughness
        cells *= 2
        if cells > height:
            break
    low, high = float(total.min()), float(total.max())
    return (total - low) / max(high - low, 1e-6)


def mix(low: tuple[int, int, int], high: tuple[int, int, int], share: Floats) -> Image:
    """(H, W, 3): from one colour to another by a share in 0..1."""
    a, b = np.float32(low), np.float32(high)
    return np.clip(a + (b - a) * share[..., None], 0, 255).astype(np.uint8)


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
    return _grain(image, rng)


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
    return _grain(image, rng)


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
    base = colour(rng, 90, 240) if rng.random() < 0.5 else (lambda v: (v, v + 3, v + 6))(int(rng.integers(90, 240)))
    image = np.full((height, width, 3), base, np.float32)
    image *= 1 - rng.uniform(0.05, 0.5) * clouds(shape_hw, rng, 1, first=2)[..., None]
    if rng.random() < 0.7:
        grain = clouds(shape_hw, rng, 5, 0.9, max(8, height // 12)) - 0.5
        image += grain[..., None] * rng.uniform(3, 25)
    image = np.clip(image, 0, 255).astype(np.uint8)
    unit = height / 100
    for _ in range(int(rng.integers(1, 4))):
        kind = int(rng.integers(5))
        x, y = int(rng.uniform(0.05, 0.85) * width), int(rng.uniform(0.05, 0.85) * height)
        if kind == 0:
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
    return _grain(image, rng)


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


def _grain(image: Image, rng: Rng) -> Image:
    """Fine sensor grain, always unnoticed: nothing photographed is without."""
    noise = rng.normal(0, rng.uniform(0.3, 1.6), (256, 256, 3))
    tiled = np.tile(noise, (-(-image.shape[0] // 256), -(-image.shape[1] // 256), 1))[
        : image.shape[0], : image.shape[1]
    ]
    return np.clip(image + tiled, 0, 255).astype(np.uint8)


DRAWN: tuple[Callable[[tuple[int, int], Rng], Image], ...] = (
    text_page,
    screenshot,
    cartoon,
    landscape,
    landscape,
    sky,
    sky,
    wall,
    wall,
    pattern,
)


LIT = (landscape, sky, wall, pattern)
"""Those that stand for a place with light on it: of a page or a screen nobody could say that it is overexposed."""


def drawn(lines: int, rng: Rng, lit_only: bool = False) -> Image:
    """A drawn scene of ``lines`` lines (the shorter side)."""
    aspect = float(rng.choice([16 / 9, 16 / 9, 4 / 3, 1.0, 9 / 16]))
    shape = (lines, round(lines * aspect)) if aspect >= 1 else (round(lines / aspect), lines)
    choice = LIT if lit_only else DRAWN
    return choice[int(rng.integers(len(choice)))](shape, rng)


# --- photographs that look damaged at first sight, and are not


def night(image: Image, rng: Rng) -> Image:
    """The photograph in near darkness, with lamps, lit windows and their glow."""
    height, width = image.shape[:2]
    dark = (image.astype(np.float32) / 255) ** rng.uniform(1.4, 2.4) * rng.uniform(40, 130)
    dark *= np.float32(rng.uniform(0.7, 1.1, 3))
    lights = np.zeros_like(dark)
    for _ in range(int(rng.integers(8, 40))):
        x, y, size = int(rng.integers(width)), int(rng.integers(height)), height * rng.uniform(0.006, 0.02)
        tint = tuple(float(v) for v in rng.uniform(130, 255, 3))
        if rng.random() < 0.5:
            cv2.circle(lights, (x, y), max(1, round(size)), tint, -1, cv2.LINE_AA)
        else:
            cv2.rectangle(lights, (x, y), (x + round(size * 2), y + round(size * 3)), tint, -1)
    small = cv2.resize(lights, (max(8, width // 8), max(8, height // 8)), interpolation=cv2.INTER_AREA)
    glow = cv2.resize(cv2.GaussianBlur(small, (0, 0), height / 8 * 0.03 + 0.5), (width, height))
    dark += lights + glow * rng.uniform(0.3, 1.5)
    return _grain(np.clip(dark, 0, 255).astype(np.uint8), rng)


def fog(image: Image, rng: Rng) -> Image:
    """The photograph through fog or falling snow: pale, with low contrast, sharp in what can be seen."""
    veil = np.float32(rng.uniform(140, 245)) + np.float32(rng.normal(0, 4, 3))
    depth = (
        0.3 + 0.5 * clouds(image.shape[:2], rng, 2)[..., None]
        if rng.random() < 0.5
        else np.float32(rng.uniform(0.3, 0.75))
    )
    foggy = np.clip(image * (1 - depth) + veil * depth, 0, 255).astype(np.uint8)
    if rng.random() < 0.35:
        for _ in range(int(rng.integers(60, 500))):
            spot = (int(rng.integers(foggy.shape[1])), int(rng.integers(foggy.shape[0])))
            cv2.circle(
                foggy,
                spot,
                max(1, round(foggy.shape[0] * rng.uniform(0.001, 0.006))),
                colour(rng, 225, 255),
                -1,
                cv2.LINE_AA,
            )
    return _grain(foggy, rng)


def bokeh(image: Image, rng: Rng) -> Image:
    """A sharp subject before a blurred background."""
    height, width = image.shape[:2]
    blurred = shrunk_blur(image, height * rng.uniform(0.008, 0.04))
    mask = np.zeros((height, width), np.uint8)
    # In focus is what has detail: an autofocus would not choose a bare wall.
    detail = np.abs(cv2.Laplacian(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.CV_16S)).astype(np.float32)
    share = cv2.resize(detail, (8, 8), interpolation=cv2.INTER_AREA)[1:7, 1:7]
    row, column = divmod(int(rng.choice(np.argsort(share.ravel())[-6:])), 6)
    centre = (round(width * (column + 1.5) / 8), round(height * (row + 1.5) / 8))
    axes = (round(width * rng.uniform(0.16, 0.35)), round(height * rng.uniform(0.22, 0.5)))
    cv2.ellipse(mask, centre, axes, 0, 0, 360, 255, -1, cv2.LINE_AA)
    soft = cv2.blur(mask, (max(3, height // 30), max(3, height // 30))).astype(np.float32)[..., None] / 255
    return (image * soft + blurred * (1 - soft)).astype(np.uint8)


def moving_object(image: Image, rng: Rng) -> Image:
    """Something moved in front of a still camera: one part is smeared, the rest is sharp."""
    height, width = image.shape[:2]
    w, h = int(width * rng.uniform(0.1, 0.35)), int(height * rng.uniform(0.15, 0.5))
    x, y = int(rng.integers(width - w)), int(rng.integers(height - h))
    out = image.copy()
    length = max(3, round(height * rng.uniform(0.02, 0.08)))
    out[y : y + h, x : x + w] = cv2.blur(
        image[y : y + h, x : x + w], (length, 1) if rng.random() < 0.7 else (1, length)
    )
    return out


def grey(image: Image, rng: Rng) -> Image:
    """As an infrared camera sees it."""
    single = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.cvtColor(single, cv2.COLOR_GRAY2BGR), np.uint8)


def high_key(image: Image, rng: Rng) -> Image:
    """Snow or a white studio: everything light, nothing clipped."""
    lifted = 255 * (image.astype(np.float32) / 255) ** rng.uniform(0.35, 0.7)
    return np.clip(lifted * rng.uniform(0.9, 0.97), 0, 250).astype(np.uint8)


def shrunk_blur(image: Image, sigma: float) -> Image:
    """A Gaussian of any size: large ones at a smaller scale, where they cost little and look the same."""
    factor = max(1, int(sigma / 2.5))
    height, width = image.shape[:2]
    size = (max(4, width // factor), max(4, height // factor))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if factor > 1 else image
    small = cv2.GaussianBlur(small, (0, 0), max(0.3, sigma / factor))
    return (
        np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
        if factor > 1
        else np.asarray(small, np.uint8)
    )


LOOKS: tuple[Callable[[Image, Rng], Image], ...] = (
    night,
    night,
    fog,
    bokeh,
    bokeh,
    bokeh,
    moving_object,
    grey,
    high_key,
)


def disguised(image: Image, rng: Rng) -> Image:
    """One of the looks above."""
    return LOOKS[int(rng.integers(len(LOOKS)))](image, rng)
