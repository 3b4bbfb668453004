"""The second damage generator: damaged frames for the test, by other code than that which makes those for the training.

A clean frame goes through a camera in the camera's order: lens, motion, exposure, sensor noise, processing, overlay,
compression. One stage does evident damage, drawn over the whole evident range of its class; a random few of the others do what
nobody notices; compression of everyday quality follows most of the time, so that it is no cue. ``RANGES`` is what is drawn from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np
import second_codec as codec
from second_pixels import (
    GAMMA,
    Rng,
    blurred,
    brightened,
    darkened,
    dirty,
    disc,
    grainy,
    hot_pixels,
    levels,
    light,
    luma,
    path_kernel,
    polygon,
    rolled,
    rounded,
)

from streamclf.frame import Image


@dataclass(frozen=True, slots=True)
class Range:
    """What a severity is drawn from: ``low`` to ``high`` in ``unit``.

    Where the unit is "% H" (of the frame's lines), the ends are in pixels at least ``low_px`` and ``high_px``. Ranges that span
    more than a factor of 2.5 from above 0 are drawn evenly in the logarithm, others evenly.
    """

    low: float
    high: float
    unit: str
    low_px: float = 0.0
    high_px: float = 0.0

    def bounds(self, lines: int) -> tuple[float, float]:
        """The ends for a frame of ``lines`` lines, in pixels or in the unit."""
        if self.unit != "% H":
            return self.low, self.high
        return max(self.low_px, self.low * lines / 100), max(self.high_px, self.high * lines / 100)

    def draw(self, rng: Rng, lines: int) -> float:
        """One severity."""
        low, high = self.bounds(lines)
        if low > 0 and high / low > 2.5:
            return float(np.exp(rng.uniform(np.log(low), np.log(high))))
        return float(rng.uniform(low, high))

    def __str__(self) -> str:
        low = f"{self.low:g} % H" + (f", at least {self.low_px:g} px" if self.low_px else "")
        high = f"{self.high:g} % H" + (f", at least {self.high_px:g} px" if self.high_px else "")
        return f"{low} ... {high}" if self.unit == "% H" else f"{self.low:g} ... {self.high:g} {self.unit}"


RANGES: Mapping[str, Range] = MappingProxyType(
    {
        "defocus: radius of disc or polygon": Range(0.55, 4.0, "% H", low_px=1.6),
        "defocus: Gaussian sigma": Range(0.275, 2.0, "% H", low_px=0.8),
        "motion_blur: path": Range(1.5, 8.0, "% H", low_px=5.0),
        "dark: 98th percentile of luma": Range(18, 65, "levels"),
        "bright: pixels with luma >= 250": Range(0.40, 0.92, "of all"),
        "covered: noise sigma": Range(1, 8, "levels"),
        "covered: gradient": Range(6, 120, "levels"),
        "covered: blur of what remains (sigma)": Range(15, 40, "% H"),
        "noise: sigma": Range(12, 50, "levels"),
        "blocky: JPEG quality": Range(3, 12, "of 100"),
        "blocky: x264 qp": Range(44, 51, "of 51"),
        "blocky: x264 starved": Range(0.35, 0.8, "of the bits of qp 44"),
        "unnoticed: radius of disc": Range(0, 0.10, "% H", high_px=0.5),
        "unnoticed: path": Range(0, 0.25, "% H", high_px=1.5),
        "unnoticed: 98th percentile of luma": Range(130, 250, "levels"),
        "unnoticed: more pixels clipped": Range(0, 0.15, "of all"),
        "unnoticed: noise sigma": Range(0, 3, "levels"),
        "unnoticed: gamma": Range(0.85, 1.18, ""),
        "unnoticed: white balance": Range(0.92, 1.08, "times"),
        "unnoticed: sharpening": Range(0, 0.5, "of an unsharp mask"),
        "unnoticed: dirt": Range(0.01, 0.05, "darker"),
        "everyday: JPEG quality": Range(60, 95, "of 100"),
        "everyday: x264 crf": Range(18, 28, "of 51"),
        "border: JPEG quality": Range(50, 60, "of 100"),
        "border: x264 qp": Range(26, 30, "of 51"),
    }
)

# --- evident damage of a class: (frame, rng) to (frame, how) ---


def _defocus(image: Image, rng: Rng) -> tuple[Image, str]:
    lines, way = min(image.shape[:2]), int(rng.integers(3))
    if way == 0:
        sigma = RANGES["defocus: Gaussian sigma"].draw(rng, lines)
        soft = np.asarray(cv2.GaussianBlur(light(image), (0, 0), sigma, borderType=cv2.BORDER_REFLECT), np.float32)
        return rounded(levels(soft)), f"Gaussian sigma {sigma:.1f} px"
    radius = RANGES["defocus: radius of disc or polygon"].draw(rng, lines)
    if way == 1:
        return blurred(image, disc(radius)), f"disc {radius:.1f} px"
    blades = int(rng.integers(5, 9))
    return blurred(image, polygon(radius, blades, rng.uniform(0, np.pi))), f"{blades} blades {radius:.1f} px"


def _motion(image: Image, rng: Rng) -> tuple[Image, str]:
    lines, way = min(image.shape[:2]), rng.random()
    low, high = RANGES["motion_blur: path"].bounds(lines)
    length = RANGES["motion_blur: path"].draw(rng, lines)
    if way < 0.2 and length < high / 3:  # at the far corner it is three times as long
        return rolled(image, length, rng), f"turned, path from {length:.0f} px"
    # A short path that bends is hardly to be told from defocus.
    turning = 0.0 if way < 0.6 or length < 1.5 * low else float(rng.choice([-1, 1]) * rng.uniform(0.3, 1.8))
    kernel = path_kernel(length, turning, rng.uniform(0, np.pi), rng)
    return blurred(image, kernel), f"{'bent' if turning else 'straight'} path {length:.1f} px"


def _dark(image: Image, rng: Rng) -> tuple[Image, str]:
    level = RANGES["dark: 98th percentile of luma"].draw(rng, 0)
    image, way = darkened(image, level, rng)
    if rng.random() < 0.6:  # as much noise as leaves the structure discernible, and at most 3 levels
        limit = min(RANGES["unnoticed: noise sigma"].high, 0.3 * float(luma(image).std()))
        image, _ = grainy(image, rng.uniform(0, limit), rng)
    return image, f"{way} to {level:.0f}"


def _bright(image: Image, rng: Rng) -> tuple[Image, str]:
    share = RANGES["bright: pixels with luma >= 250"].draw(rng, 0)
    image, way = brightened(image, share, rng)
    return image, f"{way}, {share:.0%} clipped"


def _noise(image: Image, rng: Rng) -> tuple[Image, str]:
    sigma = RANGES["noise: sigma"].draw(rng, 0)
    if rng.random() < 0.1:
        return hot_pixels(image, sigma, rng), f"hot pixels sigma {sigma:.0f}"
    image, kind = grainy(image, sigma, rng)
    return image, f"{kind} sigma {sigma:.0f}"


def _blocky(image: Image, rng: Rng) -> tuple[Image, str]:
    way = str(rng.choice(["jpeg", "jpeg", "qp", "qp", "starved"]))
    if way == "jpeg":
        quality = round(RANGES["blocky: JPEG quality"].draw(rng, 0))
        return codec.jpeg(image, quality, full_colour=rng.random() < 0.3), f"JPEG {quality}"
    clip = codec.panned(image, 6, rng)
    preset = str(rng.choice(["ultrafast", "veryfast", "fast"]))
    if way == "qp":
        qp = round(RANGES["blocky: x264 qp"].draw(rng, 0))
        return codec.x264(clip, preset, qp=qp).last, f"x264 {preset} qp {qp}"
    share = RANGES["blocky: x264 starved"].draw(rng, 0)
    bits = codec.x264(clip, preset, qp=44).bits * share
    return codec.x264(clip, preset, bits=bits).last, f"x264 {preset} starved, {share:.0%} of qp 44"


# --- what nobody notices ---


def _lens_unnoticed(image: Image, rng: Rng) -> Image:
    if rng.random() < 0.4:
        image = dirty(image, RANGES["unnoticed: dirt"].draw(rng, 0), rng)
    return blurred(image, disc(RANGES["unnoticed: radius of disc"].draw(rng, min(image.shape[:2]))))


def _motion_unnoticed(image: Image, rng: Rng) -> Image:
    length = RANGES["unnoticed: path"].draw(rng, min(image.shape[:2]))
    return blurred(image, path_kernel(length, 0.0, rng.uniform(0, np.pi), rng))


def _exposure_unnoticed(image: Image, rng: Rng) -> Image:
    grey = luma(image)
    top, clipped = float(np.percentile(grey, 98)), float((grey >= 250).mean())
    # Where much is clipped from the beginning, more of it would be evident sooner.
    if rng.random() < 0.5 or clipped > RANGES["unnoticed: more pixels clipped"].high:
        level = min(top, RANGES["unnoticed: 98th percentile of luma"].draw(rng, 0))
        return rounded(levels(light(image) * (level / top) ** GAMMA))
    more = RANGES["unnoticed: more pixels clipped"].draw(rng, 0)
    edge = float(np.quantile(grey, max(0.0, 1 - clipped - more)))
    return rounded(levels(light(image) * (249.0 / edge) ** GAMMA)) if 80 < edge < 249 else image


def _noise_unnoticed(image: Image, rng: Rng) -> Image:
    return grainy(image, RANGES["unnoticed: noise sigma"].draw(rng, 0), rng)[0]


def _tone_unnoticed(image: Image, rng: Rng) -> Image:
    curve = (np.arange(256) / 255.0) ** RANGES["unnoticed: gamma"].draw(rng, 0) * 255
    gains = [RANGES["unnoticed: white balance"].draw(rng, 0) for _ in range(3)]
    table = np.stack([rounded(curve * gain / max(gains)) for gain in gains], 1)[None]
    return np.asarray(cv2.LUT(image, table), np.uint8)


def _sharpening_unnoticed(image: Image, rng: Rng) -> Image:
    amount = RANGES["unnoticed: sharpening"].draw(rng, 0)
    return np.asarray(cv2.addWeighted(image, 1 + amount, cv2.GaussianBlur(image, (0, 0), 1.0), -amount, 0), np.uint8)


def everyday(image: Image, rng: Rng, at_border: bool) -> tuple[Image, str]:
    """Compression as cameras do it, four times of five; ``at_border``: as strong as still passes unnoticed."""
    way = rng.random()
    if way < 0.2:
        return image, "not compressed"
    if way < 0.65:
        quality = round(RANGES[f"{'border' if at_border else 'everyday'}: JPEG quality"].draw(rng, 0))
        return codec.jpeg(image, quality), f"JPEG {quality}"
    if at_border:
        qp = round(RANGES["border: x264 qp"].draw(rng, 0))
        return codec.x264([image], "veryfast", qp=qp).last, f"x264 qp {qp}"
    crf = RANGES["everyday: x264 crf"].draw(rng, 0)
    return codec.x264([image], "ultrafast", crf=crf).last, f"x264 crf {crf:.0f}"


# --- the camera ---

EVIDENT: Mapping[str, tuple[str, Callable[[Image, Rng], tuple[Image, str]]]] = MappingProxyType(
    {
        "defocus": ("lens", _defocus),
        "motion_blur": ("motion", _motion),
        "dark": ("exposure", _dark),
        "bright": ("exposure", _bright),
        "noise": ("noise", _noise),
        "blocky": ("compression", _blocky),
    }
)
"""Class to the stage that does the damage, and how."""
UNNOTICED: Mapping[str, Callable[[Image, Rng], Image]] = MappingProxyType(
    {
        "lens": _lens_unnoticed,
        "motion": _motion_unnoticed,
        "exposure": _exposure_unnoticed,
        "noise": _noise_unnoticed,
        "tone": _tone_unnoticed,
        "sharpening": _sharpening_unnoticed,
    }
)
_ORDER = ("lens", "motion", "exposure", "noise", "tone", "sharpening", "overlay", "compression")
_NOT_BESIDE: Mapping[str, set[str]] = MappingProxyType(
    {
        "defocus": {"motion"},
        "motion_blur": {"lens"},
        "dark": {"tone", "noise"},  # its noise has a limit of its own; tone would move the percentile
        "bright": {"tone"},
        "noise": {"sharpening"},  # would make it stronger than drawn: sharpened noise is a kind of its own
    }
)


@dataclass(frozen=True, slots=True)
class Shot:
    """A frame as a camera delivers it; the picture just before and just after the evident damage; what was done, in words."""

    image: Image
    before: Image
    after: Image
    what: str


def shot(frame: Image, label: str, rng: Rng, overlay: Callable[[Image], None], keep_light: bool = False) -> Shot:
    """A clean ``frame`` (H, W, 3) through the camera, with evident damage of a class of ``EVIDENT``; "ok" has none.

    ``overlay`` writes onto the picture in place. ``keep_light``: nothing shall touch exposure and tone.
    """
    few = {stage for stage in UNNOTICED if rng.random() < 0.3} - _NOT_BESIDE.get(label, set())
    if keep_light:
        few -= {"exposure", "tone"}
    if "exposure" in few:
        few -= {"tone"}  # each may go to the border alone
    if "noise" in few:
        few -= {"sharpening"}
    if "lens" in few and rng.random() < 0.7:
        few -= {"motion"}
    where, damage = EVIDENT.get(label, ("", None))
    image = before = after = frame
    what = [label]
    for stage in _ORDER:
        if stage == where and damage is not None:
            before = image
            image, how = damage(image, rng)
            after = image
            what.append(how)
        elif stage == "overlay":
            image = image.copy()
            overlay(image)
        elif stage in few:
            image = UNNOTICED[stage](image, rng)
            what.append(f"slight {stage}")
    image, how = everyday(image, rng, at_border=label == "ok" and rng.random() < 0.25)
    return Shot(image, before, after, ", ".join([*what, how]))
