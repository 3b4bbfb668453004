"""Counts, windowed rates and latency percentiles. Knows nothing of threads' work, only what they report."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Clock: TypeAlias = Callable[[], float]
"""Seconds on a monotonic clock."""

DropCause: TypeAlias = Literal["queue_full", "stale", "frame_step", "stopped", "failed"]
"""``frame_step``: not wanted, by frame-step or target-fps."""
Cancellation: TypeAlias = Literal["stopped", "failed"]
Ending: TypeAlias = Literal["eof", "limit"] | Cancellation
Stage: TypeAlias = Literal["capture", "classify", "sink"]
DROP_CAUSES: tuple[DropCause, ...] = ("queue_full", "stale", "frame_step", "stopped", "failed")
STAGES: tuple[Stage, ...] = ("capture", "classify", "sink")


class Rate:
    """Events per second, over a sliding window (for a display) and over all of them (for a report).

    Events of one moment (a batch) span no time: those of the first moment start the clock and are not counted against it.
    Before they span ``LEAST_S`` the rate is not known, and None: over less it says more of the scheduler than of the run.
    """

    LEAST_S = 0.5
    _MOMENT_S = 0.005
    """What is closer than this is one moment of the window: a burst is no rate, and memory stays bounded."""

    def __init__(self, clock: Clock = time.monotonic, window_s: float = 2.0):
        self._clock, self._window_s = clock, window_s
        self._recent: deque[tuple[float, int]] = deque()
        self._first_s = self._last_s = 0.0
        self._first_count = 0
        self.count = 0

    def add(self, count: int = 1) -> None:
        """So many events, now."""
        now = self._clock()
        if not self.count:
            self._first_s = now
        if now == self._first_s:
            self._first_count += count
        self._last_s = now
        self.count += count
        if self._recent and now - self._recent[-1][0] < self._MOMENT_S:
            moment, before = self._recent.pop()
            self._recent.append((moment, before + count))
        else:
            self._recent.append((now, count))
        self._expire(now)

    def windowed_fps(self) -> float | None:
        """Events of the last window per second; falls to 0 when nothing comes. None while it is not known.

        The last two moments are kept until the next one is overdue, so that a rate below one a window is shown as well.
        """
        now = self._clock()
        self._expire(now)
        if not self.count:
            return None
        if self._last_s - self._first_s < self.LEAST_S:
            return 0.0 if now - self._last_s > self._window_s else None
        (first_s, first_count), (last_s, _) = self._recent[0], self._recent[-1]
        if now - last_s > max(self._window_s, 2 * (last_s - self._recent[-2][0])):
            return 0.0
        total = sum(count for _, count in self._recent)
        # Silence counts as soon as it is longer than usual: then the span reaches to now.
        return min((total - first_count) / (last_s - first_s), total / (now - first_s))

    def overall_fps(self) -> float | None:
        """Events per second between the first moment and the last one; None where that is not known."""
        span = self._last_s - self._first_s
        return (self.count - self._first_count) / span if span >= self.LEAST_S else None

    def _expire(self, now: float) -> None:
        while len(self._recent) > 2 and now - self._recent[0][0] > self._window_s:
            self._recent.popleft()


class Percentiles:
    """Percentiles of milliseconds over a run of any length in constant memory, 1 % apart."""

    _STEP = math.log(1.01)
    _FLOOR_MS = 0.001

    def __init__(self) -> None:
        self._bins: Counter[int] = Counter()
        self.count = 0

    def add(self, value_ms: float) -> None:
        """One measurement."""
        self._bins[round(math.log(max(value_ms, self._FLOOR_MS) / self._FLOOR_MS) / self._STEP)] += 1
        self.count += 1

    def percentile(self, percent: float) -> float | None:
        """The value (ms) below which ``percent`` of the measurements lie; None without any."""
        return self._percentiles([percent])[0]

    def summary(self) -> dict[str, float | None]:
        """``{"p50", "p95", "p99"}`` in ms."""
        values = self._percentiles([50, 95, 99])
        return {f"p{p}": None if v is None else round(v, 3) for p, v in zip((50, 95, 99), values, strict=True)}

    def _percentiles(self, percents: Sequence[float]) -> list[float | None]:
        """One pass over the bins for all of ``percents``, which ascend."""
        found: list[float | None] = []
        seen = 0
        for index in sorted(self._bins):
            seen += self._bins[index]
            while len(found) < len(percents) and seen >= math.ceil(self.count * percents[len(found)] / 100):
                found.append(self._FLOOR_MS * math.exp(index * self._STEP))
        return found + [None] * (len(percents) - len(found))


@dataclass(frozen=True, slots=True)
class StreamStats:
    """One stream's numbers at one moment."""

    captured: int
    classified: int
    dropped: Mapping[DropCause, int]
    corrupt: int
    ended: Ending | None
    error: str | None
    rates_fps: Mapping[Stage, float | None]
    """Over the sliding window; None while it is not known."""
    overall_fps: Mapping[Stage, float | None]
    """First to last frame; None where that is too short for a rate."""
    frame_count: int | None
    is_live: bool

    @property
    def wanted(self) -> int:
        """Frames captured that frame-step or target-fps did not leave out."""
        return self.captured - self.dropped.get("frame_step", 0)

    @property
    def lost(self) -> int:
        """Wanted frames that were dropped, whatever the cause."""
        return sum(self.dropped.values()) - self.dropped.get("frame_step", 0)


