"""Cameras, read with ``cv2.VideoCapture``."""

from __future__ import annotations

import glob
import os
import sys
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, Protocol

import cv2
import numpy as np

from streamclf.errors import SourceError, SourceNotFoundError
from streamclf.frame import Frame, Image
from streamclf.source import SourceInfo
from streamclf.vision.picture import BgrPicture

_MICROSECOND = Fraction(1, 1_000_000)
_MAX_BAD_PICTURES = 30  # one after the other: a camera that sends nothing else is as good as gone


class Capture(Protocol):
    """The part of ``cv2.VideoCapture`` that a camera uses."""

    def isOpened(self) -> bool: ...  # noqa: D102, N802
    def set(self, prop: int, value: float) -> bool: ...  # noqa: D102
    def get(self, prop: int) -> float: ...  # noqa: D102
    def grab(self) -> bool: ...  # noqa: D102
    def retrieve(self) -> tuple[bool, Any]: ...  # noqa: D102
    def release(self) -> None: ...  # noqa: D102


def open_capture(device: int | str) -> Capture:
    """The camera through the system's own interface; on Linux V4L2, where cv2 would otherwise try GStreamer first."""
    return cv2.VideoCapture(device, cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY)


class CameraSource:
    """One camera, live. ``size_wh``, ``rate`` and ``fourcc`` are wishes; ``info`` tells what the camera really gives.

    Raises :class:`~streamclf.errors.SourceNotFoundError` for a missing device and :class:`~streamclf.errors.SourceError` when
    it cannot be opened or stops sending.
    """

    is_live = True

    def __init__(
        self,
        device: int | str,
        name: str,
        size_wh: tuple[int, int] | None = None,
        rate: float | None = None,
        fourcc: str = "MJPG",
        mirror: bool = False,
        *,
        clock: Callable[[], float] = time.monotonic,
        opener: Callable[[int | str], Capture] = open_capture,
    ):
        self.name = name
        self._device, self._mirror = device, mirror
        self._wishes = (size_wh, rate, fourcc)
        self._clock, self._opener = clock, opener
        self._label = f"camera {device}"
        self._capture: Capture | None = None
        self._info: SourceInfo | None = None
        self._corrupt = self._index = 0
        self._start_s: float | None = None
        self._last_pts = -1

    @property
    def corrupt(self) -> int:
        """Pictures the driver delivered but OpenCV could not decode."""
        return self._corrupt

    @property
    def info(self) -> SourceInfo:
        """Valid after ``open``: what the camera really gives."""
        if self._info is None:
            raise ValueError(f"{self._label}: not open")
        return self._info

    def open(self) -> None:
        """Open the device and ask for format, size and rate."""
        if self._capture is not None:
            return
        if self._opener is open_capture:
            _check_device(self._device, self._label)
        capture = self._opener(self._device)
        if not capture.isOpened():
            capture.release()
            raise SourceError(f"{self._label}: cannot be opened; another program may be using it, or it is no camera")
        self._capture = capture
        try:
            self._ask(capture)
            self._info = _describe(capture)
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[Frame]:
        """Frames as they come; ``pts`` counts microseconds from the first one."""
        self.open()
        while self._capture is not None:
            image, captured_s = self._read(self._capture)
            if self._start_s is None:
                self._start_s = captured_s
            self._last_pts = max(self._last_pts + 1, round((captured_s - self._start_s) * 1_000_000))
            self._index += 1
            yield Frame(BgrPicture(image), self.name, self._index - 1, self._last_pts, _MICROSECOND, captured_s)

    def close(self) -> None:
        """Release the device."""
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()

    def _ask(self, capture: Capture) -> None:
        size_wh, rate, fourcc = self._wishes
        if len(fourcc) != 4:
            raise SourceError(
                f"{self._label}: {fourcc!r} is no pixel format; it has four letters, such as MJPG or YUYV"
            )
        # the format first: it decides which sizes and rates there are
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*fourcc))
        if size_wh is not None:
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, size_wh[0])
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size_wh[1])
        if rate is not None:
            capture.set(cv2.CAP_PROP_FPS, rate)

    def _read(self, capture: Capture) -> tuple[Image, float]:
        for _ in range(_MAX_BAD_PICTURES):
            if not capture.grab():
                raise SourceError(f"{self._label}: it stopped sending pictures; was it unplugged?")
            captured_s = self._clock()
            good, image = capture.retrieve()
            if good and image is not None and image.size:
                image = np.asarray(image, np.uint8)
                return (np.asarray(cv2.flip(image, 1), np.uint8) if self._mirror else image), captured_s
            self._corrupt += 1
        raise SourceError(f"{self._label}: it sends nothing but damaged pictures; try another --camera-format")


def list_cameras() -> list[str]:
    """Devices that may be cameras (Linux): the lasting names in ``/dev/v4l/by-id`` where there are any."""
    return sorted(glob.glob("/dev/v4l/by-id/*")) or sorted(glob.glob("/dev/video*"))


def _check_device(device: int | str, label: str) -> None:
    if sys.platform != "linux":
        return
    path = f"/dev/video{device}" if isinstance(device, int) else device
    if not os.path.exists(path):
        found = ", ".join(list_cameras()) or "none; 'streamclf demo' shows a generated scene"
        raise SourceNotFoundError(f"{label}: no such camera; found {found}")
    if not os.access(path, os.R_OK | os.W_OK):
        raise SourceError(
            f"{label}: no permission to use {path}; join its group (usually: sudo usermod -aG video $USER)"
        )


def _describe(capture: Capture) -> SourceInfo:
    size_wh = (int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    rate = capture.get(cv2.CAP_PROP_FPS)
    code = (int(capture.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF).to_bytes(4, "little")
    fourcc = code.decode("ascii", "replace").strip("\0 ") or "?"
    known_rate = Fraction(rate).limit_denominator(1001) if 0 < rate <= 1000 else None
    at_rate = f" at {rate:.4g} fps" if known_rate else ""
    return SourceInfo(
        size_wh if all(size_wh) else None, known_rate, None, True, f"{fourcc} {size_wh[0]}x{size_wh[1]}{at_rate}"
    )
