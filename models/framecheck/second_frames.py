"""The test's frames, each from its own seed: a photograph, a scene and a damage drawn together until a viewer would agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
import photos
from second_damage import RANGES, Shot, everyday, shot
from second_pixels import Rng, detailed_part, luma
from second_scenes import DRAWN, HARD, infrared, night, stamp
from second_screens import covered, no_signal

from streamclf.frame import Image

LABELS: tuple[str, ...] = tuple((Path(__file__).parent / "labels.txt").read_text(encoding="utf-8").split())
"""The nine classes, in the order of the network's outputs."""
SIZES = (224, 360, 720, 1080)
"""Lines of the frames (the shorter side)."""

HARD_SHARE, GREY_SHARE, PLAIN_SHARE, STAMP_SHARE = 0.2, 0.1, 0.2, 0.2
"""Of the clean frames: made to look damaged, grey, untouched by any camera. Of all: with a clock or a name written over them."""
SHARP_LEVELS = 1.5
"""Where the slightest evident defocus would change the most detailed part by less than this, there is nothing sharp to lose."""
CHANGE_LEVELS: Mapping[str, float] = MappingProxyType({"defocus": 1.5, "motion_blur": 1.5, "blocky": 2.0})
"""What the damage must change at the least in the most detailed part, in levels; below that nobody sees it."""
GRAIN_LEVELS = 8.0
"""Noise (rms, luma) that the compression after it must leave."""
LIFT_LEVELS = 60.0
"""How much brighter the structure of an overexposed frame must have become: a white page that is merely whiter is a page."""
LIGHT_LEVELS = 110.0
"""Anything brighter in a dark frame is a light, and the frame a night scene."""
VISIBLE: tuple[str, ...] = (
    f"every photograph: the slightest evident defocus would change its most detailed part by {SHARP_LEVELS:g} levels or more, and "
    f"its 98th percentile of luma is {RANGES['unnoticed: 98th percentile of luma'].low:g} or more",
    *(f"{label}: changes the most detailed part by {least:g} levels or more" for label, least in CHANGE_LEVELS.items()),
    f"noise: {GRAIN_LEVELS:g} levels (rms of luma) or more are left after the compression",
    f"bright: the structure is {LIFT_LEVELS:g} levels brighter or more",
    f"dark: the scene can be made out, and nothing (99.8 % of the pixels) is brighter than {LIGHT_LEVELS:g}: no night scene",
    "covered: after the compression noise or a slope of 5 levels is left; otherwise it is a constant picture",
)
"""When a viewer would agree, in words."""
ATTEMPTS = 80


@dataclass(frozen=True, slots=True)
class Sample:
    """One frame of the test: what it is, from which photograph, what was done to it, and how many draws were thrown away."""

    image: Image
    label: str
    photo: str
    what: str
    redrawn: int


def sample(label: str, lines: int, number: int, seed: int, split: photos.Split = "test") -> Sample:
    """Frame ``number`` of a class at so many lines: the same for the same arguments, whoever asks.

    Raises:
        RuntimeError: nothing drawn passes: the photographs of that split do not fit the class.
    """
    rng = np.random.default_rng([seed, lines, LABELS.index(label), number])
    choice = photos.photos(split, lines)
    draw = {"covered": _covered, "no_signal": _no_signal, "ok": _clean}.get(label, _damaged)
    for redrawn in range(ATTEMPTS):
        photo = choice[rng.integers(len(choice))]
        made = draw(photos.frame(photo, lines, rng), label, rng)
        if made is not None:
            return Sample(np.ascontiguousarray(made[0]), label, photo.name, made[1], redrawn)
    raise RuntimeError(f"{label} at {lines} lines, number {number}: none of {ATTEMPTS} draws shows what it should")


def change(before: Image, after: Image) -> float:
    """Mean absolute difference of luma, in levels, in the most detailed part of ``before``."""
    x, y, side = detailed_part(luma(before))
    part = np.s_[y : y + side, x : x + side]
    return float(cv2.absdiff(luma(before[part]), luma(after[part])).mean())


def sharpness(image: Image) -> float:
    """What the slightest evident defocus changes in the most detailed part, as ``change``: is there anything sharp in it?"""
    grey = luma(image)
    lines = min(grey.shape)
    sigma = RANGES["defocus: Gaussian sigma"].bounds(lines)[0]
    x, y, side = detailed_part(grey)
    rim = int(4 * sigma) + 1
    part = grey[max(0, y - rim) : y + side + rim, max(0, x - rim) : x + side + rim]
    return float(cv2.absdiff(part, np.asarray(cv2.GaussianBlur(part, (0, 0), sigma), np.uint8)).mean())


def is_clean(frame: Image) -> bool:
    """Something in it is sharp, and it is not darker than passes unnoticed."""
    darkest = RANGES["unnoticed: 98th percentile of luma"].low
    return sharpness(frame) >= SHARP_LEVELS and float(np.percentile(luma(frame), 98)) >= darkest


