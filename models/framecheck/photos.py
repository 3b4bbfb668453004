"""The photographs: where they are, which are for training and which for testing, and frames cut from them."""

from __future__ import annotations

import functools
import hashlib
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from streamclf.frame import Image

Split = Literal["train", "val", "test"]
ASSETS = Path(os.environ.get("STREAMCLF_TEST_ASSETS") or Path(__file__).resolve().parents[3] / "shared")
ARCHIVE = ASSETS / "datasets" / "photos.tar"

SOFT = {
    "hd/jpg_Canon_Powershot_A2500.JPG",
    "hd/jpg_FujiFilm_FinePix4900Zoom.jpg",
    "hd/jpg_HTC_TyTN_II.jpg",
    "hd/jpg_Nexus_4.jpg",
    "hd/jpg_Nikon_E775.jpg",
    "hd/jpg_Panasonic_DMC_LC33_Lumix_.jpg",
    "hd/jpg_Pentax_ist_D.jpg",
    "hd/jpg_Reconyx_HF2_Pro_Covert.jpg",
    "hd/jpg_Sony_D5403_Xperia_Z2_.jpg",
    "hd/jpg_Sony_DSC_P52.jpg",
    "hd/jpg_VTech_Kidizoom_camera.jpg",
    "hd/jpg_Canon_PowerShot_A80.jpg",
    "hd/jpg_Kodak_PIXPRO_S_1.jpg",
}
"""Large photographs with nothing crisp at their own size: looked at one by one, whole and in part, all of them, by somebody who
did not know what the network says of them. At half the size they are sharp."""
LEFT_OUT = {
    "hd/jpg_Bushnell_Trophy_HD_Aggressor_119775C_firmware_BS685BWYx08237.jpg": "grain, smeared",
    "hd/jpg_Canon_PowerShot_S40_2_.jpg": "out of focus",
    "hd/jpg_Issue_211.jpg": "a pattern of lines all over",
    "hd/jpg_Issue_308.jpg": "a pattern of lines, glare",
    "hd/jpg_Noritsu_Koki_QSS.jpg": "grain",
    "hd/jpg_Panasonic_NV_GX7.jpg": "noise",
    "hd/jpg_Samsung_GT_I9505_Galaxy_S4_.jpg": "smeared by motion",
    "caltech101/emu_image_0014.jpg": "overexposed: the ground is clipped",
    "caltech101/flamingo_image_0038.jpg": "soft all over",
    "caltech101/ketch_image_0059.jpg": "dithered to a few colours: strong grain",
    "caltech101/pyramid_image_0054.jpg": "dithered to a few colours: strong grain",
    "caltech101/soccer_ball_image_0050.jpg": "dithered to a few colours: strong grain",
    # the same photograph under a second name: it could be on both sides of the split
    "hd/jpg_Seiko_Epson_PhotoPC_3000Z.jpg": "= hd/jpg_Epson_PhotoPC_3000Z.jpg",
    "caltech101/garfield_image_0032.jpg": "a twin",
    "caltech101/stop_sign_image_0034.jpg": "a twin",
}
"""Photographs in which a viewer would name a fault, seen in the same way, and twins: name to reason."""
CLIPS = ("flipping_a_pancake.mkv", "intel_bottle-detection.mp4", "intel_one-by-one-person-detection.mp4")
"""Real clips whose first part gives clean frames for the training: what a camera's own compression looks like."""
CLIP_PART, CLIP_FRAMES = 0.25, 12
TEST_SHARE, VAL_SHARE = 0.3, 0.1


@dataclass(frozen=True)
class Photo:
    """One photograph: its name in the archive, and the most lines a frame of it can have and still be sharp."""

    name: str
    lines: int

    @property
    def split(self) -> Split:
        """By a hash of the name: the same on every machine, and new photographs do not move old ones."""
        share = int.from_bytes(hashlib.sha256(self.name.encode()).digest()[:4], "big") / 2**32
        return "test" if share < TEST_SHARE else "val" if share < TEST_SHARE + VAL_SHARE else "train"


@functools.cache
def _index() -> dict[str, tuple[int, int]]:
    """Name to (offset, bytes) within the archive."""
    if not ARCHIVE.is_file():
        raise SystemExit(
            f"{ARCHIVE}: not there; set STREAMCLF_TEST_ASSETS to the folder that holds datasets/photos.tar"
        )
    with tarfile.open(ARCHIVE) as archive:
        return {
            member.name.removeprefix("./"): (member.offset_data, member.size)
            for member in archive
            if member.isfile() and member.name.lower().endswith((".jpg", ".jpeg", ".png"))
        }


@functools.cache
def read(name: str) -> Image:
    """One photograph, or one frame of a clip (``video/NAME@NUMBER``), as (H, W, 3) uint8 BGR; kept, and not to be changed."""
    if name.startswith("video/"):
        clip, number = name.removeprefix("video/").split("@")
        return _clip_frames(clip)[int(number)]
    offset, size = _index()[name]
    with ARCHIVE.open("rb") as file:
        file.seek(offset)
        content = np.frombuffer(file.read(size), np.uint8)
    return np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR), np.uint8)


