"""The damage framecheck is trained on, made as a camera makes it: lens, motion, sensor, processing, compression, in that order.

Everything happens at the frame's own size. ``H`` is the frame's lines, its shorter side; levels are 0..255. Where the border
between unnoticed and evident lies is a matter of opinion, and the target says so: between the two values of :func:`borders`
the probability of the damage rises from 0 to 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from codec import jpeg, mild_compression, video, x264
from lens import defocus, dirt, motion
from pixels import Floats, Rng, luma
from processing import bars, overlay, processing
from screens import covered, no_signal
from sensor import add_noise, brighten, darken

from streamclf.frame import Image

LABELS = tuple((Path(__file__).parent / "labels.txt").read_text(encoding="utf-8").split())
OK = LABELS.index("ok")


class NotVisible(Exception):
    """This picture hides the damage (a flat wall cannot be out of focus): draw another one."""


@dataclass(frozen=True)
class Border:
    """Severity up to which nobody notices, from which everybody does, and the strongest that is drawn."""

    unnoticed: float
    evident: float
    strongest: float

    def draw(self, rng: Rng, borderline: float = 0.1) -> tuple[float, float]:
        """(severity, probability that a viewer calls it damaged)."""
        low = math.log(self.evident)
        if rng.random() < borderline:
            low, high = math.log(self.unnoticed), low
            position = rng.random()
            return math.exp(low + (high - low) * position), position
        return math.exp(rng.uniform(low, math.log(self.strongest))), 1.0


def borders(lines: int) -> dict[str, Border]:
    """In pixels and levels for a frame of this many lines. ``fine`` is 100 less the JPEG quality, ``qp`` that of x264."""
    return {
        "defocus": Border(max(0.6, 0.0022 * lines), max(1.35, 0.0047 * lines), 0.045 * lines),  # disc radius
        "motion_blur": Border(max(1.7, 0.005 * lines), max(4.3, 0.0125 * lines), 0.09 * lines),  # path length
        "noise": Border(3.3, 10.0, 60.0),  # standard deviation
        "jpeg": Border(50, 84, 98),  # 100 - quality
        "qp": Border(30, 42.5, 51),
    }


def hot(label: str, share: float = 1.0) -> Floats:
    """Probabilities (9,): ``share`` for the label, the rest for ``ok``."""
    target = np.zeros(len(LABELS), np.float32)
    target[OK] = 1 - share
    target[LABELS.index(label)] += share
    return target


def _visible(before: Image, after: Image, least: float) -> None:
    """The most changed 36th of the picture must differ by ``least`` levels on average."""
    difference = cv2.absdiff(before, after).mean(2).astype(np.float32)
    if float(cv2.resize(difference, (6, 6), interpolation=cv2.INTER_AREA).max()) < least:
        raise NotVisible


def _has_life(grey: Image) -> bool:
    """A slope of light or a sensor's noise, and not one colour."""
    small = cv2.resize(grey, (12, 12), interpolation=cv2.INTER_AREA)
    fine = cv2.absdiff(grey, np.asarray(cv2.blur(grey, (5, 5)), np.uint8))
    low, high = np.percentile(small, [12, 88])
    return float(high) - float(low) >= 4 or float(fine.mean()) >= 0.35


def make(label: str, clean: Image, rng: Rng) -> tuple[Image, Floats]:
    """A frame of this class out of a clean one of the same size, and its target.

    Raises:
        NotVisible: this picture hides the damage.
    """
    limits = borders(min(clean.shape[:2]))
    target = hot(label)
    if label == "no_signal":
        image = no_signal(clean.shape[:2], rng)
        if rng.random() < 0.25 and float(luma(image).std()) > 20:  # one colour and noise would be a covered lens
            image = add_noise(image, rng.uniform(0.3, 3), rng)
        if rng.random() < 0.12:
            image = overlay(image, rng)
        return mild_compression(image, rng), target
    if label == "covered":
        image = _finish(covered(clean, rng), rng)
        if not _has_life(luma(image)):  # compressed to one colour: nobody could tell it from no signal
            raise NotVisible
        return image, target
    image = dirt(clean, rng) if rng.random() < 0.1 else clean
    # lens and motion
    if label == "defocus":
        radius, share = limits["defocus"].draw(rng)
        image, target = defocus(image, radius, rng), hot(label, share)
        _visible(clean, image, 4.0 * share)
    elif rng.random() < 0.25:
        image = defocus(image, rng.uniform(0.3, limits["defocus"].unnoticed), rng)
    if label == "motion_blur":
        length, share = limits["motion_blur"].draw(rng)
        image, target = motion(image, length, rng), hot(label, share)
        _visible(clean, image, 4.0 * share)
    elif rng.random() < 0.15:
        image = motion(image, rng.uniform(1.0, limits["motion_blur"].unnoticed), rng)
    # sensor
    if label == "dark":
        image, target = _dark(image, rng)
    elif label == "bright":
        image, target = _bright(image, rng)
    elif rng.random() < (0.3 if label == "ok" else 0.1):
        image = darken(image, rng.uniform(135, 220), rng) if rng.random() < 0.5 else _little_brighter(image, rng)
    if label == "noise":
        sigma, share = limits["noise"].draw(rng)
        noisy, target = add_noise(image, sigma, rng), hot(label, share)
        _visible(image, noisy, 3.0 * share)
        image = noisy
    elif rng.random() < 0.45:
        image = add_noise(image, rng.uniform(0.3, 3.0), rng)
    if label == "blocky":
        image = _finish(image, rng, compress=False)
        poor, share = starved(image, rng)
        _visible(image, poor, 4.0 * share)
        if float(luma(poor).std()) < 0.5 * float(luma(image).std()):  # so few bits that nothing came through
            raise NotVisible
        return mild_compression(poor, rng) if rng.random() < 0.5 else poor, hot(label, share)
    return _finish(image, rng), target


