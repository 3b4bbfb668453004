"""A decoded video frame as a picture."""

from __future__ import annotations

import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter

from streamclf.errors import SourceError
from streamclf.frame import FitPlan, Image
from streamclf.vision.preprocess import fit_image

_UNSPECIFIED = 2
# the matrices swscale knows (RGB, 709, unspecified, FCC, two names of 601, 240M, 2020); it refuses a frame tagged with any other
_KNOWN_COLORSPACES = frozenset([0, 1, _UNSPECIFIED, 4, 5, 6, 7, 9])


@dataclass(frozen=True, slots=True)
class Turn:
    """One of the eight ways to hold a picture: rows and columns swapped first, then mirrored."""

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @classmethod
    def of(cls, frame: av.VideoFrame) -> Turn:
        """The turn that puts a frame upright, from its display matrix; oblique angles go to the nearest of the eight."""
        try:
            matrix = bytes(cast(Mapping[str, bytes], frame.side_data)["DISPLAYMATRIX"])
        except KeyError:
            return cls()
        except ValueError:  # PyAV lists none of a frame's side data if it does not know the type of one (EXIF)
            return _QUARTERS[round(frame.rotation / 90) % 4]
        # shown at x' = a x + c y, y' = b x + d y; 32-bit integers in the machine's own order
        a, b, _, c, d = struct.unpack("=5i", matrix[:20])
        return cls(True, c < 0, b < 0) if abs(a) < abs(b) else cls(False, a < 0, d < 0)

    def size(self, size_wh: tuple[int, int]) -> tuple[int, int]:
        """(width, height) once turned."""
        return size_wh[::-1] if self.transpose else size_wh

    def apply(self, image: Image) -> Image:
        """(H, W, 3) to the upright picture; the array itself where nothing is to be done."""
        if self.transpose:
            image = np.asarray(cv2.transpose(image), np.uint8)
        if self.flip_x or self.flip_y:
            image = np.asarray(cv2.flip(image, 1 if not self.flip_y else -1 if self.flip_x else 0), np.uint8)
        return image


_QUARTERS = (Turn(), Turn(True, False, True), Turn(False, True, True), Turn(True, True, False))
"""Counterclockwise quarter turns."""


class AvPicture:
    """A decoder's frame, converted to upright BGR once and on demand. It outlives its container.

    Colours follow the frame's own tags (BT.601, 709 or 2020, limited or full range); untagged is BT.601 limited, as with
    ffmpeg and ``cv2.VideoCapture``. Alpha is dropped.
    """

    __slots__ = ("_frame", "_image", "_lock", "_nbytes", "_size_wh", "_turn")

    def __init__(self, frame: av.VideoFrame, turn: Turn):
        self._frame: av.VideoFrame | None = frame
        self._image: Image | None = None
        self._turn = turn
        self._size_wh = turn.size((frame.width, frame.height))
        self._nbytes = max(frame.width * frame.height * 3, sum(plane.buffer_size for plane in frame.planes))
        self._lock = threading.Lock()

    @property
    def size_wh(self) -> tuple[int, int]:
        """(width, height) in pixels, after rotation."""
        return self._size_wh

    @property
    def nbytes(self) -> int:
        """The most it holds: the decoder's planes, or BGR once it was asked for. Constant, so that queues can count it."""
        return self._nbytes

    def bgr(self) -> Image:
        """(H, W, 3) uint8 BGR, contiguous, read-only. Raises :class:`SourceError` for a pixel format without conversion."""
        with self._lock:
            if self._image is None:
                assert self._frame is not None
                image = np.ascontiguousarray(self._turn.apply(_to_bgr(self._frame)))
                image.setflags(write=False)
                self._image, self._frame = image, None
            return self._image

    def fit(self, plan: FitPlan) -> Image:
        """(h, w, plan.channels) uint8, fresh."""
        return fit_image(self.bgr(), plan)


class _Reformatter(threading.local):
    """One conversion context a thread: making a new one each frame costs 7 % more, and sharing one is not safe."""

    def __init__(self) -> None:
        self.context = VideoReformatter()


_reformatter = _Reformatter()


def _to_bgr(frame: av.VideoFrame) -> Image:
    if frame.colorspace not in _KNOWN_COLORSPACES:
        frame.colorspace = _UNSPECIFIED
    try:
        # one thread: swscale's own cost 20 % more CPU a frame and the cores are busy
        converted = _reformatter.context.reformat(frame, format="bgr24", threads=1)
    except av.FFmpegError as error:
        raise SourceError(f"{frame.format.name}: this pixel format cannot be converted ({error.strerror})") from error
    return np.asarray(converted.to_ndarray(), np.uint8)
