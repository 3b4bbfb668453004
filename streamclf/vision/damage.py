"""What goes wrong between a scene and its picture: in the lens, on the sensor, in the encoder, on the wire.

Light is handled as the square of a pixel's value, which is close to what a screen makes of it: blurs are of light, not of numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from streamclf.frame import Image
from streamclf.vision.terrain import Rng, fractal, to_image
from streamclf.vision.text import font

Noise = npt.NDArray[np.int8]

_UNIT = 32
"""Deviation of the stored noise: four deviations fit into 8 bits."""
_SPARE = 64
"""The stored noise is so much larger than a picture: each frame takes another part of it."""


def sensed(image: Image, rng: Rng, read: float = 1.0, shot: float = 0.012) -> Image:
    """What a sensor makes of (H, W, 3): each colour with its own noise, of deviation ``sqrt(read^2 + shot * level)`` levels."""
    height, width = image.shape[:2]
    left, top = (int(each) for each in rng.integers(0, _SPARE, 2))
    noise = _noise(height + _SPARE, width + _SPARE)[top : top + height, left : left + width]
    quarter_levels = np.minimum(255, np.round(4 * np.sqrt(read**2 + shot * np.arange(256)))).astype(np.uint8)
    deviation = cv2.LUT(image, quarter_levels)
    added = cv2.multiply(noise, deviation, scale=1 / (4 * _UNIT), dtype=cv2.CV_16S)
    return np.asarray(cv2.add(image, added, dtype=cv2.CV_8U), np.uint8)


def defocus(image: Image, age: int, rng: Rng) -> Image:
    """A lens that hunts for the focus and does not find it: every point becomes a disc."""
    return sensed(_blurred(image, _disc(7.5 + 1.5 * math.sin(age / 9))), rng)


def motion_blur(image: Image, age: int, rng: Rng) -> Image:
    """A camera that is shaken: every point becomes a stroke."""
    return sensed(
        _blurred(image, _stroke(26 + 7 * math.sin(age / 5), math.sin(age / 13) * 0.9, 0.5 * math.cos(age / 7))), rng
    )


def dark(image: Image, age: int, rng: Rng) -> Image:
    """Exposed far too short: structure is left, but hardly any light."""
    return sensed(_exposed(image, 0.016 + 0.004 * math.sin(age / 10)), rng, read=1.3)


def bright(image: Image, age: int, rng: Rng) -> Image:
    """Exposed far too long: the light parts are clipped."""
    return sensed(_exposed(image, 7.5 + 1.5 * math.sin(age / 10)), rng)


def covered(image: Image, age: int, rng: Rng) -> Image:
    """A hand slides over the lens; what is left is a dark glow, and the noise of a sensor that looks for light."""
    height, width = image.shape[:2]
    glow = _glow(height, width) * (1 + 0.06 * math.sin(age / 8))
    edge = np.clip((np.arange(width, dtype=np.float32) - width * (1.1 - age / 7)) / 190, 0, 1)
    hand = (edge * edge * (3 - 2 * edge))[None, :, None]
    return sensed(to_image(image * (1 - hand) + glow * hand), rng, read=2.6 if hand.min() == 1 else 1.3)


def noise(image: Image, age: int, rng: Rng) -> Image:
    """Too little light, made up for by gain: noise of every colour."""
    return sensed(image, rng, read=16 + 4 * math.sin(age / 10), shot=5.0)


def blocky(image: Image, age: int, rng: Rng) -> Image:
    """Compressed until little but blocks are left."""
    quality = round(6 + 2 * math.sin(age / 10))
    _, data = cv2.imencode(".jpg", sensed(image, rng), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def no_signal(image: Image, age: int, rng: Rng) -> Image:
    """Nothing from the lens at all: what electronics show instead, first colour bars, then a blue screen."""
    height, width = image.shape[:2]
    return (_bars(height, width) if age < 36 else _blue_screen(height, width)).copy()


DAMAGES: Mapping[str, Callable[[Image, int, Rng], Image]] = {
    "ok": lambda image, age, rng: sensed(image, rng),
    "defocus": defocus,
    "motion_blur": motion_blur,
    "dark": dark,
    "bright": bright,
    "covered": covered,
    "noise": noise,
    "blocky": blocky,
    "no_signal": no_signal,
}
"""By label: (H, W, 3) uint8 BGR without noise, frames since the damage began, random numbers; to a fresh picture of that size."""


def _exposed(image: Image, factor: float) -> Image:
    """``factor`` times the light."""
    return np.asarray(cv2.convertScaleAbs(image, alpha=math.sqrt(factor)), np.uint8)


def _blurred(image: Image, kernel: npt.NDArray[np.float32]) -> Image:
    light = np.square(image, dtype=np.float32)
    cv2.filter2D(light, -1, kernel, dst=light, borderType=cv2.BORDER_REFLECT_101)
    return to_image(np.sqrt(np.maximum(light, 0, out=light), out=light))


def _disc(radius: float) -> npt.NDArray[np.float32]:
    reach = math.ceil(radius)
    far = np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1]).astype(np.float32)
    disc = np.clip(radius + 0.5 - far, 0, 1)
    return np.asarray(disc / disc.sum(), np.float32)


def _stroke(length: float, angle: float, bend: float) -> npt.NDArray[np.float32]:
    """A curved stroke; ``angle`` and ``bend`` in radians."""
    along = np.linspace(-0.5, 0.5, 65)
    turn = angle + bend * along
    x, y = length * along * np.cos(turn), length * along * np.sin(turn)
    size, fine = 2 * math.ceil(length / 2) + 3, 4
    points = np.round((np.stack([x, y], axis=1) + size / 2) * fine * 16).astype(np.int32)
    large = np.zeros((size * fine, size * fine), np.float32)
    cv2.polylines(large, [points], False, 1.0, fine, cv2.LINE_8, 4)
    stroke = np.asarray(cv2.resize(large, (size, size), interpolation=cv2.INTER_AREA), np.float32)
    return np.asarray(stroke / stroke.sum(), np.float32)


@lru_cache(maxsize=2)
def _noise(height: int, width: int) -> Noise:
    rng = np.random.default_rng(11)
    white = rng.standard_normal((height, width, 3), dtype=np.float32)
    # a sensor sees each colour at every other place only; what is filled in between is alike
    mixed = 0.75 * white + 1.1 * cv2.GaussianBlur(white, (0, 0), 0.9)
    return np.asarray(np.clip(mixed * (_UNIT / mixed.std()), -127, 127).round(), np.int8)


@lru_cache(maxsize=2)
def _glow(height: int, width: int) -> npt.NDArray[np.float32]:
    """What a hand before the lens lets through: reddish, brighter to one side, without any structure."""
    cloud = fractal(np.random.default_rng(12), (width, height), (width / 1.5, height / 1.5), 1)
    level = 15 + 9 * np.linspace(-1, 1, width, dtype=np.float32)[None, :] + 3 * cloud
    return np.asarray(np.maximum(level, 2)[..., None] * np.array((0.5, 0.6, 1.15), np.float32), np.float32)


@lru_cache(maxsize=2)
def _bars(height: int, width: int) -> Image:
    """Seven colour bars over a row of their counterparts and one of greys."""
    most, off = 191, 16
    colours = [
        [most if on & colour else off for on in (1, 2, 4)]  # blue, green, red
        for colour in (0b111, 0b110, 0b011, 0b010, 0b101, 0b100, 0b001)
    ]
    lower = [colours[6], [19] * 3, colours[4], [19] * 3, colours[2], [19] * 3, colours[0]]
    ramp = [[76, 33, 0], [255] * 3, [106, 0, 50], [16] * 3, [9] * 3, [24] * 3, [16] * 3]
    column = np.arange(width) * 7 // width
    image = np.empty((height, width, 3), np.uint8)
    image[: height * 67 // 100] = np.array(colours, np.uint8)[column]
    image[height * 67 // 100 : height * 75 // 100] = np.array(lower, np.uint8)[column]
    image[height * 75 // 100 :] = np.array(ramp, np.uint8)[column]
    return image


@lru_cache(maxsize=2)
def _blue_screen(height: int, width: int) -> Image:
    image = np.empty((height, width, 3), np.uint8)
    image[:] = (190, 24, 12)
    face = font(max(7, height // 14), 0.13, (244, 244, 244))
    text = "NO SIGNAL"
    face.write(image, text, ((width - face.width(text)) // 2, (height - face.line_px) // 2))
    return image