def is_evident(taken: Shot, label: str) -> bool:
    """The damage is seen, and the compression after it did not take it away."""
    if label in CHANGE_LEVELS:
        return change(taken.before, taken.after) >= CHANGE_LEVELS[label]
    grey = luma(taken.image)
    if label == "dark":
        return _is_dark(grey, taken)
    if label == "bright":
        share = RANGES["bright: pixels with luma >= 250"]
        is_clipped = share.low - 0.03 <= float((grey >= 250).mean()) <= share.high + 0.03
        return is_clipped and lift(taken.before, taken.after) >= LIFT_LEVELS
    return grain(taken) >= GRAIN_LEVELS


def lift(before: Image, after: Image) -> float:
    """By how many levels the structure, the quarter of the pixels with the largest steps, is brighter (median of luma)."""
    was, now = luma(before), luma(after)
    steps = cv2.magnitude(cv2.Sobel(was, cv2.CV_32F, 1, 0), cv2.Sobel(was, cv2.CV_32F, 0, 1))
    structure = steps >= np.percentile(steps, 75)
    return float(np.median(now[structure])) - float(np.median(was[structure]))


def _is_dark(grey: Image, taken: Shot) -> bool:
    level = RANGES["dark: 98th percentile of luma"]
    top = float(np.percentile(grey, 98))
    if not (level.low - 2 <= top <= level.high + 4 and float(luma(taken.after).std()) >= 2.5):
        return False
    if np.percentile(luma(taken.after), 99.8) > LIGHT_LEVELS:
        return False
    # What is left of the scene is still to be made out: at an eighth of the size it goes with the scene before.
    small = [
        cv2.resize(plane, None, fx=0.125, fy=0.125, interpolation=cv2.INTER_AREA).ravel()
        for plane in (np.minimum(grey, np.uint8(top)), luma(taken.after))
    ]
    return float(np.corrcoef(small)[0, 1]) >= 0.8


def grain(taken: Shot) -> float:
    """How much of the noise that was added is in the picture in the end: rms of luma, in levels."""
    before = luma(taken.before).astype(np.float32)
    added, left = luma(taken.after) - before, luma(taken.image) - before
    power = float(np.mean(np.square(added)))
    return float(np.mean(added * left)) / power * power**0.5 if power else 0.0


def has_life(image: Image) -> bool:
    """A lens is behind it: noise in most places, or a slope of brightness. Writing in a corner does not count."""
    grey = luma(image).astype(np.float32)
    small = cv2.resize(grey, (16, 16), interpolation=cv2.INTER_AREA)
    low, high = np.percentile(small, [12, 88])
    fine = cv2.boxFilter(np.abs(grey - cv2.blur(grey, (3, 3))), -1, (16, 16))
    return float(high - low) >= 5 or float(np.median(fine)) >= 0.45


def _overlay(rng: Rng) -> Callable[[Image], None]:
    own = np.random.default_rng(int(rng.integers(2**62)))
    return (lambda image: stamp(image, own)) if rng.random() < STAMP_SHARE else (lambda image: None)


def _clean(frame: Image, label: str, rng: Rng) -> tuple[Image, str] | None:
    way, make = rng.random(), None
    if way < HARD_SHARE:
        make = HARD[rng.integers(len(HARD))]
    elif way < HARD_SHARE + GREY_SHARE:
        make = infrared
    if make not in DRAWN and not is_clean(frame):
        return None
    if make is not None:
        frame = make(frame, rng)
        if sharpness(frame) < SHARP_LEVELS:
            return None
    kind = "photograph" if make is None else make.__name__
    if way > 1 - PLAIN_SHARE:
        return frame, f"{kind} as it is"
    taken = shot(frame, label, rng, _overlay(rng), keep_light=make is night)
    return taken.image, f"{kind}, {taken.what}"


def _damaged(frame: Image, label: str, rng: Rng) -> tuple[Image, str] | None:
    if not is_clean(frame):
        return None
    if label == "bright" and float((luma(frame) >= 250).mean()) > RANGES["unnoticed: more pixels clipped"].high:
        return None
    taken = shot(frame, label, rng, _overlay(rng))
    return (taken.image, taken.what) if is_evident(taken, label) else None


def _covered(frame: Image, label: str, rng: Rng) -> tuple[Image, str] | None:
    image, what = covered(frame, rng)
    _overlay(rng)(image)
    image, how = everyday(image, rng, at_border=False)
    return (image, f"{label}, {what}, {how}") if has_life(image) else None


def _no_signal(frame: Image, label: str, rng: Rng) -> tuple[Image, str]:
    image, what = no_signal((frame.shape[0], frame.shape[1]), rng)
    _overlay(rng)(image)
    image, how = everyday(image, rng, at_border=False)
    return image, f"{label}, {what}, {how}"
