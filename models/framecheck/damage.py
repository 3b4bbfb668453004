"""The damage framecheck is trained on, made as a camera makes it: lens, motion, sensor, processing, compression, in that order.

Everything happens at the frame's own size. ``H`` is the frame's lines, its shorter side; levels are 0..255. Where the border
between unnoticed and evident lies is a matter of opinion, and the target says so: between the two borders of ``BORDERS`` the
probability of the damage rises from 0 to 1.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
import scenes
from scenes import Floats, Rng

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


# --- lens


def disc(radius: float) -> Floats:
    """An anti-aliased disc that sums to 1."""
    reach = math.ceil(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    kernel = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1).astype(np.float32)
    return kernel / kernel.sum()


def defocus(image: Image, radius: float, rng: Rng) -> Image:
    """Blurred by a disc, a polygon, a box or a Gaussian of about this radius (px)."""
    kind = rng.random()
    if kind < 0.35 or radius < 1:
        return scenes.shrunk_blur(image, max(0.2, radius / 2))
    if kind < 0.45:
        side = 2 * round(radius * 0.85) + 1
        return np.asarray(cv2.blur(image, (side, side)), np.uint8)
    # Large discs at half the size: four times as fast, and no eye or filter can tell.
    if radius > 12:
        half = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        kernel = _aperture(radius / 2, rng)
        blurred = cv2.filter2D(half, -1, kernel, borderType=cv2.BORDER_REFLECT)
        return np.asarray(cv2.resize(blurred, image.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.uint8)
    return np.asarray(cv2.filter2D(image, -1, _aperture(radius, rng), borderType=cv2.BORDER_REFLECT), np.uint8)


def _aperture(radius: float, rng: Rng) -> Floats:
    kernel = disc(radius)
    if radius >= 2 and rng.random() < 0.3:  # five to eight blades
        count, turn = int(rng.integers(5, 9)), rng.uniform(0, 2 * np.pi)
        angles = turn + np.arange(count) * 2 * np.pi / count
        middle = kernel.shape[0] // 2
        points = np.stack([np.cos(angles), np.sin(angles)], 1) * radius * 1.1 + middle
        mask = np.zeros(kernel.shape, np.uint8)
        cv2.fillPoly(mask, [np.rint(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        kernel = mask.astype(np.float32)
        kernel /= kernel.sum()
    return kernel


def dirt(image: Image, rng: Rng) -> Image:
    """Specks and smears near the lens: a slightly uneven light, unnoticed."""
    height, width = image.shape[:2]
    shade = 1 - rng.uniform(0.02, 0.1) * scenes.clouds((9, 16), rng, 2, first=3)
    full = cv2.resize(shade, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(image * full[..., None], 0, 255).astype(np.uint8)


# --- motion


def path_kernel(length: float, rng: Rng) -> Floats:
    """A straight or bent path of about this length (px), drawn with sub-pixel care; sums to 1."""
    steps = max(8, math.ceil(length * 4))
    bend = rng.normal(0, 0.6) if rng.random() < 0.5 else 0.0
    angle = rng.uniform(0, np.pi) if rng.random() < 0.6 else float(rng.choice([0.0, np.pi / 2])) + rng.normal(0, 0.05)
    headings = angle + bend * np.linspace(-1, 1, steps)
    points = np.cumsum(np.stack([np.cos(headings), np.sin(headings)], 1) * length / steps, 0)
    points -= (points.max(0) + points.min(0)) / 2
    reach = math.ceil(float(np.abs(points).max())) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    pace = rng.uniform(0.5, 1.5, 4)  # a hand does not shake evenly
    weights = np.interp(np.linspace(0, 3, steps), range(4), pace)
    for (x, y), weight in zip(points + reach, weights, strict=True):
        left, top = int(x), int(y)
        right, down = x - left, y - top
        kernel[top, left] += weight * (1 - right) * (1 - down)
        kernel[top, left + 1] += weight * right * (1 - down)
        kernel[top + 1, left] += weight * (1 - right) * down
        kernel[top + 1, left + 1] += weight * right * down
    return kernel / kernel.sum()


def motion(image: Image, length: float, rng: Rng) -> Image:
    """The whole frame smeared along one path; sometimes turned about a point, as when a camera is knocked."""
    if length > 8 and rng.random() < 0.12:
        return _turned(image, length, rng)
    if length > 30:  # at half the size, see defocus: across the path the softness of that is what shaking gives anyway
        half = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        blurred = cv2.filter2D(half, -1, path_kernel(length / 2, rng), borderType=cv2.BORDER_REFLECT)
        return np.asarray(cv2.resize(blurred, image.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.uint8)
    return np.asarray(cv2.filter2D(image, -1, path_kernel(length, rng), borderType=cv2.BORDER_REFLECT), np.uint8)


def _turned(image: Image, length: float, rng: Rng) -> Image:
    height, width = image.shape[:2]
    centre = (rng.uniform(-0.6, 0.1) * width, rng.uniform(0, 1) * height)
    reach = math.hypot(width / 2 - centre[0], height / 2 - centre[1])
    degrees = math.degrees(length / reach)
    count = min(24, max(6, round(length / 2)))
    total = np.zeros(image.shape, np.float32)
    for turn in np.linspace(-degrees / 2, degrees / 2, count):
        place = cv2.getRotationMatrix2D(centre, turn, 1)
        cv2.accumulate(cv2.warpAffine(image, place, (width, height), borderMode=cv2.BORDER_REFLECT), total)
    return (total / count).astype(np.uint8)


# --- sensor


def luma(image: Image) -> Image:
    """(H, W) uint8."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


