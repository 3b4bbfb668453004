"""What bench makes of its arguments, of a run that failed, and of its findings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from streamclf import benching
from streamclf.benching import LEAST_FRAMES, MOST_FRAMES, RUN_S, clip_of, engines_of, frames_for
from streamclf.cli.table import print_markdown
from streamclf.errors import ConfigError, SourceNotFoundError
from streamclf.machine import peak_memory_mb


def test_engines_are_named_with_commas_in_the_order_in_which_they_are_measured() -> None:
    assert engines_of("auto") is None
    assert engines_of("openvino, opencv,openvino") == ("opencv", "openvino")


@pytest.mark.parametrize("named", ["keras", "auto,opencv", "", "opencv;openvino"])
def test_what_is_no_engine_is_refused_with_those_there_are(named: str) -> None:
    with pytest.raises(ConfigError, match=r"--engines .*: must be auto, or some of opencv, onnxruntime"):
        engines_of(named)


def test_a_clip_is_a_video_file_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clip.mp4").touch()
    assert clip_of(None) is None
    assert clip_of("synthetic:") is None
    assert clip_of("clip.mp4") == Path("clip.mp4")
    with pytest.raises(SourceNotFoundError, match=r"gone.mp4: no such file"):
        clip_of("gone.mp4")
    with pytest.raises(ConfigError, match="is no video file"):
        clip_of("holiday.jpg")
    with pytest.raises(ConfigError, match="is no video file") as refused:
        clip_of("rtsp://me:SECRET@host/1")
    assert "SECRET" not in str(refused.value)


def test_a_run_is_about_as_long_as_its_stages_say_but_neither_endless_nor_too_short() -> None:
    assert frames_for(100) == round(100 * RUN_S)
    assert frames_for(0.5) == LEAST_FRAMES
    assert frames_for(10_000) == MOST_FRAMES


def test_a_run_that_failed_is_told_in_its_own_words() -> None:
    said = (
        "streamclf: clip.mp4: 3 of 9 frames\nstreamclf: error: this network is broken\nstreamclf: error: so is that\n"
    )
    assert benching._why(1, said) == "this network is broken"
    assert benching._why(-9, "") == "its run ended without a word (killed by SIGKILL)"
    assert benching._why(3, "Fatal Python error\n") == "its run ended without a word (exit code 3)"


def test_a_table_is_markdown_whatever_is_in_its_cells(capsys: pytest.CaptureFixture[str]) -> None:
    print_markdown([{"a name": "x|y", "b": None}, {"a name": "longer", "b": True}])
    assert capsys.readouterr().out.splitlines() == [
        "| a name | b   |",
        "| ------ | --- |",
        r"| x\|y   | ?   |",
        "| longer | yes |",
    ]


def test_the_peak_of_the_memory_is_the_kernels_mark_of_this_program(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tpython\nVmPeak:\t  900000 kB\nVmHWM:\t  100000 kB\nVmRSS:\t   50000 kB\n")
    assert peak_memory_mb(status) == pytest.approx(102.4)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux counts a parent's memory")
def test_a_programs_memory_is_not_that_of_who_started_it() -> None:
    code = "from streamclf.machine import peak_memory_mb; print(peak_memory_mb())"
    ballast = bytearray(b"x") * 300_000_000
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert len(ballast) > 200e6 > float(done.stdout) * 1e6 > 1e6


def test_where_there_is_no_such_mark_the_system_is_asked() -> None:
    peak = peak_memory_mb(Path("/nowhere"))
    assert peak is None or 5 < peak < 100_000
