"""Photographs turned into what looks damaged at first sight, and is not: night, fog, infrared, a studio, a soft background."""

from __future__ import annotations

import cv2
import numpy as np
from pixels import Rng, clouds, colour, fine_grain, luma, shrunk_blur

from streamclf.frame import Image


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
    return fine_grain(np.clip(dark, 0, 255).astype(np.uint8), rng)


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
    return fine_grain(foggy, rng)


def bokeh(image: Image, rng: Rng) -> Image:
    """A sharp subject before a blurred background."""
    height, width = image.shape[:2]
    blurred = shrunk_blur(image, height * rng.uniform(0.008, 0.04))
    mask = np.zeros((height, width), np.uint8)
    # In focus is what has detail: an autofocus would not choose a bare wall.
    detail = np.abs(cv2.Laplacian(luma(image), cv2.CV_16S)).astype(np.float32)
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
    return np.asarray(cv2.cvtColor(luma(image), cv2.COLOR_GRAY2BGR), np.uint8)


def high_key(image: Image, rng: Rng) -> Image:
    """Snow or a white studio: everything light, nothing clipped."""
    lifted = 255 * (image.astype(np.float32) / 255) ** rng.uniform(0.35, 0.7)
    return np.clip(lifted * rng.uniform(0.9, 0.97), 0, 250).astype(np.uint8)


def studio(image: Image, rng: Rng) -> Image:
    """A thing before white or light grey, as products are photographed: most of the picture is white, and meant to be."""
    height, width = image.shape[:2]
    ground = np.full(image.shape, rng.uniform(228, 255), np.float32) + np.float32(rng.normal(0, 2, 3))
    mask = np.zeros((height, width), np.uint8)
    centre = np.float32((width * rng.uniform(0.35, 0.65), height * rng.uniform(0.35, 0.65)))
    reach = np.float32((width, height)) * np.float32(rng.uniform(0.12, 0.42, 2))
    if rng.random() < 0.3:
        corners = np.float32([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    else:
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(5, 40))))
        corners = np.stack([np.cos(angles), np.sin(angles)], 1) * rng.uniform(0.7, 1.1, (len(angles), 1))
    outline = np.rint((centre + corners * reach) * 16).astype(np.int32)
    cv2.fillPoly(mask, [outline], 255, cv2.LINE_AA, 4)
    shadow = shrunk_blur(np.roll(mask, round(height * 0.02), 0), height * rng.uniform(0.01, 0.05))
    ground -= shadow.astype(np.float32)[..., None] * np.float32(rng.uniform(0, 0.3))
    share = mask.astype(np.float32)[..., None] / 255
    return np.clip(image * share + ground * (1 - share), 0, 255).astype(np.uint8)
