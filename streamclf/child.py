"""A few lines of Python in a process of their own, for what may kill the process that does it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence


def run_in_child(
    code: str, arguments: Sequence[str] = (), environment: Mapping[str, str] | None = None, timeout_s: float = 60.0
) -> int:
    """Run ``code`` and return its exit code, on POSIX the negative number of the signal that killed it. Nothing it prints is seen.

    Raises:
        TimeoutError: it did not end within ``timeout_s``, and was killed.
        OSError: no process can be started.
    """
    try:
        # -P: nothing in the working folder is taken for a library
        return subprocess.run(
            [sys.executable, "-P", "-c", code, *arguments],
            env=None if environment is None else dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=timeout_s,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired as problem:
        raise TimeoutError(f"no end within {timeout_s:g} s") from problem