def _table(image: Image, curve: npt.NDArray[np.float64]) -> Image:
    return np.asarray(cv2.LUT(image, np.clip(curve, 0, 255).round().astype(np.uint8)), np.uint8)


LEVELS = np.arange(256, dtype=np.float64)


def darken(image: Image, peak: float, rng: Rng) -> Image:
    """The 98th percentile of luma brought down to ``peak`` by exposure, gamma or an offset."""
    now = max(20.0, float(np.percentile(luma(image), 98)))
    if peak >= now:
        return image
    kind = rng.random()
    if kind < 0.5:
        return _table(image, LEVELS * peak / now)
    if kind < 0.7 and now < 250:
        return _table(image, 255 * (LEVELS / 255) ** (math.log(peak / 255) / math.log(now / 255)))
    if kind < 0.85:  # part offset, part exposure
        offset = (now - peak) * rng.uniform(0.3, 1.0)
        return _table(image, np.maximum(0, LEVELS - offset) * peak / max(1.0, now - offset))
    crushed = LEVELS**1.5
    return _table(image, crushed * peak / now**1.5)


def brighten(image: Image, share: float, rng: Rng) -> Image:
    """So much light that ``share`` of the pixels is clipped, by exposure, offset, or a lifted gamma before it."""
    level = float(np.quantile(luma(image), 1 - share))
    kind = rng.random()
    if kind < 0.6:
        curve = LEVELS * 255 / max(level, 2.0)
    elif kind < 0.85:
        offset = (255 - level) * rng.uniform(0.4, 1.0)
        curve = (LEVELS + offset) * 255 / (level + offset)
    else:
        curve = 255 * (LEVELS / max(level, 2.0)) ** rng.uniform(0.5, 0.8)
    bright = _table(image, curve + rng.uniform(0, 2))
    if rng.random() < 0.35:  # light spills over
        veil = scenes.shrunk_blur(bright, image.shape[0] * 0.04)
        bright = np.asarray(cv2.addWeighted(bright, 1.0, veil, rng.uniform(0.05, 0.2), 0), np.uint8)
    return bright


_BANK: list[npt.NDArray[np.int8]] = []


def _normal(shape_hw: tuple[int, int], rng: Rng) -> Floats:
    """Standard normal (H, W): a random window of a large fixed field, which is much faster than drawing anew."""
    if not _BANK:
        field = np.random.default_rng(7).standard_normal((2600, 2600), np.float32)
        _BANK.append(np.clip(field * 30, -127, 127).astype(np.int8))
    y, x = (int(rng.integers(0, 2600 - side + 1)) for side in shape_hw)
    window = _BANK[0][y : y + shape_hw[0], x : x + shape_hw[1]]
    flip_y, flip_x = (1 if rng.random() < 0.5 else -1 for _ in range(2))
    return window[::flip_y, ::flip_x].astype(np.float32) / 30


