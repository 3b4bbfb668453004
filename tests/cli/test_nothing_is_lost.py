"""What a run must never destroy, and what it leaves when it could not begin."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

FAST = ("--model", "mobilenet-v1-0.25", "--no-display")


@pytest.fixture
def clip(videos: Path, tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    shutil.copy(videos / "torchcodec_h265_video.mp4", path)
    path.chmod(0o644)
    return path


@pytest.mark.parametrize("option", ["--save", "--report"])
@pytest.mark.parametrize("link", [None, "symlink", "hard link"])
def test_an_input_is_never_an_output(streamclf: Run, clip: Path, tmp_path: Path, option: str, link: str | None) -> None:
    before, output = clip.read_bytes(), clip
    if link is not None:
        output = tmp_path / "other.mp4"
        output.symlink_to(clip) if link == "symlink" else os.link(clip, output)
    done = streamclf("run", clip, *FAST, option, output, "--overwrite")
    assert done.returncode == 2
    assert "is read by this run" in done.stderr
    assert clip.read_bytes() == before


def test_a_folder_of_pictures_is_not_written_into(streamclf: Run, images: Path, tmp_path: Path) -> None:
    (tmp_path / "pics").mkdir()
    picture = tmp_path / "pics" / "dog.jpg"
    shutil.copy(images / "dog.jpg", picture)
    before = picture.read_bytes()
    for arguments in (
        ("run", "pics", "--save", "pics", "--overwrite", *FAST),
        ("classify", "pics/dog.jpg", "--save", "pics", "--overwrite", "--model", "tiny-darknet"),
        ("classify", "pics/dog.jpg", "--save", "pics/dog.jpg", "--overwrite", "--model", "tiny-darknet"),
    ):
        assert streamclf(*arguments).returncode == 2
    assert picture.read_bytes() == before


def test_two_outputs_on_one_file_are_refused(streamclf: Run, clip: Path, tmp_path: Path) -> None:
    done = streamclf("run", clip, *FAST, "--results", "r.jsonl", "--report", "./r.jsonl", "--overwrite")
    assert done.returncode == 2
    assert "two outputs are the same file" in done.stderr
    assert sorted(tmp_path.iterdir()) == sorted([clip, tmp_path / "cache"] if (tmp_path / "cache").exists() else [clip])


def test_streams_of_like_names_get_files_of_their_own(streamclf: Run, clip: Path, tmp_path: Path) -> None:
    done = streamclf("run", f"a b={clip}", f"a_b={clip}", *FAST, "--save", "x_{stream}.mp4", "--report", "-")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["streams"]) == 2
    assert sorted(path.name for path in tmp_path.glob("x_*")) == ["x_a_b-2.mp4", "x_a_b.mp4"]


def test_a_source_without_a_frame_leaves_old_outputs_alone(streamclf: Run, tmp_path: Path) -> None:
    names = {"--save": "old.mp4", "--results": "old.jsonl"}
    for name in names.values():
        (tmp_path / name).write_text("precious")
    options = [part for pair in names.items() for part in pair]
    done = streamclf("run", "tcp://127.0.0.1:9", *FAST, *options, "--overwrite")
    assert done.returncode == 1
    assert all((tmp_path / name).read_text() == "precious" for name in names.values())


def test_a_pipe_is_no_output_and_a_device_is_one_without_asking(streamclf: Run, clip: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    done = streamclf("run", clip, *FAST, "--results", "pipe.jsonl", "--overwrite")
    assert done.returncode == 1
    assert "is a pipe" in done.stderr
    assert streamclf("run", clip, *FAST, "--report", "/dev/null").returncode == 0


def test_a_full_disk_at_the_report_still_tells_what_came_first(streamclf: Run, clip: Path) -> None:
    done = streamclf("run", clip, *FAST, "--report", "/dev/full")
    assert done.returncode == 1
    assert "/dev/full: cannot be written" in done.stderr
    assert "10 of 10 frames classified" in done.stderr


def test_a_standard_error_that_nobody_reads_changes_nothing(
    environment: dict[str, str], hazards: Path, tmp_path: Path
) -> None:
    import sys

    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "streamclf", "run", str(hazards / "decord_corrupted.mp4"), *FAST, "--report", "-"],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=full,
            text=True,
            timeout=60,
        )
    assert done.returncode == 0
    assert json.loads(done.stdout)["streams"]["decord_corrupted.mp4"]["classified"] == 49
