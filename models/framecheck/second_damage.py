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
import numpy.typing as npt
import second_codec as codec

from streamclf.frame import Image

Floats = npt.NDArray[np.float32]
Rng = np.random.Generator


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

_GAMMA = 2.2
_TO_LIGHT = ((np.arange(256) / 255.0) ** _GAMMA).astype(np.float32)


def light(image: Image) -> Floats:
    """Levels to linear light, 0..1, same shape."""
    return np.asarray(_TO_LIGHT[image], np.float32)


def levels(linear: Floats) -> Floats:
    """Linear light to levels 0..255, not rounded; above 1 is clipped."""
    return np.asarray(cv2.pow(np.clip(linear, 0.0, 1.0), 1 / _GAMMA) * 255.0, np.float32)


def rounded(values: Floats) -> Image:
    """Levels to uint8."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def luma(image: Image) -> Image:
    """(H, W) uint8."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


def detailed_part(grey: Image) -> tuple[int, int, int]:
    """The most detailed square of a sixth of the lines in a (H, W) picture: left, top, side in pixels."""
    side = max(8, min(grey.shape) // 6)
    steps = np.abs(cv2.Sobel(grey, cv2.CV_32F, 1, 0)) + np.abs(cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    means = np.asarray(cv2.boxFilter(steps, -1, (side, side), anchor=(0, 0)))
    *_, (x, y) = cv2.minMaxLoc(means[: grey.shape[0] - side + 1, : grey.shape[1] - side + 1])
    return x, y, side


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


# --- lens and motion: kernels in pixels, applied to linear light, so that lights become discs and streaks ---


def disc(radius_px: float) -> Floats:
    """A disc with a soft rim, summing to 1."""
    reach = int(np.ceil(radius_px + 0.5))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    cover = np.clip(radius_px + 0.5 - np.hypot(x, y), 0, 1).astype(np.float32)
    return cover / cover.sum()


def polygon(radius_px: float, blades: int, turn: float) -> Floats:
    """An iris of 5 to 8 blades with the area of a disc of this radius, summing to 1."""
    outer = radius_px * np.sqrt(2 * np.pi / (blades * np.sin(2 * np.pi / blades)))
    reach, fine = int(np.ceil(outer + 0.5)), 8
    side = 2 * reach + 1
    angles = turn + np.arange(blades) * 2 * np.pi / blades
    corners = (np.stack([np.cos(angles), np.sin(angles)], 1) * outer + reach + 0.5) * fine
    mask = np.zeros((side * fine, side * fine), np.float32)
    cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], 1.0)
    cover = np.asarray(cv2.resize(mask, (side, side), interpolation=cv2.INTER_AREA), np.float32)
    return cover / cover.sum()


def path_kernel(length_px: float, turning: float, heading: float, rng: Rng) -> Floats:
    """A path of that length whose heading turns by ``turning`` radians in all, at a speed that varies; sums to 1."""
    steps = max(16, int(length_px * 4))
    time = np.linspace(0, 1, steps)
    speed = 1 + rng.uniform(0, 0.6) * np.sin(2 * np.pi * (time * rng.uniform(0.5, 1.5) + rng.random()))
    angle = heading + turning * time
    move = length_px / speed.sum() * speed
    xy = np.stack([np.cumsum(move * np.cos(angle)), np.cumsum(move * np.sin(angle))], 1)
    xy -= (xy.min(0) + xy.max(0)) / 2
    reach = int(np.ceil(np.abs(xy).max())) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    whole = np.floor(xy).astype(int)
    rest = xy - whole
    for dx in (0, 1):
        for dy in (0, 1):
            weight = np.abs(1 - dx - rest[:, 0]) * np.abs(1 - dy - rest[:, 1])
            np.add.at(kernel, (whole[:, 1] + reach + dy, whole[:, 0] + reach + dx), weight)
    return kernel / kernel.sum()


def blurred(image: Image, kernel: Floats) -> Image:
    """The picture through a kernel, in linear light."""
    return rounded(levels(np.asarray(cv2.filter2D(light(image), -1, kernel, borderType=cv2.BORDER_REFLECT))))


