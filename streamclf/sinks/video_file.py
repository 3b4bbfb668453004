"""The annotated video: H.264 in MP4, with the source's own timestamps."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.codec import Codec
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream

from streamclf.errors import SinkError, UsageError
from streamclf.frame import Frame, Image
from streamclf.proof import usable_cpus
from streamclf.sink import Result
from streamclf.sinks._output import open_output
from streamclf.stats import RunStats
from streamclf.vision.draw import fit_into

SUFFIXES = (".mp4", ".m4v", ".mov")
"""What the file's name may end with."""
KEYFRAME_S = 1.0
"""Seeking is exact to this; a kill loses as much, and the few frames the encoder holds."""

_BT709 = 1
_MIN_SIDE, _MAX_SIDE = 16, 16_384
_MAX_STEP = 2**31 - 2
"""Ticks that an MP4 file can hold one picture for."""
_ENCODER = {
    "preset": "superfast",
    "crf": "23",
    "bf": "0",  # no B-frames: decoding order is display order, and timestamps stay what they are
    "forced-idr": "1",
    # superfast leaves mbtree out; with 3 frames to look ahead it halves the file (1.2 instead of 1.35 ms a frame at 640x360,
    # 23 instead of 52 kB/s, the same PSNR), and veryfast costs 45 % more for nothing.
    "x264-params": "mbtree=1:rc-lookahead=3",
}
# A fragment a keyframe while it grows, so that a killed run leaves a readable file. A recorded stream's becomes an ordinary MP4
# with one index when closed; a live one's stays in fragments, as that index is kept in memory (125 bytes a picture, 320 MB a day).
_FRAGMENTS = "frag_keyframe+default_base_moof"
_MOVFLAGS = {False: f"hybrid_fragmented+{_FRAGMENTS}", True: f"empty_moov+{_FRAGMENTS}"}


def check_name(path: Path) -> None:
    """Raise :class:`UsageError` unless ``path`` is the name of a video as it is written here, or a device."""
    if path.suffix.lower() not in SUFFIXES and not path.is_char_device():
        *others, last = SUFFIXES
        raise UsageError(f"{path}: the annotated video is an MP4; end its name with {', '.join(others)} or {last}")