def add_noise(image: Image, sigma: float, rng: Rng) -> Image:
    """Grain with about this standard deviation: read and shot noise, grey or coloured, fine or slightly coarse, hot pixels."""
    shape = image.shape[:2]
    kind = rng.random()
    if kind < 0.18 and sigma > 6:  # hot and dead pixels
        share = np.clip((sigma / 127) ** 2, 0.003, 0.15)
        out = image.copy()
        mask = np.abs(_normal(shape, rng)) > _two_sided(float(share))
        out[mask] = np.where(_normal(shape, rng) > 0, 255, 0)[mask][:, None]
        return out
    if kind < 0.36:
        return _raw_noise(image, sigma, rng)
    if kind < 0.55:
        field = np.repeat(_normal(shape, rng)[..., None], 3, 2)
    elif kind < 0.8:
        field = np.dstack([_normal(shape, rng) for _ in range(3)]) * np.float32([1.25, 1.0, 1.15])
    else:
        field = np.dstack([_normal(shape, rng) for _ in range(3)]) * np.float32(rng.uniform(0.7, 1.8, 3))
        field += 0.7 * _normal(shape, rng)[..., None]
        field /= max(1e-3, float(field[::7, ::7].std()))
    if rng.random() < 0.4:  # demosaicing and denoising make it coarser
        field = cv2.GaussianBlur(field, (0, 0), rng.uniform(0.4, 1.1))
        field /= max(1e-3, float(field[::7, ::7].std()))
    strength: Floats | float = sigma
    if rng.random() < 0.5:  # shot noise grows with the light
        read = rng.uniform(0.1, 0.6)
        grey = cv2.GaussianBlur(luma(image), (0, 0), 1.5).astype(np.float32)
        mean = max(8.0, float(grey.mean()))
        strength = (sigma * np.sqrt(read + (1 - read) * grey / mean))[..., None]
    return np.clip(image + field * strength, 0, 255).astype(np.uint8)


_LIGHT = (LEVELS / 255) ** 2.2
_LEVEL_OF_LIGHT = 255 * (np.arange(4097) / 4096) ** (1 / 2.2)


def _raw_noise(image: Image, sigma: float, rng: Rng) -> Image:
    """Noise of the light itself, before the gamma curve lifts the shadows, where it shows most."""
    light = cv2.LUT(image, _LIGHT.astype(np.float32))
    read = rng.uniform(0.003, 0.3)
    # what one unit of it does to a level, by level, so that the mean over the picture comes to sigma
    slope = np.gradient(LEVELS) / np.maximum(np.gradient(_LIGHT), 0.004)
    unit = np.sqrt(read + (1 - read) * _LIGHT)
    share = np.bincount(luma(image)[::4, ::4].ravel(), minlength=256) / luma(image)[::4, ::4].size
    strength = sigma / max(1e-6, float(np.sqrt((share * np.minimum(slope * unit, 400) ** 2).sum())))
    field = np.dstack([_normal(image.shape[:2], rng) for _ in range(3)])
    if rng.random() < 0.4:
        field = cv2.GaussianBlur(field, (0, 0), rng.uniform(0.4, 0.9))
        field /= max(1e-3, float(field[::7, ::7].std()))
    noise = field * cv2.LUT(image, unit.astype(np.float32))
    for _ in range(2):  # clipping at black takes some of it: measure, and correct once
        levels = np.clip((light + noise * strength) * 4096, 0, 4096).astype(np.int32)
        noisy = _LEVEL_OF_LIGHT.astype(np.uint8)[levels]
        measured = float(cv2.subtract(luma(noisy), luma(image), dtype=cv2.CV_32F).std())
        if 0.85 * sigma < measured < 1.15 * sigma:
            break
        strength *= sigma / max(measured, 0.2)
    return noisy


def _two_sided(share: float) -> float:
    """The z with P(|Z| > z) = share, near enough for shares of 0.003 to 0.15."""
    return float(np.interp(math.log10(share), [-2.52, -2, -1.3, -0.82], [2.97, 2.58, 1.96, 1.44]))


# --- processing


