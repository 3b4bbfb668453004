"""How many threads OpenCV uses for pictures and networks: one number for the whole process."""

from __future__ import annotations

import cv2


def set_vision_threads(count: int) -> None:
    """From now on, in every thread. Where single-threaded lanes already keep all processors busy, more only get in their way."""
    cv2.setNumThreads(count)