@functools.cache
def _clip_frames(clip: str) -> list[Image]:
    """``CLIP_FRAMES`` frames of the first part of a clip, evenly spaced."""
    capture = cv2.VideoCapture(str(ASSETS / "media" / "video" / clip))
    count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT) * CLIP_PART)
    wanted = set(np.linspace(0, count - 1, CLIP_FRAMES).astype(int).tolist())
    frames = [(number in wanted, capture.read()[1]) for number in range(count)]
    return [np.asarray(image, np.uint8) for is_wanted, image in frames if is_wanted]


SMALL, SMALL_SHARE = ("caltech101/", "trashnet/"), 2 / 3
"""Collections of small photographs, of 224 lines at most: truly sharp only after shrinking."""
LEAST_STEEPNESS = 0.2
"""Below it a small photograph is soft at its own size: as large ones, shrunk as far, nearly never are (their median is 0.26)."""


def steepness(image: Image) -> float:
    """How fast the steepest edges (the 99th percentile) rise: second over first derivative, about 0.1 to 0.5."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    second = np.abs(cv2.Laplacian(grey, cv2.CV_32F))
    first = np.abs(cv2.Sobel(grey, cv2.CV_32F, 1, 0)) + np.abs(cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    return float(np.percentile(second, 99) / max(1.0, float(np.percentile(first, 99))))


def find_soft() -> list[str]:
    """The names that belong into soft.txt: small photographs below :data:`LEAST_STEEPNESS`, and those of :data:`SOFT`."""
    pictures = ((name, read(name)) for name in sorted(_index()))
    return [
        name
        for name, image in pictures
        if name in SOFT or (min(image.shape[:2]) < 500 and steepness(image) < LEAST_STEEPNESS)
    ]


@functools.cache
def all_photos() -> tuple[Photo, ...]:
    """Every usable photograph, in the order of their names."""
    soft = set((Path(__file__).parent / "soft.txt").read_text(encoding="utf-8").split())
    photos = []
    for name in sorted(_index().keys() - LEFT_OUT.keys()):
        lines = min(read.__wrapped__(name).shape[:2])  # not kept: most will not be asked for
        share = 0.5 if name in soft else SMALL_SHARE if name.startswith(SMALL) else 1.0
        photos.append(Photo(name, int(lines * share)))
    return tuple(photos)


@functools.cache
def photos(split: Split, lines: int) -> list[Photo]:
    """The photographs of one split from which a frame of this many lines can be cut without enlarging it."""
    return [photo for photo in all_photos() if photo.split == split and photo.lines >= lines]


@functools.cache
def clip_frames(lines: int) -> tuple[Photo, ...]:
    """Frames for the training from the first part of those clips that have exactly this many lines."""
    numbered = ((clip, number, image) for clip in CLIPS for number, image in enumerate(_clip_frames(clip)))
    return tuple(Photo(f"video/{clip}@{n}", lines) for clip, n, image in numbered if min(image.shape[:2]) == lines)


ASPECTS = (16 / 9, 16 / 9, 4 / 3, 4 / 3, 1.0, 9 / 16)


def frame(photo: Photo, lines: int, rng: np.random.Generator) -> Image:
    """A frame of ``lines`` lines (its shorter side): a random part of the photograph, shrunk by averaging, perhaps mirrored."""
    image = read(photo.name)
    height, width = image.shape[:2]
    aspect = float(rng.choice(ASPECTS))
    full_wh = (min(width, height * aspect), min(height, width / aspect))
    # The part must keep at least as many lines as the frame has.
    sharp = lines * min(height, width) / photo.lines
    share = rng.uniform(min(1.0, sharp / min(full_wh)), 1.0)
    part_w, part_h = (
        max(1, min(limit, round(side * share))) for side, limit in zip(full_wh, (width, height), strict=True)
    )
    x, y = int(rng.integers(width - part_w + 1)), int(rng.integers(height - part_h + 1))
    scale = lines / min(part_w, part_h)
    size_wh = (max(lines, round(part_w * scale)), max(lines, round(part_h * scale)))
    part = image[y : y + part_h, x : x + part_w]
    shrunk = np.asarray(
        cv2.resize(part, size_wh, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR), np.uint8
    )
    return np.ascontiguousarray(shrunk[:, ::-1]) if rng.random() < 0.5 else shrunk


def wall(split: Split, lines: int, rng: np.random.Generator) -> Image:
    """A video wall of ``lines`` lines: photographs side by side, each at most at the size at which it is sharp."""
    rows = max(2, round(lines / rng.uniform(75, 149)))
    cell_h = -(-lines // rows)
    width = round(lines * float(rng.choice((16 / 9, 4 / 3, 1.0))))
    choice = photos(split, cell_h)
    joint = int(rng.integers(0, 4))
    strips = []
    for _ in range(rows):
        cells: list[Image] = []
        while sum(cell.shape[1] for cell in cells) < width:
            cell = frame(choice[int(rng.integers(len(choice)))], cell_h, rng)[:cell_h]
            cells.append(cv2.copyMakeBorder(cell, 0, 0, 0, joint, cv2.BORDER_CONSTANT))
        strips.append(np.concatenate(cells, 1)[:, :width])
    return np.ascontiguousarray(np.concatenate(strips)[:lines])


if __name__ == "__main__":
    (Path(__file__).parent / "soft.txt").write_text("\n".join(find_soft()) + "\n", encoding="utf-8")