@dataclass(frozen=True, slots=True)
class RunStats:
    """The whole run's numbers at one moment, for overlays, progress and the report."""

    streams: Mapping[str, StreamStats]
    rates_fps: Mapping[Stage, float | None]
    overall_fps: Mapping[Stage, float | None]
    latency_ms: Mapping[str, Mapping[str, float | None]]
    """``{"queue" | "infer" | "total": {"p50", "p95", "p99"}}``."""
    elapsed_s: float
    peak_queue_mb: float
    model: str = ""
    engine: str = ""
    """What runs the network, and in which arithmetic; "" before it is loaded."""

    @property
    def captured(self) -> int:
        """Frames captured over all streams."""
        return sum(s.captured for s in self.streams.values())

    @property
    def classified(self) -> int:
        """Frames classified and delivered over all streams."""
        return sum(s.classified for s in self.streams.values())

    @property
    def dropped(self) -> int:
        """Frames dropped over all streams, whatever the cause."""
        return sum(sum(s.dropped.values()) for s in self.streams.values())


@dataclass(slots=True)
class _Stream:
    is_live: bool
    rates: dict[Stage, Rate]
    frame_count: int | None = None
    captured: int = 0
    classified: int = 0
    dropped: Counter[DropCause] = field(default_factory=Counter)
    corrupt: int = 0
    ended: Ending | None = None
    error: str | None = None

    def ending(self) -> Ending | None:
        """How it ended: read to the end is not the end if frames were then thrown away."""
        causes: tuple[Cancellation, ...] = ("failed", "stopped")
        lost = next((cause for cause in causes if self.dropped[cause]), None)
        return lost if lost is not None and self.ended in ("eof", "limit") else self.ended


