"""A run's progress on standard error: a bar on a terminal when the length is known, otherwise a line a minute."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from streamclf.cli.terminal import say
from streamclf.sink import Result
from streamclf.stats import Clock, RunStats, StreamStats

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

LINE_EVERY_S = 60.0


class ProgressSink:
    """Hears the numbers and shows them; never asks for pictures."""

    needs_picture = False
    wants_stop = False

    def __init__(self, max_frames: int | None = None, bar: bool | None = None, clock: Clock = time.monotonic):
        self._max_frames, self._clock = max_frames, clock
        self._bar_wanted = sys.stderr.isatty() if bar is None else bar
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._next_line_s = clock() + LINE_EVERY_S

    def __enter__(self) -> ProgressSink:
        """Nothing is shown before the first numbers."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the bar as it stands."""
        self.close()

    def write(self, result: Result) -> None:
        """Frames are counted from the numbers."""

    def tick(self, stats: RunStats) -> None:
        """Show the numbers."""
        total = self._total(stats)
        if self._bar_wanted and total is not None:
            if self._bar is None:
                self._start_bar(total)
            assert self._bar is not None
            assert self._task is not None
            self._bar.update(self._task, completed=stats.captured, total=max(total, stats.captured), rate=_rate(stats))
        elif self._clock() >= self._next_line_s:
            self._next_line_s = self._clock() + LINE_EVERY_S
            of = f" of {total}" if total is not None else ""
            say(f"{stats.captured}{of} frames, {stats.classified} classified, {stats.dropped} dropped, {_rate(stats)}")

    def close(self) -> None:
        """Stop drawing."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
            self._bar_wanted = False

    def _start_bar(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            # lines printed on the same terminal go above the bar; a redirected standard output is left alone
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=True,
            transient=True,
        )
        self._task = self._bar.add_task("", total=total, rate="")
        self._bar.start()

    def _total(self, stats: RunStats) -> int | None:
        totals = [self._stream_total(stream) for stream in stats.streams.values()]
        return sum(totals) if totals and all(totals) else None

    def _stream_total(self, stream: StreamStats) -> int:
        """Frames until its end; those that are not wanted do not count towards a limit, so as many come between as up to now."""
        count = stream.frame_count or 0
        if self._max_frames is None:
            return count
        spread = stream.captured / stream.wanted if stream.wanted else 1
        return min(count, round(self._max_frames * spread))


def _rate(stats: RunStats) -> str:
    rate_fps = stats.rates_fps["classify"]
    return "- fps" if rate_fps is None else f"{rate_fps:.1f} fps"
