"""Clips made for a test with the ffmpeg binary, from pictures whose content is known."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]

BARS_BGR = (
    (0, 0, 255),
    (0, 255, 0),
    (255, 0, 0),
    (255, 255, 255),
    (0, 0, 0),
    (40, 120, 200),
    (220, 160, 30),
    (128, 128, 128),
)


def grey_pictures(count: int, size_wh: tuple[int, int] = (64, 48)) -> list[Picture]:
    """Flat pictures; number ``n`` is 20 + 8 n grey levels bright, so that a decoded frame tells which one it is."""
    return [np.full((size_wh[1], size_wh[0], 3), 20 + 8 * number, np.uint8) for number in range(count)]


def number_of(image: Picture) -> int:
    """Which of ``grey_pictures`` this is, after coding."""
    return round((float(image.mean()) - 20) / 8)


def bars(bar_width: int = 16, height: int = 32) -> Picture:
    """Vertical bars of the colours ``BARS_BGR``."""
    return np.repeat(np.array([BARS_BGR], np.uint8).repeat(bar_width, axis=1), height, axis=0)


def corner_mark(size_wh: tuple[int, int] = (64, 48)) -> Picture:
    """Black with a white upper left quarter: shows how a picture is held."""
    picture = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
    picture[: size_wh[1] // 2, : size_wh[0] // 2] = 255
    return picture


def make_clip(path: Path, pictures: Iterable[Picture], *options: str, rate: str = "10", codec: str = "libx264") -> Path:
    """Encode pictures of one size; ``options`` are ffmpeg's for the output."""
    frames = list(pictures)
    height, width = frames[0].shape[:2]
    # handed over as RGB: ffmpeg's short cut from BGR to YUV is up to two levels off
    given = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", rate, "-i", "-"]
    run_ffmpeg([*given, "-c:v", codec, *options, str(path)], b"".join(frame[..., ::-1].tobytes() for frame in frames))
    return path


def run_ffmpeg(arguments: Sequence[str], stdin: bytes = b"") -> None:
    """One run of the binary, with its own words if it fails."""
    command = ["ffmpeg", "-v", "error", "-y", "-threads", "1", *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def damaged(data: bytes, start: float, length: int, value: int = 0) -> bytes:
    """The same bytes with ``length`` of them overwritten from the fraction ``start`` on."""
    begin = int(len(data) * start)
    return data[:begin] + bytes([value]) * length + data[begin + length :]
