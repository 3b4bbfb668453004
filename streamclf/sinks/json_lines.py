"""One JSON object a line, to a file or to standard output."""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from streamclf.errors import SinkError
from streamclf.sink import Result
from streamclf.sinks._rows import RowFile, row
from streamclf.stats import RunStats


class _Lines(Protocol):
    def append(self, line: str) -> None: ...
    def tick(self) -> None: ...
    def close(self) -> None: ...


class JsonLinesSink:
    """Rows as JSON lines (UTF-8). ``path`` "-" is standard output; who reads it may leave, which ends the run in silence."""

    needs_picture = False

    def __init__(self, path: Path | Literal["-"], overwrite: bool = False, clock: Callable[[], float] = time.monotonic):
        self._lines: _Lines = StandardOutput() if path == "-" else RowFile(Path(path), overwrite, clock)

    @property
    def wants_stop(self) -> bool:
        """True once nobody reads standard output any more."""
        return isinstance(self._lines, StandardOutput) and self._lines.is_closed

    def write(self, result: Result) -> None:
        """One line."""
        self._lines.append(json.dumps(row(result), ensure_ascii=False, separators=(",", ":")) + "\n")

    def tick(self, stats: RunStats) -> None:
        """Flush at least every second."""
        self._lines.tick()

    def close(self) -> None:
        """Everything written; idempotent."""
        self._lines.close()


class StandardOutput:
    """Standard output as bytes, line by line, past Python's own buffer: what a closed pipe refused must not be tried again at exit."""

    def __init__(self) -> None:
        self._out: BinaryIO | io.RawIOBase | None = None
        self._own = False
        self.is_closed = sys.stdout is None
        if self.is_closed:
            return
        try:
            sys.stdout.flush()
            self._out = open(sys.stdout.fileno(), "wb", buffering=0, closefd=False)  # noqa: SIM115
            self._own = True
        except BrokenPipeError:
            self.is_closed = True
        except (io.UnsupportedOperation, AttributeError):  # a test's or a notebook's stand-in
            self._out = getattr(sys.stdout, "buffer", None)

    def append(self, line: str) -> None:
        """One line, at once."""
        if self.is_closed or self._out is None:
            return
        view = memoryview(line.encode("utf-8", "backslashreplace"))
        try:
            while view:
                view = view[self._out.write(view) or 0 :]
        except BrokenPipeError:
            self.is_closed = True
        except OSError as problem:
            raise SinkError(f"standard output: cannot be written on: {problem.strerror}") from problem

    def tick(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Standard output itself stays open."""
        if self._own and self._out is not None:
            self._out.close()
        self._out = None
