from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from streamclf.child import run_in_child
from streamclf.sinks import _display


def test_a_child_s_end_is_told_and_what_it_prints_is_not(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_in_child("import sys; print('x'); print('y', file=sys.stderr); sys.exit(int(sys.argv[1]))", ["3"]) == 3
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_a_child_that_is_killed_kills_nobody_else() -> None:
    assert run_in_child("import os; os.kill(os.getpid(), 9)") == -signal.SIGKILL


def test_a_child_that_hangs_is_ended() -> None:
    with pytest.raises(TimeoutError, match=r"no end within 0\.2 s"):
        run_in_child("import threading; threading.Event().wait(60)", timeout_s=0.2)


def test_what_lies_in_the_working_folder_is_no_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cv2.py").write_text("import os; os._exit(7)", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert run_in_child("import cv2; cv2.__version__") == 0


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="needs X11's DISPLAY")
def test_a_screen_is_tried_once_however_often_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def run(code: str, environment: dict[str, str], timeout_s: float) -> int:
        tried.append(environment["DISPLAY"])
        return 0 if environment["DISPLAY"] == "host:1" else 6

    monkeypatch.setattr(_display, "run_in_child", run)
    _display._tried.cache_clear()
    try:
        for display, reason in (("host:1", None), ("host:2", "OpenCV cannot open a window on this screen")):
            monkeypatch.setenv("DISPLAY", display)
            assert [_display.probe_display() for _ in range(3)] == [reason] * 3
    finally:
        _display._tried.cache_clear()
    assert tried == ["host:1", "host:2"]
