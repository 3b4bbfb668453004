"""A picture into a network's input as a card says it, in plain numpy: floats throughout, rounded to whole levels once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from scripts.other_engines import NotKnown

DEFAULTS = {"scale": 1.0, "crop_fraction": 1.0, "interpolation": "area_linear", "pad_value": 114, "layout": "NCHW"}


def prepared_by(said: dict[str, Any]) -> str:
    """In words."""
    if said["fit"] == "overview_tiles":
        return (
            "streamclf's own fit, which nobody else has, and numpy for the rest (scripts/other_engines/preparation.py)"
        )
    return "numpy (scripts/other_engines/preparation.py)"


@dataclass
class Place:
    """Where the input shows the picture: input = picture * ``scale_xy`` + ``offset_xy``."""

    scale_xy: tuple[float, float]
    offset_xy: tuple[float, float]

    def in_picture(self, corners: np.ndarray) -> np.ndarray:
        """(N, 4) left, top, right, bottom in the input's pixels, in the picture's."""
        return (corners - np.tile(self.offset_xy, 2)) / np.tile(self.scale_xy, 2)


def prepare(picture: np.ndarray, said: dict[str, Any]) -> tuple[np.ndarray, Place]:
    """(H, W, 3) uint8 BGR to (1, C, H, W) or (1, H, W, C) float32; ``said`` is a card's [input]."""
    said = DEFAULTS | said
    levels, place = fitted(picture, said)
    if said["channels"] == "rgb":
        levels = levels[:, :, ::-1]
    elif said["channels"] == "grey":
        levels = np.rint(levels @ np.array([0.114, 0.587, 0.299]))[:, :, None]
    count = levels.shape[2]
    mean, std = (np.array(said.get(key) or [value] * count) for key, value in (("mean", 0.0), ("std", 1.0)))
    numbers = ((levels * said["scale"] - mean) / std).astype(np.float32)
    return (numbers[None] if said["layout"] == "NHWC" else numbers.transpose(2, 0, 1)[None]), place


def fitted(picture: np.ndarray, said: dict[str, Any]) -> tuple[np.ndarray, Place]:
    """The picture at the network's size, whole levels as float64."""
    height, width = picture.shape[:2]
    wide, high = said["width"], said["height"]
    crop_w, crop_h, out_w, out_h = width, height, wide, high
    if said["fit"] == "overview_tiles":
        return _overview(picture, wide, high), Place((1, 1), (0, 0))
    if said["fit"] == "centre_crop":
        scale = min(width / wide, height / high) * said["crop_fraction"]
        crop_w, crop_h = round(wide * scale), round(high * scale)
    elif said["fit"] == "short_side":
        short = min(width, height)
        out_w, out_h = (side * min(wide, high) // short for side in (width, height))
    elif said["fit"] == "letterbox":
        scale = min(wide / width, high / height)
        out_w, out_h = round(width * scale), round(height * scale)
    elif said["fit"] != "stretch":
        raise NotKnown(f"fit {said['fit']!r} is not known here")
    left, top = (width - crop_w) // 2, (height - crop_h) // 2
    levels = resized(picture[top : top + crop_h, left : left + crop_w], out_w, out_h, said["interpolation"])
    scale_x, scale_y = out_w / crop_w, out_h / crop_h
    place = Place((scale_x, scale_y), (-left * scale_x, -top * scale_y))
    if said["fit"] != "letterbox":
        return levels, place
    canvas = np.full((high, wide, 3), float(said["pad_value"]))
    x, y = (wide - out_w) // 2, (high - out_h) // 2
    canvas[y : y + out_h, x : x + out_w] = levels
    return canvas, Place(place.scale_xy, (x, y))


def resized(picture: np.ndarray, width: int, height: int, interpolation: str) -> np.ndarray:
    """Bilinear; "area_linear" averages blocks first, as large as whole pixels allow."""
    factor = min(picture.shape[1] // width, picture.shape[0] // height) if interpolation == "area_linear" else 1
    if interpolation not in ("area_linear", "linear"):
        raise NotKnown(f"interpolation {interpolation!r} is not known here")
    levels = picture.astype(np.float64)
    for axis, size in ((0, height), (1, width)):
        levels = _along(levels, axis, size, max(1, factor))
    return np.rint(levels)


def _along(levels: np.ndarray, axis: int, size: int, factor: int) -> np.ndarray:
    """One axis: blocks of ``factor`` averaged, then each new place between the two blocks nearest to its middle."""
    levels = np.moveaxis(levels, axis, 0)
    length = len(levels)
    count = length // factor
    blocks = levels[: count * factor].reshape(count, factor, *levels.shape[1:]).mean(1)
    middles = (np.arange(size) + 0.5) * length / size / factor - 0.5
    middles = middles.clip(0, count - 1)
    before = np.floor(middles).astype(int)
    after = np.minimum(before + 1, count - 1)
    share = (middles - before).reshape(-1, *[1] * (levels.ndim - 1))
    return np.moveaxis(blocks[before] * (1 - share) + blocks[after] * share, 0, axis)


def _overview(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """streamclf's own: nobody else has this fit, and framecheck is trained on pictures that it made."""
    from streamclf.vision.overview import overview_and_tiles

    return overview_and_tiles(picture, (width, height)).astype(np.float64)
