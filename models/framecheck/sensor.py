"""The sensor: too little light, too much, and noise."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt
from pixels import LEVELS, Floats, Rng, luma, shrunk_blur, standard_normal

from streamclf.frame import Image


def _table(image: Image, curve: npt.NDArray[np.float64]) -> Image:
    return np.asarray(cv2.LUT(image, np.clip(curve, 0, 255).round().astype(np.uint8)), np.uint8)


def darken(image: Image, peak: float, rng: Rng) -> Image:
    """The 98th percentile of luma brought down to ``peak`` by exposure, gamma or an offset."""
    now = max(20.0, float(np.percentile(luma(image), 98)))
    if peak >= now:
        return image
    kind = rng.random()
    if kind < 0.5:
        return _table(image, LEVELS * peak / now)
    if kind < 0.7 and now < 250:
        return _table(image, 255 * (LEVELS / 255) ** (math.log(peak / 255) / math.log(now / 255)))
    if kind < 0.85:  # part offset, part exposure
        offset = (now - peak) * rng.uniform(0.3, 1.0)
        return _table(image, np.maximum(0, LEVELS - offset) * peak / max(1.0, now - offset))
    crushed = LEVELS**1.5
    return _table(image, crushed * peak / now**1.5)


def brighten(image: Image, share: float, rng: Rng) -> Image:
    """So much light that ``share`` of the pixels is clipped, by exposure, offset, or a lifted gamma before it."""
    level = float(np.quantile(luma(image), 1 - share))
    kind = rng.random()
    if kind < 0.6:
        curve = LEVELS * 255 / max(level, 2.0)
    elif kind < 0.85:
        offset = (255 - level) * rng.uniform(0.4, 1.0)
        curve = (LEVELS + offset) * 255 / (level + offset)
    else:
        curve = 255 * (LEVELS / max(level, 2.0)) ** rng.uniform(0.5, 0.8)
    bright = _table(image, curve + rng.uniform(0, 2))
    if rng.random() < 0.35:  # light spills over
        veil = shrunk_blur(bright, image.shape[0] * 0.04)
        bright = np.asarray(cv2.addWeighted(bright, 1.0, veil, rng.uniform(0.05, 0.2), 0), np.uint8)
    return bright


def add_noise(image: Image, sigma: float, rng: Rng) -> Image:
    """Grain with about this standard deviation: read and shot noise, grey or coloured, fine or slightly coarse, hot pixels."""
    shape = image.shape[:2]
    kind = rng.random()
    if kind < 0.18 and sigma > 6:  # hot and dead pixels
        share = np.clip((sigma / 127) ** 2, 0.003, 0.15)
        out = image.copy()
        mask = np.abs(standard_normal(shape, rng)) > _two_sided(float(share))
        out[mask] = np.where(standard_normal(shape, rng) > 0, 255, 0)[mask][:, None]
        return out
    if kind < 0.36:
        return _raw_noise(image, sigma, rng)
    if kind < 0.55:
        field = np.repeat(standard_normal(shape, rng)[..., None], 3, 2)
    elif kind < 0.8:
        field = np.dstack([standard_normal(shape, rng) for _ in range(3)]) * np.float32([1.25, 1.0, 1.15])
    else:
        field = np.dstack([standard_normal(shape, rng) for _ in range(3)]) * np.float32(rng.uniform(0.7, 1.8, 3))
        field += 0.7 * standard_normal(shape, rng)[..., None]
        field /= max(1e-3, float(field[::7, ::7].std()))
    if rng.random() < 0.4:  # demosaicing and denoising make it coarser
        field = cv2.GaussianBlur(field, (0, 0), rng.uniform(0.4, 1.1))
        field /= max(1e-3, float(field[::7, ::7].std()))
    strength: Floats | float = sigma
    if rng.random() < 0.5:  # shot noise grows with the light
        read = rng.uniform(0.1, 0.6)
        grey = cv2.GaussianBlur(luma(image), (0, 0), 1.5).astype(np.float32)
        mean = max(8.0, float(grey.mean()))
        strength = (sigma * np.sqrt(read + (1 - read) * grey / mean))[..., None]
    return np.clip(image + field * strength, 0, 255).astype(np.uint8)


_LIGHT = (LEVELS / 255) ** 2.2
_LEVEL_OF_LIGHT = 255 * (np.arange(4097) / 4096) ** (1 / 2.2)


def _raw_noise(image: Image, sigma: float, rng: Rng) -> Image:
    """Noise of the light itself, before the gamma curve lifts the shadows, where it shows most."""
    light = cv2.LUT(image, _LIGHT.astype(np.float32))
    read = rng.uniform(0.003, 0.3)
    # what one unit of it does to a level, by level, so that the mean over the picture comes to sigma
    slope = np.gradient(LEVELS) / np.maximum(np.gradient(_LIGHT), 0.004)
    unit = np.sqrt(read + (1 - read) * _LIGHT)
    share = np.bincount(luma(image)[::4, ::4].ravel(), minlength=256) / luma(image)[::4, ::4].size
    strength = sigma / max(1e-6, float(np.sqrt((share * np.minimum(slope * unit, 400) ** 2).sum())))
    field = np.dstack([standard_normal(image.shape[:2], rng) for _ in range(3)])
    if rng.random() < 0.4:
        field = cv2.GaussianBlur(field, (0, 0), rng.uniform(0.4, 0.9))
        field /= max(1e-3, float(field[::7, ::7].std()))
    noise = field * cv2.LUT(image, unit.astype(np.float32))
    for _ in range(2):  # clipping at black takes some of it: measure, and correct once
        levels = np.clip((light + noise * strength) * 4096, 0, 4096).astype(np.int32)
        noisy = _LEVEL_OF_LIGHT.astype(np.uint8)[levels]
        measured = float(cv2.subtract(luma(noisy), luma(image), dtype=cv2.CV_32F).std())
        if 0.85 * sigma < measured < 1.15 * sigma:
            break
        strength *= sigma / max(measured, 0.2)
    return noisy


def _two_sided(share: float) -> float:
    """The z with P(|Z| > z) = share, near enough for shares of 0.003 to 0.15."""
    return float(np.interp(math.log10(share), [-2.52, -2, -1.3, -0.82], [2.97, 2.58, 1.96, 1.44]))
