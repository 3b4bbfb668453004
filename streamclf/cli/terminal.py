"""What every command shares: messages on standard error, exit codes, a standard output that may be closed."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from streamclf.errors import StreamclfError

DEBUG = "STREAMCLF_DEBUG"
"""Set it to see the traceback behind an error."""


class _Handler(logging.Handler):
    """Log records as lines on standard error, looked up anew each time (a progress bar may stand in for it)."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line."""
        level = "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
        say(f"{level}{record.getMessage()}")


def say(message: str) -> None:
    """One line on standard error. Never fails: nobody may be listening, and a run must not end for that."""
    line = "".join(char if char.isprintable() else "?" for char in message)
    with suppress(OSError, ValueError):
        print(f"streamclf: {line}", file=sys.stderr, flush=True)


def show_logs() -> None:
    """Let streamclf's own log records reach standard error."""
    logger = logging.getLogger("streamclf")
    if not any(isinstance(handler, _Handler) for handler in logger.handlers):
        logger.addHandler(_Handler())
    logger.setLevel(logging.DEBUG if os.environ.get(DEBUG) else logging.INFO)
    logger.propagate = False


def explain(failure: BaseException) -> int:
    """Say what went wrong in one sentence; returns the exit code."""
    if os.environ.get(DEBUG):
        import traceback

        traceback.print_exception(failure)
    if isinstance(failure, StreamclfError):
        say(f"error: {failure}")
        return failure.exit_code
    if isinstance(failure, OSError) and failure.strerror:
        say(f"error: {failure.filename or ''}{': ' if failure.filename else ''}{failure.strerror}")
        return 1
    if isinstance(failure, ImportError):
        say(f"error: a library cannot be loaded: {failure} (see 'streamclf doctor')")
        return 1
    say(f"error: unexpected {type(failure).__name__}: {failure} (set {DEBUG}=1 for the details)")
    return 1


def leave(code: int) -> NoReturn:
    """Exit, also when standard output was closed by its reader: then silently."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_stdout()
    sys.exit(code)


def tidy_streams() -> None:
    """Let only Python write to standard output; what C libraries print there goes to standard error.

    OpenCV prints OpenCL's build logs to standard output, in the middle of rows or a report that a program reads.
    """
    for number in range(3):
        # closed before the start: else the next file opened takes its number, and gets what is printed
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
    sys.stdout.flush()
    own = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.stdout = open(own, "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors, buffering=1)  # noqa: SIM115


def guarded(command: Callable[[], object]) -> NoReturn:
    """Run ``command``; turn what it raises into one sentence and an exit code."""
    tidy_streams()
    show_logs()
    try:
        command()
    except BrokenPipeError:
        _drop_stdout()
        leave(0)
    except SystemExit as end:
        if end.__context__ is not None and isinstance(
            end.__context__.__cause__, KeyboardInterrupt
        ):  # typer has caught it
            say("stopped")
        leave(end.code if isinstance(end.code, int) else int(end.code is not None))
    except KeyboardInterrupt:
        say("stopped")
        leave(130)
    except Exception as failure:
        leave(explain(failure))
    leave(0)


def _drop_stdout() -> None:
    # Python flushes standard output once more at exit, and would complain there about the reader that is gone.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
