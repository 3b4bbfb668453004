"""The clips of the benchmark: drawn from the test assets' photographs, moving, with a camera's noise; H.264 at 30 fps, made once.

Usage: clips.py [SIZE ...], such as 640x360. Prints their paths. ``REAL`` is a recorded one of the test assets.
"""

import os
import sys
from pathlib import Path

import numpy as np

from common import ASSETS, CACHE

VERSION = 1
"""Raise it when what is drawn changes."""
SIZES = {"640x360": 1200, "1920x1080": 200}
"""The clips' sizes, and their frames."""
REAL = ASSETS / "media" / "video" / "intel_bottle-detection.mp4"
REAL_CLIPS = ASSETS / "media" / "video"
NOISE = 5.0
"""Standard deviation, in levels: an indoor camera's. Most of what the decoder then has to do is noise, as in real clips."""
FPS = 30


def build(size: str) -> Path:
    """The clip of that size, made if it is not there yet."""
    path = CACHE / f"clips-{VERSION}" / f"{size}.mp4"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".part-{os.getpid()}.mp4")
        width, height = map(int, size.split("x"))
        _write(part, (width, height), SIZES[size])
        part.rename(path)
    return path


def _write(path: Path, size_wh: tuple[int, int], frames: int) -> None:
    import streamclf.sources  # noqa: F401, I001 - which imports cv2 before av, as has to be
    import av

    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=FPS, options={"preset": "fast", "crf": "23"})
        stream.width, stream.height = size_wh
        stream.pix_fmt = "yuv420p"
        for image in _scene(size_wh, frames):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(image, "bgr24")))
        file.mux(stream.encode(None))


def _scene(size_wh: tuple[int, int], frames: int):
    """A camera that wanders over a wall of photographs, turning and zooming a little; (H, W, 3) uint8 BGR."""
    import cv2

    wall = _wall()
    random = np.random.default_rng(3)
    width, height = size_wh
    # noise is drawn once, larger than the picture, and shifted at random: drawing it anew is most of the work otherwise
    noise = random.normal(0, NOISE, (height + 64, width + 64, 3)).astype(np.int8)
    for number in range(frames):
        angle = 2 * np.pi * number / 600
        # the camera sees 1000 pixels of the wall, a photograph and a half, give or take
        scale = width / (1000 * (1 + 0.3 * np.sin(3 * angle)))
        centre = np.array(wall.shape[1::-1]) * (0.5 + 0.32 * np.array([np.cos(angle), np.sin(2 * angle)]))
        matrix = cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), 4 * np.sin(5 * angle), scale)
        matrix[:, 2] += np.array(size_wh) / 2 - centre
        image = cv2.warpAffine(wall, matrix, size_wh, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        top, left = random.integers(64, size=2)
        yield cv2.add(image, noise[top : top + height, left : left + width], dtype=cv2.CV_8U)


def _wall(columns: int = 4, cell: int = 720) -> np.ndarray:
    """The photographs side by side."""
    import cv2

    images = [cv2.imread(str(path)) for path in sorted((ASSETS / "media" / "image").glob("*.jpg"))]
    cells = [cv2.resize(image, (cell, cell), interpolation=cv2.INTER_AREA) for image in images[: columns * columns]]
    cells = (cells * columns)[: columns * -(-len(cells) // columns)]
    rows = [np.hstack(cells[start : start + columns]) for start in range(0, len(cells), columns)]
    return np.vstack(rows)


if __name__ == "__main__":
    for chosen in sys.argv[1:] or SIZES:
        print(build(chosen))
