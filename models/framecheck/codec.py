"""Compression: through a real encoder and back, and the mild sort that every picture goes through."""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
import numpy as np
from pixels import Rng

from streamclf.frame import Image


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


PRESETS = ("ultrafast", "ultrafast", "superfast", "veryfast", "veryfast", "faster", "fast")


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
    options = {"preset": str(rng.choice(PRESETS)), "crf": str(int(rng.integers(18, 33))), "bf": "2"}
    return video(image, rng, int(rng.integers(3, 9)) if is_small else 2, "libx264", options)
