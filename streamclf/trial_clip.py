"""A clip to measure with where the user names none: the generated scene, as a camera's encoder would give it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.codec.codec import UnknownCodecError
from av.container import OutputContainer
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from streamclf.errors import SinkError
from streamclf.proof import usable_cpus
from streamclf.sources.synthetic import RATE_FPS, SyntheticSource, script

SIZE_WH = (1280, 720)
DRAWN_FRAMES = 100
"""So many are drawn and encoded; a longer clip repeats their packets, which costs the decoder the same as new ones."""
_ENCODER = {"preset": "veryfast", "crf": "23"}


def write_trial_clip(path: Path, frames: int) -> None:
    """Write the undamaged scene as H.264 of 1280x720 in MP4, ``frames`` long or a little longer.

    Raises:
        SinkError: this PyAV has no H.264 encoder, or the file cannot be written.
    """
    drawn = min(frames, DRAWN_FRAMES)
    tick = Fraction(1, RATE_FPS)
    try:
        with av.open(str(path), "w") as container:
            stream = _stream(container, tick)
            packets = [(bytes(p), p.pts or 0, p.dts or 0, p.is_keyframe) for p in _encoded(stream, drawn, tick)]
            for start in range(0, frames, drawn):
                for data, pts, dts, is_key in packets:
                    packet = av.Packet(data)
                    packet.stream, packet.time_base = stream, tick
                    packet.pts, packet.dts, packet.is_keyframe = start + pts, start + dts, is_key
                    container.mux(packet)
    except UnknownCodecError as problem:
        raise SinkError("libx264: this PyAV cannot write a clip to measure with; name one of your own") from problem
    except (av.FFmpegError, OSError) as problem:
        raise SinkError(f"{path}: the clip to measure with cannot be written ({problem.strerror})") from problem


def _stream(container: OutputContainer, tick: Fraction) -> VideoStream:
    stream = container.add_stream("libx264", rate=RATE_FPS, options=_ENCODER)
    stream.width, stream.height = SIZE_WH
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = tick
    stream.codec_context.thread_count = usable_cpus()
    return stream


def _encoded(stream: VideoStream, frames: int, tick: Fraction) -> list[av.Packet[VideoStream]]:
    """The packets of the scene's first frames; the first one is a key frame, and none refers to what comes after the last."""
    reformatter, packets = VideoReformatter(), []
    for frame in SyntheticSource("trial", script(("ok",), frames)):
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame.picture.bgr()), format="bgr24")
        scaled = reformatter.reformat(picture, *SIZE_WH, format="yuv420p")
        scaled.pts, scaled.time_base = frame.index, tick
        packets += stream.encode(scaled)
    return packets + stream.encode(None)