def processing(image: Image, rng: Rng) -> Image:
    """White balance, gamma, saturation and sharpening within what cameras do."""
    out = image
    if rng.random() < 0.5:
        gains = rng.uniform(0.93, 1.07, 3) if rng.random() < 0.8 else rng.uniform(0.8, 1.15, 3)
        gamma = rng.uniform(0.88, 1.12)
        curves = [np.clip(255 * (LEVELS / 255) ** gamma * gain, 0, 255) for gain in gains]
        out = np.asarray(cv2.LUT(out, np.dstack(curves).round().astype(np.uint8)), np.uint8)
    if rng.random() < 0.25:
        amount = rng.uniform(0.1, 0.6)
        soft = cv2.GaussianBlur(out, (0, 0), rng.uniform(0.8, 1.6))
        out = np.asarray(cv2.addWeighted(out, 1 + amount, soft, -amount, 0), np.uint8)
    if rng.random() < 0.12:
        grey = cv2.cvtColor(luma(out), cv2.COLOR_GRAY2BGR)
        share = 1.0 if rng.random() < 0.6 else rng.uniform(0.3, 0.9)
        out = np.asarray(cv2.addWeighted(out, 1 - share, grey, share, 0), np.uint8)
    return out


def overlay(image: Image, rng: Rng) -> Image:
    """A clock and a camera's name, as recorders write them: always sharp, whatever the picture is."""
    height, width = image.shape[:2]
    out = image.copy()
    lines = min(height, width)
    for _ in range(int(rng.integers(1, 3))):
        size = max(0.3, lines / 720 * rng.uniform(0.7, 2.0))
        numbers = rng.integers(0, 60, 6)
        text = "20{:02d}-{:02d}-{:02d} {:02d}:{:02d}:{:02d}".format(*numbers % (60, 12, 28, 24, 60, 60))
        if rng.random() < 0.4:
            text = f"CAM {numbers[0]} {scenes.word(rng)}".upper()
        font, thick = int(rng.choice(scenes.FONTS)), max(1, round(size * 1.6))
        (text_w, text_h), _ = cv2.getTextSize(text, font, size, thick)
        margin = round(lines * 0.03)
        x = margin if rng.random() < 0.5 else max(0, width - text_w - margin)
        y = text_h + margin if rng.random() < 0.5 else height - margin
        if rng.random() < 0.4:
            cv2.rectangle(out, (x - 3, y - text_h - 4), (x + text_w + 3, y + 5), (0, 0, 0), -1)
        else:
            cv2.putText(out, text, (x, y), font, size, (0, 0, 0), thick + 2, cv2.LINE_AA)
        cv2.putText(out, text, (x, y), font, size, (255, 255, 255), thick, cv2.LINE_AA)
    return out


def bars(image: Image, rng: Rng) -> Image:
    """Black bars above and below, or left and right, as when formats are mixed."""
    out = image.copy()
    share = rng.uniform(0.05, 0.14)
    if rng.random() < 0.5:
        side = round(out.shape[0] * share)
        out[:side] = out[out.shape[0] - side :] = 0
    else:
        side = round(out.shape[1] * share)
        out[:, :side] = out[:, out.shape[1] - side :] = 0
    return out


# --- compression


def jpeg(image: Image, quality: float, rng: Rng) -> Image:
    """Through JPEG, sometimes with full colour resolution."""
    flags = [cv2.IMWRITE_JPEG_QUALITY, int(np.clip(round(quality), 1, 100))]
    if rng.random() < 0.3:
        flags += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, flags)[1], cv2.IMREAD_COLOR), np.uint8)


