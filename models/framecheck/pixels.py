"""What scenes, looks and damage are all made of: random words and colours, clouds, grain, blur, brightness."""

from __future__ import annotations

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
LEVELS = np.arange(256, dtype=np.float64)
"""Every level a pixel can have, to make tables of."""


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


def luma(image: Image) -> Image:
    """Brightness (H, W), uint8."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


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


def fine_grain(image: Image, rng: Rng) -> Image:
    """Fine sensor grain, always unnoticed: nothing photographed is without."""
    noise = rng.normal(0, rng.uniform(0.3, 1.6), (256, 256, 3))
    tiled = np.tile(noise, (-(-image.shape[0] // 256), -(-image.shape[1] // 256), 1))[
        : image.shape[0], : image.shape[1]
    ]
    return np.clip(image + tiled, 0, 255).astype(np.uint8)


_BANK: list[npt.NDArray[np.int8]] = []


def standard_normal(shape_hw: tuple[int, int], rng: Rng) -> Floats:
    """Standard normal (H, W): a random window of a large fixed field, which is much faster than drawing anew."""
    if not _BANK:
        field = np.random.default_rng(7).standard_normal((2600, 2600), np.float32)
        _BANK.append(np.clip(field * 30, -127, 127).astype(np.int8))
    y, x = (int(rng.integers(0, 2600 - side + 1)) for side in shape_hw)
    window = _BANK[0][y : y + shape_hw[0], x : x + shape_hw[1]]
    flip_y, flip_x = (1 if rng.random() < 0.5 else -1 for _ in range(2))
    return window[::flip_y, ::flip_x].astype(np.float32) / 30
