"""Lens and motion: everything that blurs before the light reaches the sensor, and dirt on the glass."""

from __future__ import annotations

import math

import cv2
import numpy as np
from pixels import Floats, Rng, clouds, shrunk_blur

from streamclf.frame import Image


def disc(radius: float) -> Floats:
    """An anti-aliased disc that sums to 1."""
    reach = math.ceil(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    kernel = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1).astype(np.float32)
    return kernel / kernel.sum()


def defocus(image: Image, radius: float, rng: Rng) -> Image:
    """Blurred by a disc, a polygon, a box or a Gaussian of about this radius (px)."""
    kind = rng.random()
    if kind < 0.35 or radius < 1:
        return shrunk_blur(image, max(0.2, radius / 2))
    if kind < 0.45:
        side = 2 * round(radius * 0.85) + 1
        return np.asarray(cv2.blur(image, (side, side)), np.uint8)
    # Large discs at half the size: four times as fast, and no eye or filter can tell.
    if radius > 12:
        half = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        kernel = _aperture(radius / 2, rng)
        blurred = cv2.filter2D(half, -1, kernel, borderType=cv2.BORDER_REFLECT)
        return np.asarray(cv2.resize(blurred, image.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.uint8)
    return np.asarray(cv2.filter2D(image, -1, _aperture(radius, rng), borderType=cv2.BORDER_REFLECT), np.uint8)


def _aperture(radius: float, rng: Rng) -> Floats:
    kernel = disc(radius)
    if radius >= 2 and rng.random() < 0.3:  # five to eight blades
        count, turn = int(rng.integers(5, 9)), rng.uniform(0, 2 * np.pi)
        angles = turn + np.arange(count) * 2 * np.pi / count
        middle = kernel.shape[0] // 2
        points = np.stack([np.cos(angles), np.sin(angles)], 1) * radius * 1.1 + middle
        mask = np.zeros(kernel.shape, np.uint8)
        cv2.fillPoly(mask, [np.rint(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        kernel = mask.astype(np.float32)
        kernel /= kernel.sum()
    return kernel


def dirt(image: Image, rng: Rng) -> Image:
    """Specks and smears near the lens: a slightly uneven light, unnoticed."""
    height, width = image.shape[:2]
    shade = 1 - rng.uniform(0.02, 0.1) * clouds((9, 16), rng, 2, first=3)
    full = cv2.resize(shade, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(image * full[..., None], 0, 255).astype(np.uint8)


# --- motion


def path_kernel(length: float, rng: Rng) -> Floats:
    """A straight or bent path of about this length (px), drawn with sub-pixel care; sums to 1."""
    steps = max(8, math.ceil(length * 4))
    bend = rng.normal(0, 0.9) if rng.random() < 0.5 else 0.0
    angle = rng.uniform(0, np.pi) if rng.random() < 0.6 else float(rng.choice([0.0, np.pi / 2])) + rng.normal(0, 0.05)
    headings = angle + bend * np.linspace(-1, 1, steps)
    points = np.cumsum(np.stack([np.cos(headings), np.sin(headings)], 1) * length / steps, 0)
    points -= (points.max(0) + points.min(0)) / 2
    reach = math.ceil(float(np.abs(points).max())) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    pace = rng.uniform(0.5, 1.5, 4) if rng.random() < 0.6 else rng.uniform(0.1, 2.5, 4)  # a hand does not shake evenly
    weights = np.interp(np.linspace(0, 3, steps), range(4), pace)
    for (x, y), weight in zip(points + reach, weights, strict=True):
        left, top = int(x), int(y)
        right, down = x - left, y - top
        kernel[top, left] += weight * (1 - right) * (1 - down)
        kernel[top, left + 1] += weight * right * (1 - down)
        kernel[top + 1, left] += weight * (1 - right) * down
        kernel[top + 1, left + 1] += weight * right * down
    return kernel / kernel.sum()


def motion(image: Image, length: float, rng: Rng) -> Image:
    """The whole frame smeared along one path; sometimes turned about a point, as when a camera is knocked."""
    if length > 8 and rng.random() < 0.12:
        return _turned(image, length, rng)
    if length > 30:  # at half the size, see defocus: across the path the softness of that is what shaking gives anyway
        half = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        blurred = cv2.filter2D(half, -1, path_kernel(length / 2, rng), borderType=cv2.BORDER_REFLECT)
        return np.asarray(cv2.resize(blurred, image.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.uint8)
    return np.asarray(cv2.filter2D(image, -1, path_kernel(length, rng), borderType=cv2.BORDER_REFLECT), np.uint8)


def _turned(image: Image, length: float, rng: Rng) -> Image:
    height, width = image.shape[:2]
    centre = (rng.uniform(-0.6, 0.1) * width, rng.uniform(0, 1) * height)
    reach = math.hypot(width / 2 - centre[0], height / 2 - centre[1])
    degrees = math.degrees(length / reach)
    count = min(24, max(6, round(length / 2)))
    total = np.zeros(image.shape, np.float32)
    for turn in np.linspace(-degrees / 2, degrees / 2, count):
        place = cv2.getRotationMatrix2D(centre, turn, 1)
        cv2.accumulate(cv2.warpAffine(image, place, (width, height), borderMode=cv2.BORDER_REFLECT), total)
    return (total / count).astype(np.uint8)
