"""Lines for a person: what is seen now, whenever that changes."""

from __future__ import annotations

import sys
from typing import TextIO

from streamclf.errors import SinkError
from streamclf.prediction import ClassScore
from streamclf.sink import Result
from streamclf.stats import RunStats


class ConsoleSink:
    """One line (time, stream, label, probability) a change of the steady label; one a picture (path, label, probability).

    The time is the stream's own for recorded sources and the wall clock for live ones. Who reads the lines may leave, which
    ends the run in silence.
    """

    needs_picture = False

    def __init__(self, stream: TextIO | None = None):
        self._given = stream
        """None: standard output, looked up anew each time, as a progress bar on the same terminal stands in for it."""
        self._last: dict[str, str] = {}
        self.wants_stop = False

    def write(self, result: Result) -> None:
        """A line, if there is something new to say."""
        prediction, frame = result.prediction, result.prediction.frame
        best = prediction.steady or prediction.top
        if frame.pts_s is None:
            self._print(frame.origin or f"{frame.stream} {frame.index}", best)
        elif self._last.get(frame.stream) != best.label:
            self._last[frame.stream] = best.label
            self._print(f"{result.captured_at or timecode(frame.pts_s)}  {frame.stream}", best)

    def tick(self, stats: RunStats) -> None:
        """Nothing waits: each line is written at once."""

    def close(self) -> None:
        """The stream stays open: it is not ours."""

    def _print(self, what: str, score: ClassScore) -> None:
        if self.wants_stop:
            return
        line = f"{what}  {score.label}  {score.probability:.3f}"
        # A file's name may hold anything, also what would steer the terminal.
        line = "".join(char if char.isprintable() else "?" for char in line)
        out = self._given or sys.stdout
        encoding = getattr(out, "encoding", None) or "utf-8"
        try:
            out.write(line.encode(encoding, "replace").decode(encoding) + "\n")
            out.flush()
        except BrokenPipeError:
            self.wants_stop = True
        except OSError as problem:
            raise SinkError(f"standard output: cannot be written on: {problem.strerror}") from problem


def timecode(seconds: float) -> str:
    """``H:MM:SS.mmm``."""
    milliseconds = round(abs(seconds) * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    sign = "-" if seconds < 0 and milliseconds else ""
    return f"{sign}{minutes // 60}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"
