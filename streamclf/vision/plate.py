"""Frosted dark glass to write on."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from streamclf.frame import Image

KEPT = 0.2
"""How much of the picture's light comes through: even on white, white text keeps a contrast above 7."""

_COARSE = 24


def draw_plate(image: Image, box_xywh: tuple[int, int, int, int], radius: int) -> None:
    """Darken and blur a box of ``image`` (H, W, 3) in place, clipped at the edges, its corners rounded by ``radius`` pixels.

    Neither the light nor the detail behind it disturbs the text, yet what moves there is still seen to move.
    """
    x, y, width, height = box_xywh
    part = image[y : y + height, x : x + width]
    height, width = part.shape[:2]
    if not part.size:
        return
    radius = min(radius, height // 2, width // 2)
    near, far = slice(0, radius), slice(-radius, None)
    corners = [(near, near), (near, far), (far, near), (far, far)] if radius else []
    before = [part[corner].copy() for corner in corners]
    coarse_wh = (max(1, width // _COARSE), max(1, height // _COARSE))
    coarse = cv2.resize(part[::4, ::4], coarse_wh, interpolation=cv2.INTER_AREA)
    coarse = cv2.convertScaleAbs(coarse, alpha=KEPT, beta=14)
    cv2.resize(coarse, (width, height), dst=part, interpolation=cv2.INTER_LINEAR)
    for corner, old, outside in zip(corners, before, _outsides(radius), strict=True):
        part[corner] = (old * outside + part[corner] * (255 - outside) + 127) // 255


@lru_cache(maxsize=64)
def _outsides(radius: int) -> list[npt.NDArray[np.uint16]]:
    """What of the picture stays in each corner of a plate, (radius, radius, 1) of 0 to 255, smooth along the edge."""
    if not radius:
        return []
    large = np.full((radius * 4, radius * 4), 255, np.uint8)
    cv2.circle(large, (radius * 4 - 1, radius * 4 - 1), radius * 4 - 1, 0, -1, cv2.LINE_AA)
    corner = cv2.resize(large, (radius, radius), interpolation=cv2.INTER_AREA)[..., None].astype(np.uint16)
    return [corner, corner[:, ::-1], corner[::-1], corner[::-1, ::-1]]
