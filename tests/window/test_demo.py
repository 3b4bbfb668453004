"""``streamclf demo`` with a screen and without a camera."""

from __future__ import annotations

import json
import time
from pathlib import Path

import av
import pytest

from tests.window.screen import DEADLINE_S, program, virtual_screen

pytestmark = pytest.mark.window


def test_the_scene_is_shown_at_its_own_pace_until_q(models_env: Path, tmp_path: Path) -> None:
    (tmp_path / "screen").mkdir()
    with virtual_screen(tmp_path / "screen") as screen:
        command = ("demo", "--synthetic", "--json", "--model", "mobilenet-v1-0.25")
        with program(screen, tmp_path, *command) as process:
            deadline = time.monotonic() + DEADLINE_S
            rows = tmp_path / "demo-out" / "streamclf-demo.jsonl"
            while not (rows.exists() and rows.stat().st_size):  # before it only the window that tries the screen out
                assert time.monotonic() < deadline, "no frame came"
                assert process.poll() is None
            assert screen.pixels().std() > 20, "an empty screen is of one colour"
            screen.key("q")
            output, errors = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, errors
    report = json.loads(output)
    assert report["latency_ms"]["p50"] > 0
    assert json.loads(rows.read_text().splitlines()[0])["captured_at"], "treated as live"
    with av.open(str(tmp_path / "demo-out" / "streamclf-demo.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) == report["frames"] > 0
