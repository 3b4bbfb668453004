"""Where everything lies, how a child process is started, and how several rounds become one number: for every part of it."""

import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
ASSETS = Path(os.environ.get("STREAMCLF_TEST_ASSETS") or REPOSITORY.parent / "shared")
MIRROR = ASSETS / "mirror"
CACHE = Path(os.environ.get("STREAMCLF_BENCH_CACHE") or REPOSITORY / "build" / "bench")
"""Networks and clips, made once; ``make clean`` removes them."""
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join(filter(None, (str(REPOSITORY), os.environ.get("PYTHONPATH")))),
    "STREAMCLF_MODELS": str(REPOSITORY / "tests" / "cards"),
    "STREAMCLF_MIRROR": str(MIRROR),
    "STREAMCLF_CACHE": str(CACHE / "streamclf"),  # what auto found out here is the benchmark's own
    "OPENCV_LOG_LEVEL": "ERROR",
}


@dataclass(frozen=True)
class Effort:
    """How much is measured. ``frames`` is the share of a measurement's usual number of frames."""

    rounds: int = 3
    frames: float = 1.0
    quick: bool = False

    def of(self, frames: int, least: int = 20) -> int:
        """That many frames, or the share of them."""
        return max(least, round(frames * self.frames))


class ChildError(RuntimeError):
    """A child process failed; its own last words are in the message."""


def python(*arguments: object) -> str:
    """What a Python child process prints.

    Raises:
        ChildError: it failed.
    """
    words = [sys.executable, *map(str, arguments)]
    done = subprocess.run(words, env=ENVIRONMENT, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines()[-3:]
        raise ChildError(f"{' '.join(words[1:])}: exit {done.returncode}: {' / '.join(said)}")
    return done.stdout


Spread = dict[str, float]


def spread(values: Sequence[float]) -> Spread:
    """The rounds' median, least and most."""
    return {"median": round(statistics.median(values), 3), "min": round(min(values), 3), "max": round(max(values), 3)}


def show(values: Spread, digits: int = 2) -> str:
    """As in ``12.34 (11.90 to 12.80)``."""
    return "{median:.{d}f} ({min:.{d}f} to {max:.{d}f})".format(**values, d=digits)


def say(text: str) -> None:
    """To whoever waits."""
    print(text, file=sys.stderr, flush=True)
