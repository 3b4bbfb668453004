"""Fit a picture to a network's input."""

from __future__ import annotations

import cv2
import numpy as np

from streamclf.frame import FitPlan, Image, Interpolation

_FLAGS = {"linear": cv2.INTER_LINEAR, "area": cv2.INTER_AREA, "cubic": cv2.INTER_CUBIC, "nearest": cv2.INTER_NEAREST}


def fit_image(image: Image, plan: FitPlan) -> Image:
    """(H, W, 3) uint8 BGR to the network's (h, w, plan.channels) uint8, a fresh contiguous array."""
    geometry = plan.geometry((image.shape[1], image.shape[0]))
    x, y, width, height = geometry.crop_xywh
    scaled = resize(image[y : y + height, x : x + width], geometry.scaled_wh, plan.interpolation)
    if plan.channels == 1:
        scaled = cv2.cvtColor(scaled, cv2.COLOR_BGR2GRAY)[..., None]
    if geometry.scaled_wh == geometry.canvas_wh:
        return np.ascontiguousarray(scaled) if not np.shares_memory(scaled, image) else scaled.copy()
    canvas = np.full((geometry.canvas_wh[1], geometry.canvas_wh[0], plan.channels), plan.pad_value, np.uint8)
    left, top = geometry.offset_xy
    canvas[top : top + scaled.shape[0], left : left + scaled.shape[1]] = scaled
    return canvas


def resize(image: Image, size_wh: tuple[int, int], interpolation: Interpolation) -> Image:
    """(H, W, 3) uint8 to (h, w, 3) uint8. ``area_linear`` averages whole blocks first, then interpolates.

    cv2's area resize has a fast path for whole factors only: 1080p to 404x227 takes 1.8 ms so, 5 to 9 ms with area alone.
    """
    if interpolation != "area_linear":
        return cv2.resize(image, size_wh, interpolation=_FLAGS[interpolation])
    factor = min(image.shape[1] // size_wh[0], image.shape[0] // size_wh[1])
    if factor > 1:
        width, height = image.shape[1] // factor, image.shape[0] // factor
        whole = image[: height * factor, : width * factor]
        image = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    return cv2.resize(image, size_wh, interpolation=cv2.INTER_LINEAR)
