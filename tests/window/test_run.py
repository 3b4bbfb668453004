"""``streamclf run`` with a real window: the whole program, both video libraries in one process."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from tests.window.screen import DEADLINE_S, Screen, program, virtual_screen

pytestmark = pytest.mark.window


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    folder = tmp_path / "screen"
    folder.mkdir()
    with virtual_screen(folder) as started:
        yield started


def test_a_clip_is_shown_and_q_ends_the_run(screen: Screen, models_env: Path, videos: Path, tmp_path: Path) -> None:
    clip = videos / "intel_bottle-detection.mp4"
    command = ("run", str(clip), "--model", "mobilenet-v1-0.25", "--realtime", "--report", "-", "--results", "r.jsonl")
    with program(screen, tmp_path, *command) as process:
        deadline = time.monotonic() + DEADLINE_S
        rows = tmp_path / "r.jsonl"
        # before the first row there is only the window that tries the screen out; an empty screen is of one colour
        while not (rows.exists() and rows.stat().st_size) or screen.pixels().std() < 20:
            assert time.monotonic() < deadline, "no window came up"
            assert process.poll() is None
        if "STREAMCLF_KEEP_SCREENSHOT" in os.environ:
            cv2.imwrite(os.environ["STREAMCLF_KEEP_SCREENSHOT"], screen.pixels())
        screen.key("q")
        output, errors = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, errors
    (stream,) = json.loads(output)["streams"].values()
    assert stream["ended"] == "stopped"
    assert stream["classified"] > 0
    assert stream["captured"] == stream["classified"] + sum(stream["dropped"].values())
