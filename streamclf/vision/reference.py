"""Three drawn pictures on which every network can be tried: a portrait, a street, and fruit in a dark room.

What networks say of them need not be right, only the same everywhere and spread over several classes; detectors find a face, a person, a
car, a stop sign, a traffic light, oranges. They never change, since answers to them are written down: a better one gets another name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from streamclf.errors import StreamclfError
from streamclf.frame import Image
from streamclf.vision.exact import FULL, Canvas, Colour, Whole, clouds, grain, rim

_WHITE, _DARK = (236, 238, 240), (32, 32, 32)
_SKIN, _HAIR, _SIGN = (140, 172, 225), (30, 45, 70), (40, 30, 190)
_LETTERS = {
    "S": ("01110", "10001", "10000", "01110", "00001", "10001", "01110"),
    "T": ("11111", "00100", "00100", "00100", "00100", "00100", "00100"),
    "O": ("01110", "10001", "10001", "10001", "10001", "10001", "01110"),
    "P": ("11110", "10001", "10001", "11110", "10000", "10000", "10000"),
}


@lru_cache(maxsize=4)
def reference_picture(name: str) -> Image:
    """One of ``REFERENCE_PICTURES``, (H, W, 3) uint8 BGR, read-only.

    Raises:
        LookupError: there is none of that name.
        StreamclfError: this machine draws other pixels than all others.
    """
    picture = _PAINTERS[name]()
    if hashlib.sha256(picture.tobytes()).hexdigest() != REFERENCE_PICTURES[name]:
        raise StreamclfError(
            f"the reference picture {name!r} comes out with other pixels here than it should, with numpy {np.__version__}; "
            "what networks say of it cannot be compared"
        )
    picture.setflags(write=False)
    return picture


def _portrait() -> Image:
    canvas = Canvas.empty(720, 960)
    x, y = canvas.x, canvas.y
    mist = (clouds(x, y, 90, 3) - 128) // 6
    canvas.ground(150 + y // 16 + mist, 120 + x // 18 + mist, 90 + (x + y) // 56 + mist)
    canvas.oval((360, 1010), (330, 290), (70, 45, 35), lambda c: 230 - c.rim // 5 + clouds(c.x, c.y, 7, 5) // 8)
    canvas.box(280, 600, 440, 770, (120, 150, 205), lambda c: 200 - abs(c.x - 360) // 2)
    canvas.oval((360, 370), (225, 270), _HAIR, _strands)
    canvas.oval((360, 420), (185, 250), _SKIN, lambda c: 262 - c.rim * 70 // FULL - (c.x - 360) // 8)
    for side in (-1, 1):
        canvas.oval((360 + side * 190, 430), (24, 52), (120, 150, 205), lambda c: 220 - c.rim // 4)
    crown, brow = rim(canvas, (360, 300), (200, 160)), rim(canvas, (360, 470), (230, 260))
    canvas.fill((crown <= FULL) & (brow >= FULL) & (y < 330), _HAIR, _strands)
    for side in (-1, 1):
        _eye(canvas, 360 + side * 78)
    canvas.shade((372, 470), (26, 80), 215)
    canvas.shade((355, 495), (18, 26), 280)
    for side in (-1, 1):
        canvas.oval((360 + side * 22, 516), (11, 7), (60, 75, 120))
    canvas.oval((360, 572), (66, 22), (85, 85, 185))
    canvas.oval((360, 572), (56, 10), _WHITE)
    canvas.shade((360, 615), (60, 16), 225)
    return canvas.finish(3, (grain(x, y, 11)[..., None] - 128) // 12)


def _strands(canvas: Canvas) -> Whole:
    return 150 + clouds(canvas.x, canvas.y // 4, 9, 8) // 2


def _eye(canvas: Canvas, x: int) -> None:
    canvas.shade((x, 395), (58, 40), 200)
    canvas.oval((x, 402), (38, 18), _WHITE)
    canvas.oval((x, 402), (17, 17), (70, 60, 50))
    canvas.oval((x, 402), (8, 8), (15, 12, 10))
    canvas.oval((x - 5, 397), (4, 4), (250, 250, 250))
    for upper, lower, radii in ((392, 398, (42, 20)), (362, 374, (56, 20))):  # the lid, the eyebrow
        part = canvas.around((x, upper), radii)
        part.fill((part.rim <= FULL) & (rim(part, (x, lower), radii) > FULL), _HAIR)


def _street() -> Image:
    canvas = Canvas.empty(1280, 960)
    x, y = canvas.x, canvas.y
    _sky(canvas)
    for number, (left, width, top, colour) in enumerate(
        ((0, 330, 170, (90, 110, 160)), (330, 290, 250, (120, 150, 170)), (900, 380, 140, (80, 95, 130)))
    ):
        _house(canvas, left, width, top, colour, 20 + number)
    for tree_x, tree_y, radius in ((700, 470, 150), (815, 500, 110)):
        _tree(canvas, tree_x, tree_y, radius)
    canvas.box(0, 640, 1280, 700, (160, 165, 168), lambda c: 210 + clouds(c.x, c.y, 6, 15) // 8)
    canvas.box(0, 700, 1280, 960, (95, 92, 90), lambda c: 215 + clouds(c.x, c.y, 5, 16) // 6)
    canvas.box(0, 694, 1280, 704, (190, 195, 195))
    for left in range(-40, 1280, 320):
        canvas.box(left, 846, left + 180, 862, (225, 230, 230))
    _stop_sign(canvas, 1080, 300)
    _traffic_light(canvas, 560)
    _car(canvas, 250, 770)
    _ball(canvas, 1010, 870)
    _person(canvas, 760, 560)
    return canvas.finish(1, (grain(x, y, 17)[..., None] - 128) // 14)


def _sky(canvas: Canvas) -> None:
    x, y = canvas.x, canvas.y
    white = clouds(x, 2 * y, 220, 1) // 2 + clouds(x, 2 * y, 70, 2) // 4 + clouds(x, 2 * y, 30, 3) // 8
    white = 2 * (white - 110).clip(0)
    canvas.ground(235 - y // 24 + white, 190 + y // 24 + white, 130 + y // 8 + white)
    np.minimum(canvas.pixels, 255, out=canvas.pixels)


def _house(canvas: Canvas, left: int, width: int, top: int, colour: Colour, seed: int) -> None:
    canvas.box(
        left, top, left + width, 640, colour, lambda c: 225 + clouds(c.x, c.y, 5, seed) // 8 + (c.y // 9 % 2) * 8
    )
    for x in range(left + 35, left + width - 60, 95):
        for y in range(top + 45, 560, 130):
            canvas.box(x, y, x + 56, y + 80, (215, 215, 220))
            for pane_x in (x + 5, x + 31):
                for pane_y in (y + 5, y + 43):
                    canvas.box(pane_x, pane_y, pane_x + 21, pane_y + 32, (110, 85, 60), _glass(x + y))


def _glass(corner: int) -> Callable[[Canvas], Whole]:
    return lambda c: 180 + c.x + c.y - corner


def _tree(canvas: Canvas, x: int, y: int, radius: int) -> None:
    canvas.box(x - 15, y, x + 16, 650, (40, 60, 85), lambda c: 200 + clouds(c.x, c.y // 3, 6, 9) // 4)
    part = canvas.part(x - 2 * radius, y - 2 * radius, x + 2 * radius, y + 2 * radius)
    crown = rim(part, (x, y), (radius, radius * 9 // 10))
    crown = crown + clouds(part.x, part.y, 40, 12) + clouds(part.x, part.y, 14, 13) // 2 - 192
    part.fill(
        crown <= 220,
        (50, 120, 70),
        lambda c: 290 - crown // 2 - (c.y - y) // 3 + clouds(c.x, c.y, 8, 14) // 4,
    )


def _stop_sign(canvas: Canvas, x: int, y: int) -> None:
    canvas.box(x - 10, y, x + 11, 700, (150, 150, 150), lambda c: 180 + (x + 11 - c.x) * 5)
    part = canvas.part(x - 130, y - 130, x + 130, y + 130)
    across, down = abs(part.x - x), abs(part.y - y)
    for half, colour in ((120, _WHITE), (111, _SIGN)):
        octagon = (np.maximum(across, down) <= half) & ((across + down) * 100 <= half * 141)
        part.fill(octagon, colour, lambda c: 256 - (c.y - y) // 6)
    for place, letter in enumerate("STOP"):
        for row, line in enumerate(_LETTERS[letter]):
            for column, mark in enumerate(line):
                if mark == "1":
                    left, top = x - 94 + 49 * place + 8 * column, y - 39 + 11 * row
                    canvas.box(left, top, left + 9, top + 12, _WHITE)


def _traffic_light(canvas: Canvas, x: int) -> None:
    canvas.box(x - 8, 300, x + 9, 690, (60, 60, 60), lambda c: 180 + (x + 9 - c.x) * 8)
    canvas.box(x - 43, 90, x + 44, 330, _DARK, lambda c: 230 + x - c.x)
    canvas.oval((x, 132), (30, 30), (40, 40, 250), lambda c: 330 - c.rim // 2)
    canvas.oval((x, 210), (30, 30), (40, 150, 170), lambda c: 110 - c.rim // 8)
    canvas.oval((x, 288), (30, 30), (70, 140, 60), lambda c: 110 - c.rim // 8)


def _car(canvas: Canvas, x: int, y: int) -> None:
    canvas.shade((x, y + 72), (265, 30), 110)
    upper = canvas.part(0, 0, x + 300, y)
    upper.oval((x - 10, y - 40), (150, 88), (60, 40, 170), lambda c: 220 - (c.y - y) // 2)
    for left, right in ((0, x - 22), (x - 8, x + 300)):
        glass = canvas.part(left, 0, right, y - 14)
        glass.oval((x - 10, y - 38), (132, 72), (120, 95, 70), lambda c: 220 - (c.x - x) // 3 + (c.y - y) // 2)
    body = canvas.part(0, 0, x + 300, y + 58)
    body.oval((x, y + 10), (250, 78), (60, 40, 180), lambda c: 195 - (c.y - y) * 3 // 2)
    canvas.box(x - 240, y + 11, x + 241, y + 14, (30, 20, 90))
    canvas.box(x - 16, y - 14, x - 13, y + 58, (30, 20, 90))
    canvas.oval((x + 222, y + 4), (20, 14), (200, 235, 245))
    canvas.oval((x - 230, y + 4), (14, 14), (40, 40, 230))
    for wheel_x in (x - 145, x + 140):
        canvas.oval((wheel_x, y + 52), (50, 50), _DARK)
        canvas.oval((wheel_x, y + 52), (28, 28), (185, 185, 185), lambda c: 290 - c.rim // 2)
        canvas.oval((wheel_x, y + 52), (7, 7), (60, 60, 60))


def _ball(canvas: Canvas, x: int, y: int) -> None:
    canvas.shade((x + 5, y + 48), (60, 14), 120)
    part = canvas.around((x, y), (52, 52))
    inside = part.rim <= FULL
    part.fill(inside, (40, 120, 235), lambda c: 300 - rim(c, (x - 18, y - 20), (66, 66)) // 2)
    seams = (abs(part.x - x) < 2) | (abs(part.y - y) < 2)
    for side in (-1, 1):
        seams |= abs(rim(part, (x + side * 60, y), (30, 60)) - FULL) < 22
    part.fill(inside & seams, (20, 30, 50))


def _person(canvas: Canvas, x: int, y: int) -> None:
    canvas.shade((x + 20, y + 232), (80, 12), 130)
    for side in (-1, 1):
        leg = x + side * 24
        canvas.box(leg - 20, y + 80, leg + 21, y + 225, (110, 70, 40), _round(leg, 256))
        canvas.oval((x + side * 28, y + 226), (30, 13), _DARK)
    canvas.oval((x, y + 20), (62, 92), (60, 170, 220), lambda c: 258 - c.rim // 3 + clouds(c.x, c.y, 6, 30) // 10)
    for side in (-1, 1):
        arm = x + side * 66
        canvas.oval((arm, y + 25), (19, 80), (60, 170, 220), _round(arm, 235))
        canvas.oval((x + side * 68, y + 108), (14, 17), _SKIN, 240)
    canvas.box(x - 14, y - 90, x + 15, y - 55, _SKIN, 225)
    canvas.oval((x, y - 122), (45, 54), _HAIR, 200)
    canvas.oval((x, y - 112), (37, 47), _SKIN, lambda c: 262 - c.rim // 4)
    for side in (-1, 1):
        canvas.oval((x + side * 15, y - 118), (8, 4), (40, 40, 45))
        canvas.oval((x + side * 15, y - 130), (12, 3), _HAIR)
    canvas.shade((x, y - 104), (6, 12), 200)
    canvas.oval((x, y - 86), (14, 4), (80, 80, 170))


def _round(middle_x: int, light: int) -> Callable[[Canvas], Whole]:
    return lambda c: light - abs(c.x - middle_x) * 4


def _fruit() -> Image:
    canvas = Canvas.empty(1080, 636)
    x, y = canvas.x, canvas.y
    stains = (clouds(x, y, 60, 41) - 128) // 16
    canvas.ground(30 + stains, 26 + stains, 52 - x // 45 + stains)
    canvas.box(0, 331, 1080, 636, (34, 44, 84), lambda c: 190 - c.x // 12 + clouds(c.x // 6, c.y, 9, 42) // 3)
    canvas.shade((430, 560), (330, 40), 100)
    _sphere(canvas, (300, 330), (92, 92), (20, 120, 235), 51)
    _sphere(canvas, (560, 330), (94, 94), (20, 125, 238), 52)
    _sphere(canvas, (430, 290), (98, 98), (50, 185, 130), 53)
    canvas.box(431, 180, 438, 215, _HAIR)
    bowl = canvas.part(0, 381, 1080, 636)
    bowl.oval((430, 380), (280, 175), (150, 120, 100), lambda c: 270 - abs(c.x - 340) * 2 // 3 - (c.y - 380) // 2)
    edge = canvas.part(150, 375, 711, 407)
    ring = (rim(edge, (430, 380), (280, 26)) <= FULL) & (rim(edge, (430, 374), (272, 20)) > FULL)
    edge.fill(ring, (205, 180, 160), lambda c: 250 - abs(c.x - 340) // 2)
    _sphere(canvas, (820, 500), (82, 64), (40, 205, 240), 54)
    canvas.oval((903, 505), (12, 10), (40, 170, 200))
    peel = canvas.part(630, 231, 1051, 461)
    outside, inside = rim(peel, (840, 250), (210, 210)), rim(peel, (850, 205), (205, 205))
    peel.fill((outside <= FULL) & (inside > FULL), (45, 200, 235), lambda c: 490 - outside - abs(c.x - 820) // 4)
    _sphere(canvas, (985, 560), (60, 60), (20, 40, 200), 55)
    noise = grain(x // 2, y // 2, 60) + grain(x // 2, y // 2, 61) + grain(x // 2, y // 2, 62) - 384
    return canvas.finish(1, np.stack([noise // 12, noise // 14, noise // 12], -1))


def _sphere(canvas: Canvas, at_xy: tuple[int, int], radii: tuple[int, int], colour: Colour, seed: int) -> None:
    (x, y), (across, down) = at_xy, radii
    lit, far = (x - across * 2 // 5, y - down * 2 // 5), (across * 3 // 2, down * 3 // 2)
    canvas.oval(at_xy, radii, colour, lambda c: 304 - rim(c, lit, far) + clouds(c.x, c.y, 4, seed) // 8)
    canvas.oval((lit[0], y - down // 2), (across // 7, down // 9), (190, 215, 235))


_PAINTERS: Mapping[str, Callable[[], Image]] = MappingProxyType(
    {"portrait": _portrait, "street": _street, "fruit": _fruit}
)
REFERENCE_PICTURES: Mapping[str, str] = MappingProxyType(
    {
        "portrait": "7bf1fda1cc5c9c1c8dfa700e064a58358931364bf75d4a529fd7b6f41cbc449d",
        "street": "fff6bf2b03821b50eb3acf345eee62aa551a20048c2473200be3764697b52ee9",
        "fruit": "b85e8b2ab6fbf6b25352e20f5b271204bd40769d5505a7d0d1fa636587149b4b",
    }
)
"""Each one's name, and the SHA-256 of its bytes."""