class StatsBoard:
    """Where every stage reports; thread-safe; ``snapshot`` is what others see."""

    def __init__(self, clock: Clock = time.monotonic):
        self._clock = clock
        self._lock = threading.RLock()  # a signal handler may report while its own thread is in here
        self._streams: dict[str, _Stream] = {}
        self._rates: dict[Stage, Rate] = {stage: Rate(clock) for stage in STAGES}
        self._latency = {name: Percentiles() for name in ("queue", "infer", "total")}
        self._started_s = clock()
        self._finished_s: float | None = None
        self._settled = False
        self._peak_bytes = 0

    def add_stream(self, name: str, is_live: bool) -> None:
        """A stream whose numbers will come."""
        with self._lock:
            self._streams[name] = _Stream(is_live, {stage: Rate(self._clock) for stage in STAGES})

    def captured(self, stream: str) -> None:
        """The source produced a frame."""
        with self._lock:
            if not self._settled:
                self._streams[stream].captured += 1
                self._count("capture", stream)

    def classified(self, stream: str, queue_ms: float, infer_ms: float, total_ms: float) -> None:
        """The frame's prediction was delivered."""
        with self._lock:
            self._streams[stream].classified += 1
            for name, value in (("queue", queue_ms), ("infer", infer_ms), ("total", total_ms)):
                self._latency[name].add(value)

    def forwarded(self, streams: Iterable[str]) -> None:
        """The network is done with a batch, one stream's name a frame; the predictions are on their way."""
        counts = Counter(streams)
        with self._lock:
            self._rates["classify"].add(counts.total())
            for stream, count in counts.items():
                self._streams[stream].rates["classify"].add(count)

    def written(self, stream: str) -> None:
        """Every sink has had the frame."""
        with self._lock:
            self._count("sink", stream)

    def dropped(self, stream: str, cause: DropCause) -> None:
        """The frame will never be classified, and why."""
        with self._lock:
            if not self._settled:
                self._streams[stream].dropped[cause] += 1

    def corrupt(self, stream: str, count: int) -> None:
        """What the source counted as damaged by now."""
        with self._lock:
            self._streams[stream].corrupt = count

    def opened(self, stream: str, is_live: bool, frame_count: int | None) -> None:
        """What is known now that the source is open: whether it ends by itself, and how many frames it claims."""
        with self._lock:
            self._streams[stream].is_live, self._streams[stream].frame_count = is_live, frame_count

    def ended(self, stream: str, ending: Ending, error: str | None = None) -> None:
        """The stream is over."""
        with self._lock:
            if not self._settled:
                self._streams[stream].ended, self._streams[stream].error = ending, error

    def settle(self, cause: Cancellation) -> None:
        """Close the books over what a stuck thread or an interrupted caller still holds: it is dropped, its stream ended.

        What is captured, dropped or ended later is not counted any more.
        """
        with self._lock:
            for stream in self._streams.values():
                stream.dropped[cause] += stream.captured - stream.classified - stream.dropped.total()
                stream.ended = stream.ended or cause
            self._settled = True

    def finish(self) -> None:
        """The run is over: its time stands still."""
        with self._lock:
            self._finished_s = self._clock()

    def queue_bytes(self, nbytes: int) -> None:
        """So much waits now; the peak is kept."""
        with self._lock:
            self._peak_bytes = max(self._peak_bytes, nbytes)

    def _count(self, stage: Stage, stream: str) -> None:
        self._rates[stage].add()
        self._streams[stream].rates[stage].add()

    def snapshot(self, model: str = "", engine: str = "") -> RunStats:
        """The numbers now."""
        with self._lock:
            return RunStats(
                streams={
                    name: StreamStats(
                        s.captured,
                        s.classified,
                        dict(s.dropped),
                        s.corrupt,
                        s.ending(),
                        s.error,
                        {k: r.windowed_fps() for k, r in s.rates.items()},
                        {k: r.overall_fps() for k, r in s.rates.items()},
                        s.frame_count,
                        s.is_live,
                    )
                    for name, s in self._streams.items()
                },
                rates_fps={k: r.windowed_fps() for k, r in self._rates.items()},
                overall_fps={k: r.overall_fps() for k, r in self._rates.items()},
                latency_ms={k: p.summary() for k, p in self._latency.items()},
                elapsed_s=(self._clock() if self._finished_s is None else self._finished_s) - self._started_s,
                peak_queue_mb=self._peak_bytes / 1e6,
                model=model,
                engine=engine,
            )
