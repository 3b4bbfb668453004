"""What the video file and the network stream share: demuxing, decoding, timestamps, and what to do about damage."""

from __future__ import annotations

import logging
import math
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from fractions import Fraction

import av
from av.codec.context import ThreadType
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from streamclf.errors import NothingDecodableError, SourceError
from streamclf.frame import Frame
from streamclf.proof import usable_cpus
from streamclf.source import SourceInfo
from streamclf.sources._picture import AvPicture, Turn
from streamclf.sources._timeline import Timeline

log = logging.getLogger("streamclf")

Clock = Callable[[], float]

_CODEC_NAMES = {"h264": "H.264", "hevc": "H.265", "mjpeg": "Motion JPEG", "rawvideo": "raw video"}
_MAX_RATE = 1000  # some containers give the ticks of their clock as the rate


class AvSource(ABC):
    """A source that PyAV reads. A kind says how to connect, and what a break in the middle means."""

    _patience_s = math.inf
    """How long data may come before the first picture does."""

    def __init__(self, label: str, name: str, clock: Clock, decoder_threads: int | None):
        self.name = name
        self._label = label
        """How messages call it; never a secret."""
        self._clock, self._decoder_threads = clock, decoder_threads
        self._container: InputContainer | None = None
        self._pictures: Generator[tuple[AvPicture, int], None, None] | None = None
        self._first: tuple[AvPicture, int] | None = None
        self._info: SourceInfo | None = None
        self._time_base = Fraction(1)
        self._index = self._corrupt = 0

    @property
    @abstractmethod
    def is_live(self) -> bool:
        """Whether it has no end; settled once connected."""

    @property
    def corrupt(self) -> int:
        """Packets the decoder refused, frames it flagged damaged (delivered all the same), breaks while reading."""
        return self._corrupt

    @property
    def info(self) -> SourceInfo:
        """Valid after ``open``."""
        if self._info is None:
            raise ValueError(f"{self._label}: not open")
        return self._info

    def open(self) -> None:
        """Connect and decode the first picture, so that a source without one fails here."""
        if self._pictures is not None:
            return
        try:
            container = self._container = self._connect()
            stream = video_stream(container, self._label)
            self._set_threads(stream)
            self._time_base = stream.time_base or Fraction(1, 1_000_000)
            self._pictures, self._index = self._decode(container, stream), 0
            self._first = next(self._pictures, None)
            if self._first is None:
                codec = _codec_name(stream)
                raise NothingDecodableError(
                    f"{self._label}: not one picture of its {codec} could be decoded; it is damaged"
                )
            self._info = self._describe(container, stream, self._first[0].size_wh)
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[Frame]:
        """Frames in presentation order. Timestamps are the container's where they grow, and continued where they do not."""
        self.open()
        while (item := self._next()) is not None:
            self._index += 1
            yield Frame(item[0], self.name, self._index - 1, item[1], self._time_base, self._clock())

    def close(self) -> None:
        """Let the file or connection go. While another thread is reading, that thread has to close."""
        pictures, container = self._pictures, self._container
        if pictures is not None:
            try:
                pictures.close()
            except ValueError:
                return  # it is running: closing a container under its reader crashes
        self._pictures = self._container = self._first = None
        if container is not None:
            container.close()

    @abstractmethod
    def _connect(self) -> InputContainer:
        """An open container; raises :class:`SourceError`."""

    @abstractmethod
    def _broke(self, reason: str) -> None:
        """Reading failed before the end of the container: raise, or count and return."""

    def _next(self) -> tuple[AvPicture, int] | None:
        item, self._first = self._first, None
        return item or (None if self._pictures is None else next(self._pictures, None))

    def _decode(self, container: InputContainer, stream: VideoStream) -> Generator[tuple[AvPicture, int], None, None]:
        timeline = Timeline(self._time_base, _rate(stream))
        rotation: int | None = None
        turn = Turn()
        packets = container.demux(stream)
        give_up_s = time.monotonic() + self._patience_s
        while True:
            reason = ""
            try:
                packet = next(packets, None)
                frames = [] if packet is None else _decoded(packet)
            except IndexError:  # PyAV flushing a damaged container that grew another stream on the way
                packet = None
            except av.FFmpegError as error:
                packet, reason = None, error.strerror or type(error).__name__
            if rotation is None and time.monotonic() > give_up_s:
                packet, reason = None, f"no picture within {self._patience_s:g} s"
            # outside of the handler: PyAV's own error names the whole address, with its password
            if packet is None:
                if reason:
                    self._broke(reason)
                else:
                    self._check_length(timeline)
                return
            if frames is None:
                if rotation is not None or not self.is_live:  # a live stream is joined between two key frames
                    self._damage()
                continue
            for frame in frames:
                if frame.is_corrupt:
                    self._damage()
                if frame.rotation != rotation:  # side data is costly to look at
                    rotation, turn = frame.rotation, Turn.of(frame)
                yield AvPicture(frame, turn), timeline.place(frame.pts)

    def _check_length(self, timeline: Timeline) -> None:
        """Some containers end without a word where the file was cut."""
        claimed_s = self._info.duration_s if self._info else None
        read_s = float(timeline.length * self._time_base)
        if claimed_s and claimed_s - read_s > max(1.0, 0.1 * claimed_s):
            log.warning("%s: ends after %.1f of %.1f seconds; was it cut off?", self._label, read_s, claimed_s)

    def _damage(self) -> None:
        if not self._corrupt:
            log.warning("%s: a damaged part was met; going on, further ones are only counted", self._label)
        self._corrupt += 1

    def _set_threads(self, stream: VideoStream) -> None:
        """One thread unless the picture is large and cores are many, so that decoding does not fight the network.

        Two frame threads cost 12 % more CPU at 1080p and 44 % more at 640x360. A live stream gets slice threads only: each
        frame thread delays it by a frame.
        """
        context = stream.codec_context
        if self._decoder_threads is not None:
            threads = self._decoder_threads
        else:
            cores = usable_cpus()
            large = context.width * context.height >= 1920 * 1080
            threads = min(4, cores // 2) if large and cores >= 4 else 1
        context.thread_count = threads
        context.thread_type = ThreadType.SLICE if self.is_live else ThreadType.FRAME

    def _describe(self, container: InputContainer, stream: VideoStream, size_wh: tuple[int, int]) -> SourceInfo:
        is_live, rate = self.is_live, _rate(stream)
        duration_s: float | None = None
        if stream.duration and stream.time_base:
            duration_s = float(stream.duration * stream.time_base)
        elif container.duration:
            duration_s = container.duration / av.time_base
        count = stream.frames or (round(duration_s * rate) if duration_s and rate else None)
        at_rate = f" at {float(rate):.4g} fps" if rate else ""
        return SourceInfo(
            size_wh,
            rate,
            None if is_live else count,
            is_live,
            f"{_codec_name(stream)} {size_wh[0]}x{size_wh[1]}{at_rate}",
            duration_s=None if is_live else duration_s,
        )


def video_stream(container: InputContainer, label: str) -> VideoStream:
    """The container's best moving picture; cover art does not count. Raises :class:`NothingDecodableError`."""
    moving = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not moving:
        kinds = Counter(stream.type for stream in container.streams if stream not in container.streams.video)
        found = " and ".join(f"{n} {kind} stream{'s' if n > 1 else ''}" for kind, n in kinds.items())
        raise NothingDecodableError(f"{label}: no video stream; found {found or 'nothing'}")
    decodable = [stream for stream in moving if stream.codec_context is not None]
    if not decodable:
        raise NothingDecodableError(f"{label}: no decoder for its video; re-encode it, for example to H.264")
    best = container.streams.best("video")
    return next((stream for stream in decodable if stream is best), decodable[0])


def refuse_text(container: InputContainer, label: str) -> None:
    """FFmpeg draws a text file as a film of letters. Raises :class:`SourceError`."""
    if container.format.name == "tty":
        container.close()
        raise SourceError(f"{label}: this is text, not a video")


def _decoded(packet: av.Packet[VideoStream]) -> list[av.VideoFrame] | None:
    """The frames a packet completes; None if the decoder refuses it."""
    try:
        return packet.decode()
    except av.FFmpegError:
        return None


def _rate(stream: VideoStream) -> Fraction | None:
    rate = stream.average_rate or stream.guessed_rate
    return rate if rate and 0 < rate <= _MAX_RATE else None


def _codec_name(stream: VideoStream) -> str:
    name = stream.codec_context.codec.canonical_name
    return _CODEC_NAMES.get(name, name.upper())