def video(image: Image, rng: Rng, frames: int, codec: str, options: dict[str, str], bit_rate: int = 0) -> Image:
    """The last of ``frames`` frames of a slow pan that ends at ``image``, through an encoder and back."""
    height, width = image.shape[0] & ~1, image.shape[1] & ~1
    encoder = av.CodecContext.create(codec, "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(25), Fraction(1, 25)
    if bit_rate:
        encoder.bit_rate = bit_rate
    encoder.thread_count = 1
    encoder.options = options
    step = rng.normal(0, 0.004 * min(height, width), 2) * (rng.random() < 0.6)
    packets = []
    for number in range(frames):
        shift = np.rint(step * (frames - 1 - number)).astype(int)
        moved = np.roll(image[:height, :width], tuple(shift), (0, 1)) if shift.any() else image[:height, :width]
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(moved), "bgr24")
        picture.pts = number
        packets += encoder.encode(picture)
    packets += encoder.encode(None)
    decoder = av.CodecContext.create("h264" if codec == "libx264" else codec, "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.thread_count = 1
    decoded = [picture for packet in [*packets, None] for picture in decoder.decode(packet)]
    out = image.copy()
    out[:height, :width] = decoded[-1].to_ndarray(format="bgr24")
    return out


PRESETS = ("ultrafast", "ultrafast", "superfast", "veryfast", "veryfast", "faster")


def x264(image: Image, qp: float, rng: Rng, frames: int) -> Image:
    """Through H.264 at about this quantiser."""
    return video(image, rng, frames, "libx264", {"preset": str(rng.choice(PRESETS)), "qp": str(round(qp))})


def mild_compression(image: Image, rng: Rng) -> Image:
    """What every camera and recorder does, sometimes twice: unnoticed."""
    if rng.random() < 0.2:
        image = _compressed(image, rng)
    return _compressed(image, rng) if rng.random() < 0.75 else image


def _compressed(image: Image, rng: Rng) -> Image:
    is_small = min(image.shape[:2]) < 500
    kind = rng.random()
    if kind < 0.5:
        return jpeg(image, rng.uniform(52, 97), rng)
    if kind < 0.75:
        return x264(image, rng.uniform(16, 31), rng, int(rng.choice([1, 1, 2, 4])) if is_small else 1)
    # with a recorder's own rate control, which starves what does not move
    options = {"preset": str(rng.choice(PRESETS)), "crf": str(int(rng.integers(18, 30))), "bf": "2"}
    return video(image, rng, int(rng.integers(3, 9)) if is_small else 2, "libx264", options)


def starved(image: Image, rng: Rng) -> tuple[Image, float]:
    """(compressed far too much, probability that a viewer says so)."""
    lines = min(image.shape[:2])
    limits = borders(lines)
    kind = rng.random()
    few = int(rng.integers(1, 5)) if lines < 500 else int(rng.integers(1, 3))
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


# --- no scene at all


def _field(shape_hw: tuple[int, int], rng: Rng, cells: int) -> Floats:
    grid = rng.random((cells, max(2, round(cells * 1.6))), np.float32)
    return np.asarray(cv2.resize(grid, shape_hw[::-1], interpolation=cv2.INTER_CUBIC), np.float32)


def covered(image: Image, rng: Rng) -> Image:
    """A cap, a hand, cloth, snow on the lens: light without structure, and the sensor's noise."""
    height, width = image.shape[:2]
    kind = rng.random()
    noise = float(np.exp(rng.uniform(math.log(0.6), math.log(7))))
    if kind < 0.25:  # a cap: black, or nearly
        base = np.float32(rng.uniform(0, 22)) + np.float32(rng.normal(0, 2, 3))
        plane = np.broadcast_to(base, (height, width, 3)) * (
            1 + rng.uniform(0, 1.5) * (_field((height, width), rng, 2)[..., None] - 0.5)
        )
        noise = max(noise, 1.1)
    elif kind < 0.55:  # skin: reddish light comes through
        tint = np.float32([rng.uniform(0.05, 0.6), rng.uniform(0.15, 0.7), 1.0]) * rng.uniform(25, 230)
        plane = tint * (1 - rng.uniform(0.2, 1.0) * _field((height, width), rng, int(rng.integers(2, 4)))[..., None])
    elif kind < 0.8:  # cloth, paper, snow, paint
        base = np.float32(rng.uniform(20, 250)) + np.float32(rng.normal(0, 12, 3))
        plane = base * (1 - rng.uniform(0.08, 0.8) * _field((height, width), rng, int(rng.integers(2, 5)))[..., None])
    else:  # something so near that only the light of the scene is left
        lines = min(height, width)
        plane = scenes.shrunk_blur(image, lines * rng.uniform(0.14, 0.45)).astype(np.float32)
        base = np.float32(rng.uniform(5, 200)) + np.float32(rng.normal(0, 10, 3))
        share = np.float32(rng.uniform(0.15, 1.0))
        plane = plane * share + base * (1 - share)
    if rng.random() < 0.2:  # light leaks in at one side
        y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j].astype(np.float32)
        angle = rng.uniform(0, 2 * np.pi)
        ramp = np.clip((x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle) - rng.uniform(0, 0.4), 0, 1)
        plane = plane + ramp[..., None] * rng.uniform(40, 260) * np.float32(rng.uniform(0.6, 1, 3))
    plane = np.clip(plane, 0, 255).astype(np.uint8)
    span = float(np.ptp(plane[:: max(1, height // 16), :: max(1, width // 16)].mean(2)))
    if span < 7:
        noise = max(noise, 1.2)
    return add_noise(plane, noise, rng)


def no_signal(shape_hw: tuple[int, int], rng: Rng) -> Image:
    """Made by electronics: one colour, bars and test cards, snow, a screen with a message."""
    height, width = shape_hw
    kind = rng.random()
    if kind < 0.2:
        tint = colour_of_nothing(rng)
        return np.full((height, width, 3), tint, np.uint8)
    if kind < 0.55:
        return _test_card(shape_hw, rng)
    if kind < 0.75:
        return _snow(shape_hw, rng)
    return _message(shape_hw, rng)


def colour_of_nothing(rng: Rng) -> tuple[int, int, int]:
    """Black, blue, grey, green, white, or any."""
    if rng.random() < 0.6:
        choices = (
            (0, 0, 0),
            (16, 16, 16),
            (255, 0, 0),
            (200, 30, 10),
            (128, 128, 128),
            (0, 135, 0),
            (255, 255, 255),
            (120, 0, 0),
            (0, 255, 0),
        )
        return choices[int(rng.integers(len(choices)))]
    return scenes.colour(rng)


def _bar_colours(rng: Rng, count: int) -> list[tuple[int, int, int]]:
    top = int(rng.choice([180, 191, 255]))
    if rng.random() < 0.75:
        full = [(b * top, g * top, r * top) for g in (1, 0) for r in (1, 0) for b in (1, 0)]
        if rng.random() < 0.5:
            full = [full[k] for k in rng.permutation(8)]
        return [full[k % 8] for k in range(count)]
    if rng.random() < 0.5:
        return [(v, v, v) for v in np.linspace(0, 255, count).astype(int).tolist()]
    return [scenes.colour(rng) for _ in range(count)]


def _test_card(shape_hw: tuple[int, int], rng: Rng) -> Image:
    height, width = shape_hw
    card = np.zeros((height, width, 3), np.uint8)
    y = 0
    rows = int(rng.choice([1, 1, 2, 3, 3]))
    cuts = (
        [height] if rows == 1 else [*np.sort(rng.uniform(0.55, 0.95, rows - 1) * height).astype(int).tolist(), height]
    )
    for bottom in cuts:
        count = int(rng.integers(5, 10)) if rng.random() < 0.85 else int(rng.integers(10, 24))
        edges = np.linspace(0, width, count + 1).astype(int)
        for (left, right), tint in zip(itertools.pairwise(edges), _bar_colours(rng, count), strict=True):
            card[y:bottom, left:right] = tint
        if y and rng.random() < 0.25:
            card[y:bottom] = np.linspace(0, 255, width).astype(np.uint8)[None, :, None]
        y = bottom
    lines = min(height, width)
    if rng.random() < 0.08:  # a chessboard instead
        cell = max(4, int(lines / rng.uniform(4, 24)))
        odd = (np.arange(height)[:, None] // cell + np.arange(width)[None] // cell) % 2 == 1
        card[:] = scenes.colour(rng)
        card[odd] = scenes.colour(rng)
    if rng.random() < 0.15:  # a grid instead
        card[:] = scenes.colour(rng, 0, 120)
        step, thick = max(6, int(lines / rng.uniform(5, 18))), max(1, lines // 300)
        for place in range(0, max(height, width), step):
            cv2.line(card, (place, 0), (place, height), (255, 255, 255), thick)
            cv2.line(card, (0, place), (width, place), (255, 255, 255), thick)
    if rng.random() < 0.3:
        fill = -1 if rng.random() < 0.4 else max(1, lines // 100)
        cv2.circle(
            card,
            (width // 2, height // 2),
            int(lines * rng.uniform(0.3, 0.49)),
            scenes.colour(rng, 100),
            fill,
            cv2.LINE_AA,
        )
    for _ in range(int(rng.integers(0, 4)) if rng.random() < 0.4 else 0):
        x, side = int(rng.integers(width)), max(2, round(lines * rng.uniform(0.02, 0.15)))
        y = int(rng.integers(height))
        what = rng.random()
        if what < 0.35:
            card[y : y + side, x : x + 3 * side] = scenes.colour(rng)
        elif what < 0.6:  # a strip of all colours
            hues = np.linspace(0, 179, width).astype(np.uint8)
            strip = np.dstack([hues[None], np.full((1, width), 255, np.uint8), np.full((1, width), 255, np.uint8)])
            card[y : y + side] = cv2.cvtColor(strip, cv2.COLOR_HSV2BGR)
        else:
            text = f"{rng.integers(0, 60):02d}:{rng.integers(0, 60):02d}:{rng.integers(0, 60):02d}"
            cv2.putText(
                card, text, (x // 2, max(side, y)), 0, side / 20, scenes.colour(rng), max(1, side // 10), cv2.LINE_AA
            )
    return card


def _snow(shape_hw: tuple[int, int], rng: Rng) -> Image:
    height, width = shape_hw
    coarsest = max(5.0, 0.016 * min(shape_hw))
    coarse_y, coarse_x = (float(np.exp(rng.uniform(0, math.log(coarsest)))) for _ in range(2))
    if rng.random() < 0.5:
        coarse_y = coarse_x
    size = (math.ceil(height / coarse_y), math.ceil(width / coarse_x))
    grain = _normal(size, rng)
    if rng.random() < 0.3:
        grain = np.sign(grain) * 0.9
    mean, strength = rng.uniform(60, 180), rng.uniform(38, 90)
    snow = cv2.resize(
        grain, (width, height), interpolation=cv2.INTER_NEAREST if rng.random() < 0.5 else cv2.INTER_LINEAR
    )
    grey = np.clip(mean + snow * strength, 0, 255)
    if rng.random() < 0.3:
        grey *= 1 + 0.3 * np.sin(np.linspace(0, rng.uniform(2, 40), height))[:, None]
    image = np.repeat(np.clip(grey, 0, 255)[..., None], 3, 2)
    if rng.random() < 0.2:
        image = np.clip(
            image + np.dstack([_normal((height, width), rng) for _ in range(3)]) * rng.uniform(10, 45), 0, 255
        )
    return image.astype(np.uint8)


MESSAGES = (
    "NO SIGNAL",
    "No signal",
    "NO VIDEO",
    "Camera offline",
    "VIDEO LOSS",
    "No input",
    "Connecting...",
    "SIGNAL LOST",
    "Check cable",
    "STANDBY",
    "Disconnected",
    "HDMI 1",
    "Channel 4",
)


def _message(shape_hw: tuple[int, int], rng: Rng) -> Image:
    height, width = shape_hw
    lines = min(height, width)
    base = ((255, 0, 0), (180, 20, 0), (0, 0, 0), (30, 30, 30), colour_of_nothing(rng))[int(rng.integers(5))]
    screen = np.full((height, width, 3), base, np.uint8)
    ink = (255, 255, 255) if sum(base) < 400 else (0, 0, 0)
    if rng.random() < 0.3:
        ink = scenes.colour(rng, 150)
    text = str(rng.choice(MESSAGES))
    font = int(rng.choice(scenes.FONTS))
    (w, h), _ = cv2.getTextSize(text, font, 1, 2)
    scale = width / w * rng.uniform(0.15, 0.9)
    thick = max(1, round(scale * rng.uniform(0.8, 2.5)))
    x, y = int(rng.uniform(0, max(1, width - w * scale))), int(rng.uniform(h * scale, max(h * scale + 1, height - 4)))
    if rng.random() < 0.6:
        x, y = int((width - w * scale) / 2), int((height + h * scale) / 2)
    if rng.random() < 0.2:
        cv2.rectangle(
            screen,
            (x - 9, int(y - h * scale - 9)),
            (int(x + w * scale + 9), y + 9),
            scenes.colour(rng),
            -1 if rng.random() < 0.5 else max(1, lines // 120),
        )
    cv2.putText(screen, text, (x, y), font, scale, ink, thick, cv2.LINE_AA)
    if rng.random() < 0.2:
        cv2.circle(screen, (width // 2, int(height * 0.25)), int(lines * 0.1), ink, max(1, lines // 100), cv2.LINE_AA)
    return screen


# --- one frame with its target


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
        image = covered(clean, rng)
        return _finish(image, rng), target
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
    elif label == "ok" and rng.random() < 0.15:
        image = darken(image, rng.uniform(135, 220), rng)
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
        return poor, hot(label, share)
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
