"""Things that stand or move in a landscape: a house, a tree, a fence, a sign, a car, a balloon, a bird."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streamclf.vision.sprite import FINE, Page, Sprite, make_sprite
from streamclf.vision.terrain import Colour, Rng, to_image
from streamclf.vision.text import font


def house(rng: Rng, walls: Colour, roof: Colour) -> Sprite:
    """A house with a tiled roof and five windows, seen from the front; 190 x 130 pixels."""

    def draw(page: Page) -> None:
        page.box((16, 52, 174, 130), walls)
        for y in range(52, 130, 4):  # planks
            page.box((16, y, 174, y + 0.7), _times(walls, 0.8))
        page.fill([(16, 52), (174, 52), (174, 60), (16, 60)], _times(walls, 0.66))  # the roof's shadow
        page.fill([(4, 56), (26, 8), (164, 8), (186, 56)], _times(roof, 0.75))
        for row in range(12):
            y, shift = 8 + 4 * row, 3 * (row % 2)
            left, right = 26 - 22 * (y - 8) / 48, 164 + 22 * (y - 8) / 48
            for x in np.arange(left - shift, right - 2, 6):
                tile = _times(roof, float(rng.uniform(0.8, 1.2)))
                page.box((max(left, x), y, min(right, x + 5.4), y + 3.4), tile)
        page.box((128, -2, 144, 22), (70, 84, 132))  # the chimney
        for y in range(0, 22, 4):
            page.box((128, y, 144, y + 0.8), (150, 160, 170))
        for x in (30, 62, 110, 142):
            _window(page, (x, 74), (20, 28))
        page.box((85, 78, 105, 130), (232, 236, 238))
        page.box((87, 80, 103, 130), (52, 62, 96))
        page.box((90, 84, 100, 98), (120, 108, 90))
        page.box((99, 104, 101, 107), (90, 190, 210))
        page.box((80, 127, 110, 130), (150, 156, 158))
        _window(page, (87, 58), (16, 13))

    return make_sprite(rng, (190, 130), draw, grain=5)


def tree(rng: Rng, height_px: int, green: Colour) -> Sprite:
    """A broad-leaved tree, leaf by leaf, lit from the upper left; three quarters as wide as high."""
    width = height_px * 3 // 4

    def draw(page: Page) -> None:
        for left, right, light in ((-1.0, 1.0, 1.0), (0.25, 1.0, 0.6)):  # the trunk, and its side in the shade
            foot = [(width * (0.5 + 0.05 * side), height_px) for side in (right, left)]
            top = [(width * (0.5 + 0.02 * side), height_px * 0.4) for side in (left, right)]
            page.fill([*foot, *top], _times((52, 66, 82), light))
        boughs = 30
        angle, reach = rng.uniform(0, 2 * np.pi, boughs), np.sqrt(rng.uniform(0, 1, boughs))
        x = width * (0.5 + 0.36 * reach * np.cos(angle))
        y = height_px * (0.38 + 0.27 * reach * np.sin(angle))
        size = width * rng.uniform(0.09, 0.16, boughs)
        for layer in range(3):  # the dark inside first, the lit leaves last
            for bough in rng.permutation(boughs):
                leaves = 46
                turn, far = rng.uniform(0, 2 * np.pi, leaves), np.sqrt(rng.uniform(0, 1, leaves))
                side_x, side_y = far * np.cos(turn), far * np.sin(turn)
                outer = 0.5 - x[bough] / width + 0.38 - y[bough] / height_px
                light = 0.62 + 0.2 * layer - 0.22 * (side_x + side_y) + 0.5 * outer + rng.normal(0, 0.12, leaves)
                at_x = x[bough] + size[bough] * (side_x - 0.12 * layer)
                at_y = y[bough] + size[bough] * (0.85 * side_y - 0.12 * layer)
                for centre_x, centre_y, lit in zip(at_x, at_y, light, strict=True):
                    page.leaf((centre_x, centre_y), rng.uniform(0.9, 1.9), _times(green, max(0.25, lit)), rng)

    return make_sprite(rng, (width, height_px), draw)


def fence(rng: Rng, width_px: int) -> Sprite:
    """Posts and two rails of weathered wood, 30 pixels high."""
    wood = (112, 132, 146)

    def draw(page: Page) -> None:
        for y in (8, 18):
            page.box((0, y, width_px, y + 3.4), wood)
            page.box((0, y + 2.4, width_px, y + 3.4), _times(wood, 0.6))
        for x in np.arange(6, width_px, 26) + rng.uniform(-1.5, 1.5):
            page.box((x, 3, x + 4.2, 30), _times(wood, float(rng.uniform(0.9, 1.2))))
            page.box((x + 3, 3, x + 4.2, 30), _times(wood, 0.55))

    return make_sprite(rng, (width_px, 30), draw, grain=9)


def sign(rng: Rng, lines: Sequence[str]) -> Sprite:
    """A road sign of white ``lines`` on green, on two posts; 150 x 104 pixels."""

    def draw(page: Page) -> None:
        for x in (28, 118):
            page.box((x, 50, x + 5, 104), (128, 132, 134))
            page.box((x + 3.4, 50, x + 5, 104), (84, 88, 90))
        page.box((0, 0, 150, 66), (226, 230, 230))
        page.box((2.4, 2.4, 147.6, 63.6), (72, 92, 14))
        face = font(12 * FINE, 0.15, (240, 244, 244))
        for number, line in enumerate(lines):
            face.write(page.image, line, (10 * FINE, (9 + 26 * number) * FINE))

    return make_sprite(rng, (150, 104), draw, grain=2)


def car(rng: Rng, paint: Colour) -> Sprite:
    """A small car that drives to the right, with its shadow; 124 x 48 pixels."""

    def draw(page: Page) -> None:
        page.fill([(6, 44), (20, 41), (108, 41), (120, 44), (104, 48), (18, 48)], (34, 34, 34))
        page.fill(
            [(4, 28), (8, 22), (30, 19), (44, 5), (78, 4), (94, 19), (114, 23), (121, 31), (120, 40), (4, 40)], paint
        )
        page.fill([(44, 5), (78, 4), (81, 7), (46, 7.5)], _times(paint, 1.35))
        page.fill([(8, 22), (30, 19), (94, 19), (114, 23), (112, 24.5), (10, 24)], _times(paint, 1.3))
        page.fill([(4, 32), (121, 33), (120, 40), (4, 40)], _times(paint, 0.6))
        for glass in ([(34, 18.5), (46, 8), (60, 7.6), (60, 18.5)], [(63, 18.5), (63, 7.6), (77, 7.4), (88, 18.5)]):
            page.fill(glass, (62, 54, 46))
            (x, y), *_ = glass
            page.fill([glass[0], glass[1], ((glass[1][0] + glass[2][0]) / 2, glass[1][1]), (x + 8, y)], (168, 150, 132))
        page.box((60.8, 20, 61.6, 37), _times(paint, 0.45))
        page.box((53, 23, 58, 24.4), _times(paint, 0.4))
        page.fill([(114, 25), (120, 29), (115, 30)], (214, 240, 250))
        page.fill([(4, 25), (8, 24), (8, 30), (4, 30)], (40, 34, 176))
        page.box((118, 34, 123, 38), (60, 60, 60))
        page.box((1, 34, 6, 38), (60, 60, 60))
        for x in (27, 97):
            page.disc((x, 39), 10.5, _times(paint, 0.3))
            page.disc((x, 39), 9, (30, 28, 28))
            page.disc((x, 39), 5.6, (176, 176, 172))
            page.disc((x, 39), 4.2, (120, 118, 116))
            page.disc((x, 39), 1.4, (60, 60, 60))

    return make_sprite(rng, (124, 48), draw, grain=1.5)


def balloon(rng: Rng, colours: Sequence[Colour]) -> Sprite:
    """A striped hot-air balloon with its basket; 84 x 118 pixels."""

    def draw(page: Page) -> None:
        gores = 12
        down = np.linspace(0, 1, 60)
        half = 41 * np.sin(np.pi * down**0.86) ** 0.62 * (1 - 0.12 * down) + 7 * down**6
        y = 2 + 88 * down
        for gore in range(gores):
            edges = np.sin(np.pi * (np.array((gore, gore + 1)) / gores - 0.5))
            light = 1.08 - 0.5 * float(edges.mean() + 0.35) * 0.8
            outline = [(42 + h * edges[0], v) for h, v in zip(half, y, strict=True)]
            outline += [(42 + h * edges[1], v) for h, v in zip(half[::-1], y[::-1], strict=True)]
            page.fill(outline, _times(colours[gore % len(colours)], light))
        for upper, lower in ((37, 38), (46.3, 45.3)):  # ropes
            page.fill([(upper, 90), (upper + 0.7, 90), (lower + 0.7, 106), (lower, 106)], (40, 40, 40))
        page.box((36.5, 104, 47.5, 117), (54, 92, 132))
        for level in range(105, 117, 2):
            page.box((36.5, level, 47.5, level + 0.7), (34, 60, 92))
        page.box((36, 103, 48, 105), (40, 62, 84))

    shaded = make_sprite(rng, (84, 118), draw, grain=2)
    fall = np.linspace(1.1, 0.72, 118, dtype=np.float32)[:, None, None]
    return Sprite(to_image(shaded.image * fall), shaded.cover)


def bird(rng: Rng, lift: float) -> Sprite:
    """A gliding bird in the distance, wings ``lift`` (-1 to 1) up; 22 x 14 pixels."""
    upper = [(0, 7 - 5 * lift), (7, 6 - lift), (11, 7), (15, 6 - lift), (22, 7 - 5 * lift)]
    lower = [(15, 8 - lift / 2), (11, 10), (7, 8 - lift / 2)]
    return make_sprite(rng, (22, 14), lambda page: page.fill([*upper, *lower], (52, 50, 48)))


def _window(page: Page, at: tuple[float, float], size: tuple[float, float]) -> None:
    (x, y), (width, height) = at, size
    page.box((x - 2, y - 2, x + width + 2, y + height + 3), (232, 236, 238))
    page.box((x, y, x + width, y + height), (86, 70, 56))
    page.fill([(x, y), (x + width * 0.7, y), (x, y + height * 0.8)], (150, 130, 108))  # the sky in the glass
    page.box((x + width / 2 - 0.8, y, x + width / 2 + 0.8, y + height), (224, 228, 230))
    page.box((x, y + height * 0.45, x + width, y + height * 0.45 + 1.4), (224, 228, 230))
    page.box((x - 3, y + height + 2, x + width + 3, y + height + 4), (150, 154, 156))


def _times(colour: Colour, light: float) -> Colour:
    blue, green, red = (min(255.0, each * light) for each in colour)
    return blue, green, red
