"""The command line as a user runs it: a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

DEADLINE_S = 120


@pytest.fixture
def environment(models_env: Path) -> dict[str, str]:
    """The models of the tests, no screen, a home of its own."""
    kept = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return {**kept, "PYTHONWARNINGS": "error", "COLUMNS": "200"}


@pytest.fixture
def streamclf(environment: dict[str, str], tmp_path: Path) -> Run:
    """Run ``streamclf ARGUMENTS...`` in an empty folder and wait for its end."""

    def run(*arguments: Any, **extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "streamclf", *map(str, arguments)],
            cwd=tmp_path,
            env={**environment, **extra},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
        )

    return run


@pytest.fixture
def started(environment: dict[str, str], tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start ``streamclf ARGUMENTS...`` and leave it running."""

    def start(*arguments: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "streamclf", *map(str, arguments)],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start
