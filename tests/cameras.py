"""A camera that is not there: plays pictures through the interface of ``cv2.VideoCapture``."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import numpy.typing as npt

from streamclf.testing import ManualClock


class FakeCapture:
    """Gives ``pictures`` at 20 a second of ``clock``; None is one that cannot be decoded, and the end is a camera pulled out."""

    def __init__(
        self, pictures: Iterable[npt.NDArray[np.uint8] | None], clock: ManualClock | None = None, opens: bool = True
    ):
        self._pictures = iter(pictures)
        self._clock = clock or ManualClock()
        self._opens = opens
        self._current: npt.NDArray[np.uint8] | None = None
        self.properties = {cv2.CAP_PROP_FRAME_WIDTH: 64.0, cv2.CAP_PROP_FRAME_HEIGHT: 48.0, cv2.CAP_PROP_FPS: 20.0}
        self.asked: list[tuple[int, float]] = []
        self.released = 0

    def isOpened(self) -> bool:  # noqa: N802
        return self._opens

    def set(self, prop: int, value: float) -> bool:
        self.asked.append((prop, value))
        if prop == cv2.CAP_PROP_FOURCC:
            self.properties[prop] = value
        return prop == cv2.CAP_PROP_FOURCC

    def get(self, prop: int) -> float:
        return self.properties.get(prop, 0.0)

    def grab(self) -> bool:
        try:
            self._current = next(self._pictures)
        except StopIteration:
            return False
        self._clock.advance(0.05)
        return True

    def retrieve(self) -> tuple[bool, npt.NDArray[np.uint8] | None]:
        return self._current is not None, None if self._current is None else self._current.copy()

    def release(self) -> None:
        self.released += 1