class Timeline:
    """The source's timestamps as the file's: exact and relative to the first, but never standing still or going back."""

    def __init__(self, time_base: Fraction, rate: Fraction):
        # A multiple of the source's own ticks, fine enough that one tick more or less is no visible delay.
        scale = -(-10_000 // time_base.denominator)
        self.tick = Fraction(1, min(time_base.denominator * scale, 1_000_000))
        self.step = max(1, round(1 / rate / self.tick))
        """Ticks from the last picture to this one, or as good a guess."""
        self._shift = Fraction(0)
        self._last: int | None = None

    def place(self, frame: Frame) -> int:
        """When ``frame`` is shown, in ticks."""
        if self._last is None:
            self._shift = -self._time(frame)
            self._last = 0
            return 0
        ticks = (
            round((self._time(frame) + self._shift) / self.tick) if frame.pts is not None else self._last + self.step
        )
        behind = self._last - ticks
        if behind >= 0 and (frame.after_gap or behind * self.tick > 1):
            ticks = self._restart(frame, self._last + self.step)  # the source counts from anew
        elif behind >= 0:
            ticks = self._last + 1
        elif -behind > _MAX_STEP:
            ticks = self._restart(frame, self._last + _MAX_STEP)
        else:
            self.step = -behind
        self._last = ticks
        return ticks

    def _restart(self, frame: Frame, ticks: int) -> int:
        self._shift = ticks * self.tick - self._time(frame)
        return ticks

    def _time(self, frame: Frame) -> Fraction:
        return Fraction(0) if frame.pts is None else frame.pts * frame.time_base


class AnnotatedVideoSink:
    """Annotated pictures of one stream as an H.264 MP4 that browsers play.

    Pictures keep their own times, so a variable frame rate stays variable. Odd sides get a line more; a picture of
    another size than the first is fitted into it. ``rate_hint`` (frames per second) stands in where there is no time.
    The file is readable up to the last two seconds or so whenever the process is killed, and complete after ``close``.
    """

    needs_picture = True
    wants_stop = False

    def __init__(self, path: Path, overwrite: bool = False, rate_hint: Fraction | None = None):
        check_name(path)
        try:
            Codec("libx264", "w")
        except av.FFmpegError as problem:
            raise SinkError(
                "libx264: this PyAV cannot write H.264; install the one that pip has (pip install av)"
            ) from problem
        self._path, self._rate = path, rate_hint or Fraction(30)
        self._file = open_output(path, overwrite)
        self._container: av.container.OutputContainer | None = None
        self._stream: VideoStream
        self._timeline: Timeline
        self._size_wh = (0, 0)
        self._next_key = self._whole = self._header = 0
        self._closed = self._encoding = self._complete = False
        self._reformatter = VideoReformatter()

    def write(self, result: Result) -> None:
        """One picture. Raises :class:`SinkError` where it cannot be encoded or the disk is full."""
        frame = result.prediction.frame
        try:
            if self._container is None:
                self._open(result)
            self._encode(result.annotated, self._timeline.place(frame))
        except av.FFmpegError as problem:
            raise self._error(problem) from problem

    def tick(self, stats: RunStats) -> None:
        """Nothing waits: each fragment is written as it is complete."""

    def close(self) -> None:
        """Complete the file; without a single picture there is none. Idempotent."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._container is not None and self._encoding and not self._file.failed:
                self._finish(self._container)
        except av.FFmpegError as problem:
            raise self._error(problem) from problem
        finally:
            self._let_go()

    def _open(self, result: Result) -> None:
        self._file.begin()
        self._timeline = Timeline(result.prediction.frame.time_base, self._rate)
        tick = self._timeline.tick
        options = {
            "movflags": _MOVFLAGS[result.is_live],
            "video_track_timescale": str(tick.denominator),
            "flush_packets": "1",
        }
        self._container = av.open(self._file, "w", format="mp4", options=options)
        self._stream = self._container.add_stream("libx264", rate=self._rate, options=_ENCODER)
        self._size_wh = _size_wh(result.annotated)
        self._stream.width, self._stream.height = self._size_wh
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = tick
        codec = self._stream.codec_context
        codec.time_base, codec.gop_size = tick, 600
        codec.thread_count = max(1, min(4, usable_cpus() // 2))
        codec.colorspace = codec.color_primaries = codec.color_trc = _BT709
        codec.color_range = ColorRange.MPEG

    def _encode(self, image: Image, ticks: int) -> None:
        source = av.VideoFrame.from_numpy_buffer(self._fitted(image), format="bgr24")
        picture = self._reformatter.reformat(
            source, format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
        )
        picture.pts, picture.time_base = ticks, self._timeline.tick
        key = ticks >= self._next_key
        picture.pict_type = PictureType.I if key else PictureType.NONE
        if key:
            self._next_key = ticks + round(KEYFRAME_S / self._timeline.tick)
        self._mux(self._stream.encode(picture))
        self._encoding = True

    def _fitted(self, image: Image) -> Image:
        width, height = self._size_wh
        if (image.shape[1], image.shape[0]) == self._size_wh:
            return np.ascontiguousarray(image)
        more_w, more_h = width - image.shape[1], height - image.shape[0]
        if more_w in (0, 1) and more_h in (0, 1):
            padded = cv2.copyMakeBorder(image, 0, more_h, 0, more_w, cv2.BORDER_REPLICATE)
            return np.asarray(padded, np.uint8)
        canvas = np.zeros((height, width, 3), np.uint8)
        fit_into(canvas, image)
        return canvas

    def _mux(self, packets: list[Any]) -> None:
        assert self._container is not None
        for packet in packets:
            self._container.mux(packet)
            self._whole = self._file.tell()
            self._header = self._header or self._whole

    def _finish(self, container: av.container.OutputContainer) -> None:
        self._mux(self._stream.encode(None))
        container.close()
        self._container = None
        self._complete = True
        self._file.sync()

    def _let_go(self) -> None:
        if self._container is not None:  # it failed: free the encoder, the file refuses what it still writes
            with suppress(SinkError, av.FFmpegError):
                self._container.close()
            self._container = None
        if self._file.failed:
            self._file.cut(self._whole)  # half a fragment at the end would read as a damaged file
        playable = self._complete or self._whole > self._header
        self._file.close()
        if not playable and self._file.begun:
            self._file.remove()

    def _error(self, problem: av.FFmpegError) -> SinkError:
        width, height = self._size_wh
        return SinkError(f"{self._path}: H.264 of {width}x{height} cannot be written: {problem.strerror}")


def _size_wh(image: Image) -> tuple[int, int]:
    """The nearest size H.264 can hold: even, and neither tiny nor beyond what the encoder takes."""
    scale = min(1.0, _MAX_SIDE / max(image.shape[:2]))
    width, height = (max(_MIN_SIDE, round(side * scale)) for side in (image.shape[1], image.shape[0]))
    return width + width % 2, height + height % 2
