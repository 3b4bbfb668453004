"""A decoded video frame as a picture."""

from __future__ import annotations

import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter

from streamclf.errors import SourceError
from streamclf.frame import FitGeometry, FitPlan, Image
from streamclf.vision.planes import Matrix, Plane, Planes
from streamclf.vision.preprocess import fit_image, lay_out, whole_factor

_UNSPECIFIED = 2
# the matrices swscale knows (RGB, 709, unspecified, FCC, two names of 601, 240M, 2020); it refuses a frame tagged with any other
_KNOWN_COLORSPACES = frozenset([0, 1, _UNSPECIFIED, 4, 5, 6, 7, 9])
_FULL_RANGE = 2
_MATRICES: dict[int, Matrix | None] = {0: None, 1: "bt709", 4: None, 7: None, 9: "bt2020"}
"""Colour spaces that are not BT.601; None: only swscale converts them."""
_STEPS = {"yuv420p": (2, 2), "yuvj420p": (2, 2), "nv12": (2, 2), "yuv422p": (2, 1), "yuvj422p": (2, 1)}
_STEPS |= {"yuv444p": (1, 1), "yuvj444p": (1, 1)}
"""Pixel formats of three 8-bit planes (nv12 mixes two), and for how many pixels across and down a colour sample stands."""


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

    def before(self, box_xywh: tuple[int, int, int, int], size_wh: tuple[int, int]) -> tuple[int, int, int, int]:
        """Where a box of the upright picture, which is of ``size_wh``, lies in the one not yet turned."""
        x, y, width, height = box_xywh
        x = size_wh[0] - x - width if self.flip_x else x
        y = size_wh[1] - y - height if self.flip_y else y
        return (y, x, height, width) if self.transpose else (x, y, width, height)

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
        """(h, w, plan.channels) uint8, fresh: from the decoder's planes where that is as good, else from BGR."""
        geometry = plan.geometry(self._size_wh)
        planes = self._planes() if _pays(plan, geometry) else None
        if planes is None:
            return fit_image(self.bgr(), plan)
        box, size = self._turn.before(geometry.crop_xywh, self._size_wh), self._turn.size(geometry.scaled_wh)
        return lay_out(self._turn.apply(planes.scale(box, size)), geometry, plan)

    def _planes(self) -> Planes | None:
        with self._lock:
            return None if self._frame is None else _planes(self._frame)


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


def _pays(plan: FitPlan, geometry: FitGeometry) -> bool:
    """Whether to fit from planes: the picture shrinks by two or more, to blocks of whole pixels.

    CPU ms a frame to 224x224 by centre crop (stretched), best of 40: from 1080p 0.58 (0.55) instead of 1.16 (1.37) through BGR,
    from 720p 0.28 (0.64) instead of 0.45 (1.38), but from 640x360 0.35 (0.15) instead of 0.17 (0.15). Any other
    rounding turns close decisions, and real clips have many. The same top-1 as through BGR, on 228 frames of 720 and 1080 lines
    (200 of them enlarged): SqueezeNet 92.5 %, MobileNetV2 93.0, quantised 89.0; cv2's own conversion to BGR has 93.9, 96.5 and
    86.0. The float networks' turned answers led by at most 0.055 of probability, the quantised one's by 0.25.
    """
    # tiles are judged at 1:1, and who names an interpolation wants its pixels
    follows = plan.mode != "overview_tiles" and plan.interpolation == "area_linear"
    return follows and whole_factor(geometry.crop_xywh[2:], geometry.scaled_wh) > 1


def _planes(frame: av.VideoFrame) -> Planes | None:
    """The decoder's own memory, kept alive by the arrays; None for what only swscale converts."""
    name = frame.format.name
    step, matrix = _STEPS.get(name), _MATRICES.get(frame.colorspace, "bt601")
    if step is None or matrix is None or any(plane.line_size < 0 for plane in frame.planes):
        return None
    rows = [np.frombuffer(cast(Any, plane), np.uint8).reshape(-1, plane.line_size) for plane in frame.planes]
    size = -(-frame.width // step[0]), -(-frame.height // step[1])
    light: Plane = rows[0][: frame.height, : frame.width]
    if name == "nv12":  # cv2 reduces single planes faster than pairs, even if they have to be split first
        pairs = rows[1][: size[1], : 2 * size[0]].reshape(size[1], size[0], 2)
        blue, red = (np.asarray(plane, np.uint8) for plane in cv2.split(pairs))
    else:
        blue, red = (plane[: size[1], : size[0]] for plane in rows[1:])
    full_range = name.startswith("yuvj") or frame.color_range == _FULL_RANGE
    return Planes(light, blue, red, step, matrix, full_range)
