"""Where everything lies, and how a child process is started: the same for every part of the benchmark."""

import os
import subprocess
import sys
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
    "OPENCV_LOG_LEVEL": "ERROR",
}


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
