"""One source, read to its end in a thread of its own: opened, paced, thinned out, fitted and put into the Inbox."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from streamclf.channel import Inbox
from streamclf.errors import ChannelClosed
from streamclf.frame import FitPlan, Frame, Image
from streamclf.source import FrameSource
from streamclf.stats import Clock, Ending, StatsBoard
from streamclf.thinning import Thinning

if TYPE_CHECKING:
    from streamclf.pipeline import PipelineOptions

log = logging.getLogger("streamclf")

_USUAL_INTERVAL_S = 0.04
"""Of a source that declares no rate."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A frame on its way to the network: what waits in the Inbox.

    Recorded frames are fitted before they wait (small things wait, and the work runs beside the network); live ones when they
    are taken (a dropped frame then costs only its decoding).
    """

    frame: Frame
    fitted: Image | None
    batch_key: tuple[int, int]
    """The size of the network's input."""
    nbytes: int
    """What it held when it was put; a picture may grow while it is used, the accounts may not."""
    gaps: int
    """Gaps in the stream so far: the frame right after one may be dropped, what comes later still has to know."""
    queued_s: float

    @property
    def stream(self) -> str:
        """Whose lane."""
        return self.frame.stream


class Pace:
    """When the frames of a recorded source are due, if it is played like a camera, and when to read them.

    A camera's next frame comes when it is due. A file's could be decoded as soon as the last one went to the network, but that is
    when the network needs the processors: answers came 1 to 3 ms later, and the thread that takes the frame had to wait for one
    that decodes. So the next frame is read just in time: a key frame, which takes longer than most, may be late by that (decoders
    with several frame threads work ahead all the same).

    ``interval_s``: between two frames, as declared; what is met counts.
    """

    _READS = 1.5
    """For so many times the mean of the last reads before the frame is due ..."""
    _SPARE_S = 0.004
    """... and for so long."""
    _NEWEST = 0.1
    """The newest read's share of that mean."""
    _GROW = 1.05
    """An interval may be so many times as long as the last one: after a hole the next frame is due soon, and a tiny one is an accident."""

    def __init__(self, clock: Clock, interval_s: float):
        self._clock, self._interval_s = clock, interval_s
        self._start_s: float | None = None
        self._due_s = -math.inf
        self._read_s = 0.0

    def rest_s(self) -> float:
        """Seconds until the next frame should be read, 0 or less where that is now."""
        return self._due_s + self._interval_s - self._READS * self._read_s - self._SPARE_S - self._clock()

    def took(self, read_s: float) -> None:
        """Reading a frame took so long."""
        self._read_s += self._NEWEST * (read_s - self._read_s) if self._read_s else read_s

    def due_in_s(self, frame: Frame) -> float:
        """Seconds until ``frame`` is due, negative when it is late. Each frame once. The first frame, and one after a gap, is due now."""
        pts_s = frame.pts_s or 0.0
        if self._start_s is None or frame.after_gap:
            self._start_s = self._clock() - pts_s
        elif self._start_s + pts_s > self._due_s:
            self._interval_s = min(self._start_s + pts_s - self._due_s, self._GROW * self._interval_s)
        self._due_s = self._start_s + pts_s
        return self._due_s - self._clock()


class Capture:
    """What a capture thread does. ``run`` returns how the stream ended, or raises what its source raised."""

    def __init__(
        self, source: FrameSource, inbox: Inbox[Prepared], board: StatsBoard, options: PipelineOptions, clock: Clock
    ):
        self._source, self._inbox, self._board, self._options, self._clock = source, inbox, board, options, clock
        self._gaps = 0
        board.add_stream(source.name, source.is_live)
        inbox.add_lane(source.name, "never", 1, source.is_live)

    @property
    def is_live(self) -> bool:
        """Whether the source is treated as live: it is, or it plays at its own pace. Pictures have no pace."""
        return self._source.is_live or self._is_paced

    def open(self) -> None:
        """Open the source; now it is known whether it ends by itself, and its lane is laid out accordingly. Idempotent."""
        self._source.open()
        options, live = self._options, self.is_live
        frames = options.live_queue_frames if live else options.recorded_queue_frames
        self._inbox.set_lane(self._source.name, options.drop or ("oldest" if live else "never"), frames, live)
        self._board.opened(self._source.name, live, self._source.info.frame_count)

    def run(self, plan: FitPlan, pictures: bool) -> Ending:
        """Read the source to its end and close it. The lane ends as soon as nothing more will be put.

        ``pictures``: keep those of recorded frames, now that they are fitted.
        """
        with closing(self._source):
            try:
                self.open()
                return self._read(plan, pictures)
            except ChannelClosed:
                return self._inbox.cancelled or "stopped"
            finally:
                self._inbox.close_lane(self._source.name)

    @property
    def _is_paced(self) -> bool:
        return self._options.realtime and not self._source.is_live and not self._source.info.is_pictures

    def _read(self, plan: FitPlan, pictures: bool) -> Ending:
        pace = self._pace() if self._is_paced else None
        thinning = self._thinning()
        kept = 0
        for frame in self._source if pace is None else self._paced(pace):
            self._board.captured(frame.stream)
            self._gaps += frame.after_gap
            if not thinning.wants(frame) and not self._inbox.cancelled:
                self._board.dropped(frame.stream, "frame_step")
                continue
            self._inbox.put(self._prepare(frame, plan, pictures))
            kept += 1
            if kept == self._options.max_frames:
                return "limit"
        return "eof"

    def _pace(self) -> Pace:
        rate = self._source.info.declared_rate
        return Pace(self._clock, float(1 / rate) if rate else _USUAL_INTERVAL_S)

    def _paced(self, pace: Pace) -> Iterator[Frame]:
        """The frames when they are due, also those that will not be wanted: decoding ahead would come in bursts."""
        frames = iter(self._source)
        while True:
            self._inbox.wait_cancelled(pace.rest_s())
            started_s = self._clock()
            frame = next(frames, None)
            if frame is None:
                return
            pace.took(self._clock() - started_s)
            self._inbox.wait_cancelled(pace.due_in_s(frame))
            yield replace(frame, captured_s=self._clock())

    def _thinning(self) -> Thinning:
        target_fps = self._options.target_fps
        if target_fps is not None and self._source.info.is_pictures:
            log.warning(
                "%s: these pictures have no time, so target-fps takes all of them; for every Nth one give frame-step instead",
                self._source.name,
            )
        return Thinning(self._options.frame_step, target_fps)

    def _prepare(self, frame: Frame, plan: FitPlan, pictures: bool) -> Prepared:
        try:
            key = plan.geometry(frame.picture.size_wh).canvas_wh
            fitted = None if self.is_live or self._inbox.cancelled else frame.picture.fit(plan)
            nbytes = frame.picture.nbytes
        except BaseException:
            self._board.dropped(frame.stream, "failed")
            raise
        if fitted is not None:
            if not pictures:
                frame, nbytes = frame.without_picture(), 0
            nbytes += fitted.nbytes
        return Prepared(frame, fitted, key, nbytes, self._gaps, self._clock())
