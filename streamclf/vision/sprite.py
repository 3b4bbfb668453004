"""Small pictures with an outline, to be pasted into larger ones: drawn large, then reduced, so that their edges are smooth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from streamclf.frame import Image
from streamclf.vision.terrain import Colour, Rng, fill, fractal, to_image

FINE = 3
"""Drawn so many times as large: edges are as smooth as a lens makes them."""


@dataclass(frozen=True, slots=True, eq=False)
class Sprite:
    """A thing with its outline."""

    image: Image
    """(h, w, 3) uint8 BGR."""
    cover: npt.NDArray[np.uint16]
    """(h, w, 1), 0 (nothing here) to 256 (all of it)."""

    def mirrored(self) -> Sprite:
        """The same, looking the other way."""
        return Sprite(np.ascontiguousarray(self.image[:, ::-1]), np.ascontiguousarray(self.cover[:, ::-1]))

    def paste(self, image: Image, foot_xy: tuple[int, int]) -> None:
        """Onto ``image`` (H, W, 3), in place, clipped at its edges; ``foot_xy`` is the middle of the sprite's lower edge."""
        height, width = self.image.shape[:2]
        left, top = foot_xy[0] - width // 2, foot_xy[1] - height
        x, y = slice(max(0, -left), image.shape[1] - left), slice(max(0, -top), image.shape[0] - top)
        if left <= -width or top <= -height or x.stop <= 0 or y.stop <= 0:
            return
        part = image[max(0, top) : top + height, max(0, left) : left + width]
        cover = self.cover[y, x]
        part[:] = (part * (256 - cover) + self.image[y, x] * cover) >> 8


class Page:
    """Where a sprite is drawn, in its own pixels, ``FINE`` times as large."""

    def __init__(self, size_wh: tuple[int, int]):
        width, height = size_wh
        self.image = np.zeros((height * FINE, width * FINE, 3), np.uint8)
        self.cover = np.zeros((height * FINE, width * FINE), np.uint8)

    def fill(self, points: Sequence[tuple[float, float]], colour: Colour) -> None:
        """A polygon."""
        large = [(x * FINE, y * FINE) for x, y in points]
        fill(self.image, large, colour)
        cv2.fillPoly(self.cover, [np.round(np.array(large)).astype(np.int32)], 255)

    def box(self, corners: tuple[float, float, float, float], colour: Colour) -> None:
        """A rectangle (left, top, right, bottom); its right and lower edges are outside."""
        left, top, right, bottom = (round(each * FINE) for each in corners)
        area = slice(max(0, top), max(0, bottom)), slice(max(0, left), max(0, right))
        self.image[area] = np.clip(colour, 0, 255)
        self.cover[area] = 255

    def disc(self, centre: tuple[float, float], radius: float, colour: Colour) -> None:
        """A circle."""
        x, y = (round(each * FINE) for each in centre)
        cv2.circle(self.image, (x, y), round(radius * FINE), tuple(colour), -1, cv2.LINE_AA)
        cv2.circle(self.cover, (x, y), round(radius * FINE), 255, -1)

    def leaf(self, centre: tuple[float, float], radius: float, colour: Colour, rng: Rng) -> None:
        """An ellipse of any direction."""
        at = round(centre[0] * FINE), round(centre[1] * FINE)
        axes, turn = (round(radius * FINE), max(1, round(radius * FINE * 0.55))), float(rng.uniform(0, 180))
        cv2.ellipse(self.image, at, axes, turn, 0, 360, tuple(colour), -1)
        cv2.ellipse(self.cover, at, axes, turn, 0, 360, 255, -1)


def make_sprite(rng: Rng, size_wh: tuple[int, int], draw: Callable[[Page], None], grain: float = 0.0) -> Sprite:
    """What ``draw`` draws, reduced to ``size_wh``; ``grain`` levels of surface."""
    page = Page(size_wh)
    draw(page)
    solid = page.cover.astype(np.float32) / 255
    # outside the outline is nothing: it must not darken the edges
    weight = cv2.resize(solid, size_wh, interpolation=cv2.INTER_AREA)[..., None]
    mixed = cv2.resize(page.image * solid[..., None], size_wh, interpolation=cv2.INTER_AREA)
    pixels = mixed / np.maximum(weight, 1e-3)
    if grain:
        pixels = pixels * (1 + 0.01 * grain * fractal(rng, size_wh, (7, 3), 3)[..., None])
    return Sprite(to_image(pixels), np.round(weight * 256).astype(np.uint16))
