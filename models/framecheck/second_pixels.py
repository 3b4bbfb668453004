"""What light, lens and sensor do to pixels, for the second damage generator: arrays in, arrays out, no severity decided."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from streamclf.frame import Image

Floats = npt.NDArray[np.float32]
Rng = np.random.Generator

GAMMA = 2.2
_TO_LIGHT = ((np.arange(256) / 255.0) ** GAMMA).astype(np.float32)


def light(image: Image) -> Floats:
    """Levels to linear light, 0..1, same shape."""
    return np.asarray(_TO_LIGHT[image], np.float32)


def levels(linear: Floats) -> Floats:
    """Linear light to levels 0..255, not rounded; above 1 is clipped."""
    return np.asarray(cv2.pow(np.clip(linear, 0.0, 1.0), 1 / GAMMA) * 255.0, np.float32)


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
            return rounded(levels(light(part) * (level / top) ** GAMMA))
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
            return rounded(levels(light(part) * (250.5 / edge) ** GAMMA))
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
