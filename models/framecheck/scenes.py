"""Clean pictures that are no plain photograph: drawn scenes, and photographs turned into what is easily taken for damage.

Everything here is ``ok`` to a viewer: night, fog, walls, sky, screenshots, pages, cartoons, a sharp subject before a blurred
background. False alarms are what makes people switch a watcher off, so these are collected with care.
"""

from __future__ import annotations

from collections.abc import Callable

from graphics import cartoon, screenshot, table, text_page
from looks import bokeh, fog, grey, high_key, moving_object, night, studio
from pixels import Rng
from places import city, gravel, landscape, pattern, sky, wall

from streamclf.frame import Image

DRAWN: tuple[Callable[[tuple[int, int], Rng], Image], ...] = (
    text_page,
    table,
    screenshot,
    cartoon,
    landscape,
    landscape,
    sky,
    city,
    city,
    wall,
    wall,
    wall,
    pattern,
    gravel,
)
LIT = (landscape, sky, city, wall, pattern, gravel)
"""Those that stand for a place with light on it: of a page or a screen nobody could say that it is overexposed."""


def drawn(lines: int, rng: Rng, lit_only: bool = False) -> Image:
    """A drawn scene of ``lines`` lines (the shorter side)."""
    aspect = float(rng.choice([16 / 9, 16 / 9, 4 / 3, 1.0, 9 / 16]))
    shape = (lines, round(lines * aspect)) if aspect >= 1 else (round(lines / aspect), lines)
    choice = LIT if lit_only else DRAWN
    return choice[int(rng.integers(len(choice)))](shape, rng)


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
    studio,
)


def disguised(image: Image, rng: Rng) -> Image:
    """The photograph in one of the :data:`LOOKS`."""
    return LOOKS[int(rng.integers(len(LOOKS)))](image, rng)
