"""Fitted pictures to the 8-bit levels that a quantised network takes instead of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from streamclf.vision.blob import BlobPlan

Levels: TypeAlias = npt.NDArray[np.uint8] | npt.NDArray[np.int8]

_HAIR = 1e-3
"""A number so little below the middle between two levels goes up, as the middle itself does. Networks of -1 to 1 have all their
numbers there (zero point 127, a step of 1/127.5 that float32 rounds up): so each of the 256 gets a level of its own, the picture's."""


@dataclass(frozen=True, slots=True)
class Quantisation:
    """A level is round(number / step) + zero_point, within its type."""

    step: float
    zero_point: int
    dtype: Literal["uint8", "int8"]

    def numbers(self, levels: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
        """What the levels stand for, an array of its own."""
        return (levels.astype(np.float32) - np.float32(self.zero_point)) * np.float32(self.step)


def level_table(plan: BlobPlan, quantisation: Quantisation) -> Levels:
    """The level of each of the 256 values of a pixel, (256, C) in the network's own order of channels."""
    values = np.arange(256, dtype=np.float64)[:, None]
    numbers = (values - np.array(plan.offsets)) * np.array(plan.scales)
    levels = np.floor(numbers / quantisation.step + 0.5 + _HAIR) + quantisation.zero_point
    limits = np.iinfo(quantisation.dtype)
    return np.asarray(levels.clip(limits.min, limits.max), quantisation.dtype)


class LevelMaker:
    """Makes inputs of quantised networks; most often the pictures themselves, but for the order of their channels."""

    def __init__(self, plan: BlobPlan, quantisation: Quantisation):
        self._swap, self._layout, self._dtype = plan.swap, plan.layout, quantisation.dtype
        table = level_table(plan, quantisation).view(np.uint8)
        is_identity = bool((table == np.arange(256)[:, None]).all())
        self._table = None if is_identity else np.ascontiguousarray(table)[None]

    def make(self, batch: npt.NDArray[np.uint8]) -> Levels:
        """Fitted pictures (N, H, W, C) uint8 to the network's input, in its layout; ``batch`` itself where nothing is to do."""
        rows = np.ascontiguousarray(batch).reshape(-1, *batch.shape[2:])  # one tall picture
        if self._swap:
            rows = np.asarray(cv2.cvtColor(rows, cv2.COLOR_BGR2RGB), np.uint8)
        if self._table is not None:
            rows = np.asarray(cv2.LUT(rows, self._table), np.uint8)
        levels = rows.reshape(batch.shape)
        if self._layout == "NCHW":
            levels = np.ascontiguousarray(levels.transpose(0, 3, 1, 2))
        return levels.view(self._dtype)