def _finish(image: Image, rng: Rng, compress: bool = True) -> Image:
    image = processing(image, rng)
    if rng.random() < 0.15:
        image = overlay(image, rng)
    if rng.random() < 0.04:
        image = bars(image, rng)
    return mild_compression(image, rng) if compress else image


def _dark(image: Image, rng: Rng) -> tuple[Image, Floats]:
    peak, share = (rng.uniform(17, 72), 1.0) if rng.random() > 0.1 else (0.0, rng.random())
    if share < 1:
        peak = 125 + (72 - 125) * share
    dark = darken(image, peak, rng)
    if float(np.percentile(dark[::3, ::3].max(2), 99)) > 1.7 * peak + 25:  # something shines: that is a night scene
        raise NotVisible
    if float(luma(dark).std()) < 2.3 or float(np.percentile(luma(image), 98)) < 110:
        raise NotVisible
    return dark, hot("dark", share)


def _bright(image: Image, rng: Rng) -> tuple[Image, Floats]:
    if float((luma(image) >= 250).mean()) > 0.15:
        raise NotVisible
    part, share = (rng.uniform(0.36, 0.94), 1.0) if rng.random() > 0.1 else (0.0, rng.random())
    if share < 1:
        part = 0.15 + 0.21 * share
    if float(np.quantile(luma(image), 1 - part)) > 205:  # a white studio: nobody would see the difference
        raise NotVisible
    bright = brighten(image, part, rng)
    if float(luma(bright).std()) < 4:
        raise NotVisible
    return bright, hot("bright", share)


def _little_brighter(image: Image, rng: Rng) -> Image:
    """Up to 14 points more of the pixels clipped: unnoticed, where not much was clipped before."""
    clipped = float((luma(image) >= 250).mean())
    if clipped > 0.14 or float(np.quantile(luma(image), 0.86)) < 90:
        return image
    return brighten(image, clipped + rng.uniform(0.005, 0.14), rng)


def starved(image: Image, rng: Rng) -> tuple[Image, float]:
    """(compressed far too much, probability that a viewer says so)."""
    lines = min(image.shape[:2])
    limits = borders(lines)
    kind = rng.random()
    few = int(rng.integers(1, 9)) if lines < 500 else int(rng.integers(1, 6))
    if kind < 0.35:
        fine, target = limits["jpeg"].draw(rng)
        return jpeg(image, 100 - fine, rng), target
    if kind < 0.75:
        qp, target = limits["qp"].draw(rng)
        return x264(image, qp, rng, few), target
    if kind < 0.85:
        scale = str(int(rng.integers(22, 32)))
        return video(image, rng, few, "mpeg4", {"qmin": scale, "qmax": scale}), 1.0
    if kind < 0.93:  # a small stream, enlarged
        factor = rng.uniform(1.5, 2.6)
        small = cv2.resize(image, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)
        poor = jpeg(np.asarray(small, np.uint8), rng.uniform(4, 14), rng)
        flag = cv2.INTER_LINEAR if rng.random() < 0.6 else cv2.INTER_NEAREST
        return np.asarray(cv2.resize(poor, image.shape[1::-1], interpolation=flag), np.uint8), 1.0
    # a bit rate that a still scene could live with, and this one cannot
    rate = max(3000, int(image.shape[0] * image.shape[1] * 25 * rng.uniform(0.0015, 0.006)))
    return video(image, rng, max(3, few), "libx264", {"preset": "veryfast"}, rate), 1.0
