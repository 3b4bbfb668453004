"""A picture as the bytes of a file."""

from __future__ import annotations

from pathlib import Path

import cv2

from streamclf.errors import SinkError
from streamclf.frame import Image

JPEG_QUALITY = 92


def encode(image: Image, suffix: str, path: Path) -> bytes:
    """(H, W, 3) uint8 BGR as the bytes of a file with that ``suffix``. Raises :class:`SinkError` naming ``path``."""
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if suffix.lower() in (".jpg", ".jpeg", ".jpe") else []
    try:
        done, data = cv2.imencode(suffix, image, options)
    except cv2.error as problem:
        raise SinkError(f"{path}: the picture cannot be encoded: {problem.err}") from problem
    if not done:
        raise SinkError(f"{path}: a picture of {image.shape[1]}x{image.shape[0]} cannot be encoded")
    return data.tobytes()
