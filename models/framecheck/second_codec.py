"""Compression for the second damage generator: a picture or a short clip through a real encoder and back."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import cv2  # before av: the other way round, their two copies of one library disagree
import numpy as np

import av  # isort: skip

from streamclf.frame import Image


@dataclass(frozen=True, slots=True)
class Decoded:
    """The last picture of a clip, and how many bits the clip took."""

    last: Image
    bits: int


def jpeg(image: Image, quality: int, full_colour: bool = False) -> Image:
    """The picture as a JPEG of that quality, 1..100; colour at half the size unless ``full_colour``."""
    sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444 if full_colour else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
    _, content = cv2.imencode(
        ".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    )
    return np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR), np.uint8)


def panned(image: Image, frames: int, rng: np.random.Generator) -> list[Image]:
    """A short clip that ends with the picture as it is: before that the camera pans, up to 0.6 % of the lines a frame."""
    height, width = image.shape[:2]
    step = rng.uniform(0, 0.006) * min(height, width)
    angle = rng.uniform(0, 2 * np.pi)
    clip = []
    for back in range(frames - 1, -1, -1):
        dx, dy = back * step * np.cos(angle), back * step * np.sin(angle)
        if round(dx) == round(dy) == 0:
            clip.append(image)
            continue
        move = np.float32([[1, 0, round(dx)], [0, 1, round(dy)]])
        clip.append(np.asarray(cv2.warpAffine(image, move, (width, height), borderMode=cv2.BORDER_REFLECT), np.uint8))
    return clip


def x264(
    clip: Sequence[Image],
    preset: str,
    *,
    qp: int | None = None,
    crf: float | None = None,
    bits: float | None = None,
) -> Decoded:
    """H.264 at a constant quantiser, a constant quality, or so many bits for the clip."""
    options = {"preset": preset, "x264-params": "threads=1:bframes=0:keyint=250"}
    if qp is not None:
        options["qp"] = str(qp)
    elif crf is not None:
        options["crf"] = f"{crf:.1f}"
    else:
        kbit_s = max(1, round((bits or 0) / len(clip) * _RATE / 1000))
        options["x264-params"] += (
            f":bitrate={kbit_s}:vbv-maxrate={kbit_s}:vbv-bufsize={max(1, kbit_s // 4)}:rc-lookahead=0:qpmin=44"
        )
    return _coded(clip, "libx264", options)


_RATE = 25


def _coded(clip: Sequence[Image], name: str, options: dict[str, str]) -> Decoded:
    height, width = clip[0].shape[:2]
    even_w, even_h = width + width % 2, height + height % 2
    with av.open(io.BytesIO(), "w", format="nut") as sink:
        stream = sink.add_stream(name, rate=_RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = even_w, even_h, "yuv420p"
        stream.codec_context.thread_count = 1
        packets = []
        for image in clip:
            even = cv2.copyMakeBorder(image, 0, even_h - height, 0, even_w - width, cv2.BORDER_REPLICATE)
            packets += stream.encode(av.VideoFrame.from_ndarray(even, format="bgr24"))
        packets += stream.encode(None)
    decoder = av.CodecContext.create("h264" if name == "libx264" else name, "r")
    decoder.extradata = stream.codec_context.extradata
    decoder.thread_count = 1
    decoded = [frame for packet in [*packets, None] for frame in decoder.decode(packet)]
    last = np.asarray(decoded[-1].to_ndarray(format="bgr24"), np.uint8)[:height, :width]
    return Decoded(np.ascontiguousarray(last), 8 * sum(packet.size for packet in packets))
