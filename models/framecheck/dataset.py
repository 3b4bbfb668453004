"""Training samples: what the network is fed, made once and kept in one file."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import cv2
import damage
import numpy as np
import numpy.typing as npt
import photos
import scenes

from streamclf.frame import FitPlan, Image
from streamclf.vision import overview, preprocess
from streamclf.vision.preprocess import fit_image

PLAN = FitPlan("overview_tiles", (448, 128))
"""The card's fit: training sees what the product feeds."""
# A class's share follows how many of its neighbours it can be taken for; a size's share what a frame of it costs to make.
CLASS_SHARES = {
    "ok": 0.3,
    "defocus": 0.11,
    "motion_blur": 0.12,
    "dark": 0.06,
    "bright": 0.06,
    "covered": 0.08,
    "noise": 0.08,
    "blocky": 0.11,
    "no_signal": 0.08,
}
LINES = (200, 224, 240, 288, 360, 432, 480, 576, 720, 1080)
LINES_SHARES = (0.06, 0.18, 0.08, 0.06, 0.18, 0.08, 0.07, 0.05, 0.12, 0.12)
DRAWN_SHARE, DISGUISED_SHARE = 0.15, 0.25
WALL_SHARE = 0.3
"""Few photographs have many lines; a video wall shows small ones."""
CLIP_SHARE = 0.15
"""Of the frames with as many lines as a real clip has."""

HERE = Path(__file__).parent
SOURCES = (
    "codec.py",
    "damage.py",
    "dataset.py",
    "graphics.py",
    "lens.py",
    "looks.py",
    "photos.py",
    "pixels.py",
    "places.py",
    "processing.py",
    "scenes.py",
    "screens.py",
    "sensor.py",
    "soft.txt",
)
CHUNK = 1000
"""Samples in one file."""


class Samples:
    """Fitted frames (N, h, w, 3) uint8 in files of :data:`CHUNK`, their targets (N, 9) float32 and lines (N,) int32."""

    def __init__(self, stems: list[Path]):
        self._pictures = [np.load(stem.with_suffix(".pictures.npy"), mmap_mode="r") for stem in stems]
        labels = [np.load(stem.with_suffix(".targets.npy")) for stem in stems]
        joined = np.concatenate(labels)
        self.targets, self.lines = joined[:, :-1], joined[:, -1].astype(np.int32)

    def __len__(self) -> int:
        return len(self.targets)

    def pictures(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """(n, h, w, 3) for these sample numbers."""
        return np.stack([self._pictures[number // CHUNK][number % CHUNK] for number in numbers])


def clean_frame(split: photos.Split, lines: int, label: str, rng: np.random.Generator) -> Image:
    """A clean frame of this many lines; for ``ok`` more often a drawn or disguised one."""
    kind = rng.random()
    if kind < DRAWN_SHARE * (1.5 if label == "ok" else 1):
        return scenes.drawn(lines, rng, lit_only=label in ("dark", "bright", "blocky"))
    from_clips = photos.clip_frames(lines) if split == "train" else ()
    if from_clips and rng.random() < CLIP_SHARE:
        image = photos.frame(from_clips[int(rng.integers(len(from_clips)))], lines, rng)
    elif rng.random() < WALL_SHARE:
        image = photos.wall(split, lines, rng)
    else:
        # Many a camera enlarges what its sensor gives: a little soft at its own size, and no viewer minds.
        fewer = round(lines / rng.uniform(1.1, 1.6)) if lines >= 600 and rng.random() < 0.3 else lines
        choice = photos.photos(split, fewer)
        image = photos.frame(choice[int(rng.integers(len(choice)))], fewer, rng)
        if fewer != lines:
            scale = lines / min(image.shape[:2])
            flag = cv2.INTER_CUBIC if rng.random() < 0.5 else cv2.INTER_LINEAR
            image = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=flag), np.uint8)
    if label == "ok" and rng.random() < DISGUISED_SHARE:
        return scenes.disguised(image, rng)
    if label not in ("ok", "dark", "bright") and rng.random() < 0.1:
        look = (scenes.fog, scenes.grey, scenes.night, scenes.high_key)[int(rng.integers(4))]
        return look(image, rng)
    return image


def sample(split: photos.Split, seed: int, number: int) -> tuple[Image, npt.NDArray[np.float32], int]:
    """Sample ``number``: the same for the same seed, whatever process makes it. (fitted picture, target, lines)."""
    rng = np.random.default_rng((seed, number))
    label = str(rng.choice(list(CLASS_SHARES), p=list(CLASS_SHARES.values())))
    while True:
        lines = int(rng.choice(LINES, p=LINES_SHARES))
        try:
            frame, target = damage.make(label, clean_frame(split, lines, label, rng), rng)
        except damage.NotVisible:
            continue
        return fit_image(frame, PLAN), target, lines


def turned(pictures: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Each picture mirrored its own way: the overview left to right, the tiles every way; the damage stays what it is."""
    count, height = len(pictures), PLAN.size_wh[1]
    tile = height // 2
    overview, tiles = pictures[:, :, :height].copy(), pictures[:, :, height:]
    mirrored, flipped, swapped = (rng.random((3, count)) < 0.5).tolist()
    columns = tiles.shape[2] // tile
    grid = tiles.reshape(count, 2, tile, columns, tile, 3).copy()
    for number in range(count):
        if mirrored[number]:
            overview[number] = overview[number, :, ::-1]
            grid[number] = grid[number, :, :, :, ::-1]
        if flipped[number]:
            grid[number] = grid[number, :, ::-1]
        if swapped[number]:
            grid[number] = grid[number].transpose(0, 3, 2, 1, 4)
    whole = np.concatenate([overview, grid.reshape(tiles.shape)], 2)
    return whole[..., rng.permutation(3)] if rng.random() < 0.15 else whole


def _chunk(stem: Path, split: photos.Split, seed: int, number: int) -> None:
    cv2.setNumThreads(1)
    made = [sample(split, seed, number * CHUNK + within) for within in range(CHUNK)]
    rows = np.stack([np.append(target, np.float32(lines)) for _, target, lines in made])
    np.save(stem.with_suffix(".targets.npy"), rows)
    part = stem.with_suffix(".part.npy")  # named last, and whole: an interrupted run goes on where it was
    np.save(part, np.stack([picture for picture, _, _ in made]))
    part.rename(stem.with_suffix(".pictures.npy"))


def _recipe() -> str:
    """A digest of everything that samples are made with: those of another recipe are left alone."""
    digest = hashlib.sha256()
    for path in (*(HERE / name for name in SOURCES), Path(overview.__file__), Path(preprocess.__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def make(folder: Path, split: photos.Split, chunks: int, seed: int) -> Samples:
    """``chunks`` files of samples, made on all processors unless they lie in ``folder`` already."""
    folder /= _recipe()
    folder.mkdir(parents=True, exist_ok=True)
    stems = [folder / f"{split}-{seed}-{number:03d}" for number in range(chunks)]
    missing = [number for number, stem in enumerate(stems) if not stem.with_suffix(".pictures.npy").is_file()]
    begun = time.monotonic()
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        jobs = [pool.submit(_chunk, stems[number], split, seed, number) for number in missing]
        for done, job in enumerate(as_completed(jobs), 1):
            job.result()
            rate = done * CHUNK / (time.monotonic() - begun)
            print(f"\r{split}: {done} of {len(jobs)} thousand samples, {rate:.0f} a second", end="", file=sys.stderr)
    if missing:
        print(file=sys.stderr)
    return Samples(stems)