def rolled(image: Image, least_px: float, rng: Rng) -> Image:
    """The camera turned about a point beside the frame: paths from ``least_px`` to three times as long."""
    height, width = image.shape[:2]
    half = np.hypot(height, width) / 2
    near, side = half * rng.uniform(1.0, 2.0), rng.uniform(0, 2 * np.pi)
    centre = (width / 2 + (half + near) * np.cos(side), height / 2 + (half + near) * np.sin(side))
    angle = least_px / near
    source = light(image)
    total = np.zeros_like(source)
    count = int(np.clip(angle * (near + 2 * half) / 1.2, 8, 64))
    for part in np.linspace(-0.5, 0.5, count):
        turn = cv2.getRotationMatrix2D(centre, float(np.degrees(angle) * part), 1.0)
        cv2.accumulate(cv2.warpAffine(source, turn, (width, height), borderMode=cv2.BORDER_REFLECT), total)
    return rounded(levels(total / np.float32(count)))


def dirty(image: Image, darker: float, rng: Rng) -> Image:
    """Specks of dirt on the lens: soft, faint spots."""
    height, width = image.shape[:2]
    small = np.ones((max(2, height // 8), max(2, width // 8)), np.float32)
    for _ in range(int(rng.integers(2, 7))):
        spot = (int(rng.integers(small.shape[1])), int(rng.integers(small.shape[0])))
        cv2.circle(small, spot, int(rng.integers(1, 2 + small.shape[0] // 14)), 1 - darker * rng.uniform(0.5, 1), -1)
    small = np.asarray(cv2.GaussianBlur(small, (0, 0), max(0.6, small.shape[0] / 50)), np.float32)
    return rounded(image * np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))[..., None])


# --- exposure ---


def darkened(image: Image, percentile_98: float, rng: Rng) -> tuple[Image, str]:
    """Too little light: the 98th percentile of luma comes down to the level given, in one of four ways."""
    top = min(250.0, max(20.0, float(np.percentile(luma(image), 98))))
    way, crushed = str(rng.choice(["exposure", "exposure", "gamma", "offset", "gain"])), rng.uniform(0.2, 0.7)

    def darker(part: Image, level: float) -> Image:
        if way == "exposure":
            return rounded(levels(light(part) * (level / top) ** _GAMMA))
        if way == "gamma":
            return rounded(255 * (np.arange(256) / 255.0) ** (np.log(level / 255) / np.log(top / 255)))[part]
        black = (top - level) * crushed if way == "offset" else 0.0  # a black level too high, the rest by gain
        return rounded((part.astype(np.float32) - black) * (level / (top - black)))

    return _tuned(image, darker, lambda grey: float(np.percentile(grey, 98)), percentile_98), way


def brightened(image: Image, clipped_share: float, rng: Rng) -> tuple[Image, str]:
    """Too much light: that share of the pixels has luma of at least 250, by exposure, gain or an offset."""
    way = str(rng.choice(["exposure", "exposure", "gain", "offset"]))

    def brighter(part: Image, level: float) -> Image:
        edge = 251 - 0.9 * level  # what comes to be clipped: 26 levels at the least, below that it is black
        if way == "exposure":
            return rounded(levels(light(part) * (250.5 / edge) ** _GAMMA))
        return rounded(part * np.float32(250.5 / edge) if way == "gain" else part + np.float32(250.5 - edge))

    return _tuned(image, brighter, lambda grey: float((grey >= 250).mean()), clipped_share), way


def _tuned(
    image: Image, change_to: Callable[[Image, float], Image], measure: Callable[[Image], float], wanted: float
) -> Image:
    # Found by trying on some of the pixels, because colours reach black and white one channel after the other.
    step = max(1, min(image.shape[:2]) // 120)
    some = np.ascontiguousarray(image[::step, ::step])
    low, high = 1.0, 250.0
    for _ in range(10):
        level = (low + high) / 2
        low, high = (level, high) if measure(luma(change_to(some, level))) < wanted else (low, level)
    return change_to(image, high)


# --- sensor noise ---

NOISES = ("white", "colour", "soft", "sharpened", "shot", "raw")


def noise_field(image: Image, kind: str, rng: Rng) -> Floats:
    """(H, W, 3) float32 noise of one kind, of an rms of 1 over the frame; shot and raw noise follow the picture's light."""
    rows, columns, _ = image.shape
    grey = rng.standard_normal((rows, columns, 1), np.float32)
    colour = rng.standard_normal(image.shape, np.float32)
    if kind == "white":
        field = np.repeat(grey, 3, axis=2)
    elif kind == "colour":
        field = colour + np.float32(rng.uniform(0.2, 0.8)) * grey
    elif kind == "soft":
        field = cv2.GaussianBlur(
            np.repeat(grey, 3, axis=2) if rng.random() < 0.4 else colour, (0, 0), rng.uniform(0.4, 0.8)
        )
    elif kind == "sharpened":
        field = colour + np.float32(rng.uniform(0.3, 1.0)) * (colour - cv2.GaussianBlur(colour, (0, 0), 1.0))
    elif kind == "shot":
        field = colour * np.sqrt(image.astype(np.float32) + np.float32(12))
    else:
        field = _raw_noise(image, rng)
    return np.asarray(field / np.float32(max(1e-6, np.sqrt(np.mean(np.square(field))))), np.float32)


def _raw_noise(image: Image, rng: Rng) -> Floats:
    # Read and shot noise on the mosaic, then demosaiced and encoded: coarse, coloured, strongest in the shadows.
    mosaic = np.empty(image.shape[:2], np.float32)
    linear = light(image)
    for row, column, channel in ((0, 0, 2), (0, 1, 1), (1, 0, 1), (1, 1, 0)):
        mosaic[row::2, column::2] = linear[row::2, column::2, channel]
    sigma = np.sqrt(0.02**2 + 0.004 * mosaic) * np.float32(rng.uniform(0.5, 1.5))
    noisy_mosaic = mosaic + sigma * rng.standard_normal(mosaic.shape, np.float32)
    pedestal = 0.1  # so that the noise of black is not cut off before the demosaicing
    after, before = (
        levels(
            np.asarray(
                cv2.cvtColor(np.clip((plane + pedestal) * 50000, 0, 65535).astype(np.uint16), cv2.COLOR_BayerBG2BGR),
                np.float32,
            )
            / 50000
            - pedestal
        )
        for plane in (noisy_mosaic, mosaic)
    )
    return after - before


def hot_pixels(image: Image, sigma: float, rng: Rng) -> Image:
    """Pixels that stick at something brighter or darker, so many that their rms is about ``sigma`` levels."""
    jump = rng.uniform(90, 220)
    share = min(0.12, (sigma / jump) ** 2)
    chance = rng.random((*image.shape[:2], 1), np.float32)
    bright = share * rng.uniform(0.5, 1.0)
    jumps = np.where(chance < bright, jump, np.where(chance < share, -jump, 0)).astype(np.float32)
    if rng.random() < 0.5:  # one colour of the mosaic, not all three
        jumps = jumps * (rng.integers(0, 3, chance.shape) == np.arange(3)) * np.float32(1.7)
    return rounded(image + jumps)


def grainy(image: Image | Floats, sigma: float, rng: Rng) -> tuple[Image, str]:
    """Noise of ``sigma`` levels (rms over the frame, before clipping), and its kind."""
    kind = str(rng.choice(NOISES))
    field = noise_field(rounded(np.asarray(image, np.float32)), kind, rng)
    return rounded(image + np.float32(sigma) * field), kind


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
    if rng.random() < 0.5:
        level = min(top, RANGES["unnoticed: 98th percentile of luma"].draw(rng, 0))
        return rounded(levels(light(image) * (level / top) ** _GAMMA))
    more = RANGES["unnoticed: more pixels clipped"].draw(rng, 0)
    edge = float(np.quantile(grey, max(0.0, 1 - clipped - more)))
    return rounded(levels(light(image) * (249.0 / edge) ** _GAMMA)) if 80 < edge < 249 else image


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
