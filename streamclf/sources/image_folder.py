"""Separate pictures: files, folders and glob patterns."""

from __future__ import annotations

import glob
import logging
import os
import re
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from streamclf.errors import NothingDecodableError, SourceError, SourceNotFoundError
from streamclf.frame import Frame, Image
from streamclf.source import SourceInfo
from streamclf.vision.picture import BgrPicture

log = logging.getLogger("streamclf")

SUFFIXES = (
    *(".avif", ".bmp", ".dib", ".exr", ".gif", ".hdr", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".pic"),
    *(".png", ".pnm", ".ppm", ".pxm", ".tif", ".tiff", ".webp"),
)
"""What counts as a picture inside of a folder."""
_VIDEO_SUFFIXES = (
    *(".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".webm"),
    ".wmv",
)
"""What is most likely meant for ``streamclf run``."""


class ImageFolderSource:
    """Pictures one after the other, without a common time. An unreadable one is counted in ``corrupt`` and left out.

    ``paths`` are files, folders (all pictures in them and their sub-folders, in natural order) and glob patterns; they are
    looked up when the source is opened. Raises :class:`~streamclf.errors.SourceNotFoundError` for a path without a
    picture, :class:`~streamclf.errors.NothingDecodableError` if not one can be read.
    """

    is_live = False

    def __init__(self, paths: Sequence[str], name: str, clock: Callable[[], float] = time.monotonic):
        self.name = name
        self._paths, self._clock = [os.fspath(path) for path in paths], clock
        self._pictures: Generator[tuple[str, BgrPicture], None, None] | None = None
        self._first: tuple[str, BgrPicture] | None = None
        self._info: SourceInfo | None = None
        self._index = self._corrupt = 0

    @property
    def corrupt(self) -> int:
        """Unreadable pictures so far."""
        return self._corrupt

    @property
    def info(self) -> SourceInfo:
        """Valid after ``open``; the size is the first readable picture's."""
        if self._info is None:
            raise ValueError(f"{self.name}: not open")
        return self._info

    def open(self) -> None:
        """Find the pictures and read the first one."""
        if self._pictures is not None:
            return
        found = [path for given in self._paths for path in find_pictures(given)]
        pictures = self._read(found)
        self._first = next(pictures, None)
        if self._first is None:
            raise NothingDecodableError(f"{', '.join(self._paths)}: none of {len(found)} pictures can be read")
        self._pictures, self._index = pictures, 0
        size_wh = self._first[1].size_wh
        text = "1 picture" if len(found) == 1 else f"{len(found)} pictures"
        self._info = SourceInfo(size_wh, None, len(found), is_live=False, description=text, is_pictures=True)

    def __iter__(self) -> Iterator[Frame]:
        """One frame a picture, ``pts`` None, ``origin`` its path."""
        self.open()
        while (item := self._next()) is not None:
            self._index += 1
            yield Frame(item[1], self.name, self._index - 1, None, Fraction(1), self._clock(), origin=item[0])

    def close(self) -> None:
        """Forget the list; no file is held open."""
        self._pictures = self._first = None

    def _next(self) -> tuple[str, BgrPicture] | None:
        item, self._first = self._first, None
        return item or (None if self._pictures is None else next(self._pictures, None))

    def _read(self, found: list[str]) -> Generator[tuple[str, BgrPicture], None, None]:
        for path in found:
            try:
                picture = read_picture(path)
            except SourceError as error:
                self._corrupt += 1
                log.warning("%s", error)
                continue
            yield path, picture


def read_picture(path: str | os.PathLike[str]) -> BgrPicture:
    """One picture file as 8-bit BGR, upright.

    As with most tools alpha is dropped, not composited. Sixteen bits are scaled to eight, floating point is taken as 0 to 1,
    and of an animation the first picture is read. Raises :class:`~streamclf.errors.SourceError`.
    """
    label = os.fspath(path)
    try:
        with open(path, "rb") as file:
            data = np.frombuffer(file.read(), np.uint8)
    except FileNotFoundError as error:
        raise SourceNotFoundError(f"{label}: no such file") from error
    except IsADirectoryError as error:
        raise SourceError(f"{label}: a folder, not a picture; streamclf run takes a folder of pictures") from error
    except OSError as error:
        raise SourceError(f"{label}: cannot be read ({error.strerror})") from error
    if not data.size:
        raise SourceError(f"{label}: the file is empty")
    try:
        # from memory, because imread takes a picture that was cut off for a whole one, and not every name
        image = cv2.imdecode(data, cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH)
    except cv2.error as error:
        raise SourceError(f"{label}: {_reason(error)}") from error
    if image is None and label.lower().endswith(_VIDEO_SUFFIXES):
        raise SourceError(f"{label}: a video, not a picture; streamclf run takes videos")
    if image is None:
        raise SourceError(f"{label}: not a picture that can be read; it is damaged or of another kind")
    image = _to_8_bit(np.asarray(image))
    return BgrPicture(np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8) if image.ndim == 2 else image)


def find_pictures(given: str) -> list[str]:
    """The picture files a path, folder or glob pattern stands for. Raises :class:`SourceNotFoundError` if there is none."""
    if os.path.isdir(given):
        from imutils import paths as imutils_paths  # costs 40 ms, mostly for what it can download

        inside = imutils_paths.list_files(given, validExts=SUFFIXES)
        found = sorted((path for path in inside if not os.path.basename(path).startswith(".")), key=natural_key)
        if not found:
            raise SourceNotFoundError(f"{given}: no pictures in this folder; it needs {', '.join(SUFFIXES)}")
        return found
    if os.path.exists(given):
        return [given]
    if not glob.has_magic(given):
        raise SourceNotFoundError(f"{given}: no such picture or folder")
    matches = sorted(glob.glob(given, recursive=True), key=natural_key)
    if not matches:
        raise SourceNotFoundError(f"{given}: nothing matches this pattern")
    return [path for path in matches if not os.path.isdir(path)] or [p for m in matches for p in find_pictures(m)]


def natural_key(path: str) -> list[tuple[int, int, str]]:
    """Sorts ``img2`` before ``img10``, and a folder's own pictures by their names whatever their case."""
    parts = re.split(r"(\d+)", path.casefold())
    return [(0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts if part]


def _to_8_bit(image: Image | npt.NDArray[Any]) -> Image:
    if image.dtype == np.uint8:
        return image
    if image.dtype.kind == "f":
        return np.asarray(cv2.convertScaleAbs(np.clip(np.nan_to_num(image), 0, 1), alpha=255), np.uint8)
    return np.asarray(cv2.convertScaleAbs(image, alpha=255 / np.iinfo(image.dtype).max), np.uint8)


def _reason(error: cv2.error) -> str:
    if "CV_IO_MAX_IMAGE" in str(error):
        return "larger than the 2^30 pixels that OpenCV reads; scale it down, or raise OPENCV_IO_MAX_IMAGE_PIXELS"
    return f"cannot be read ({error.err or 'OpenCV gives no reason'})"
