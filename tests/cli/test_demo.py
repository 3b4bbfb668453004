"""``streamclf demo`` as a user without a camera and without a screen runs it."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import pytest

from streamclf.errors import SourceNotFoundError
from streamclf.sources import camera
from streamclf.sources.synthetic import SEGMENTS

Run = Callable[..., "subprocess.CompletedProcess[str]"]

COUNT = SEGMENTS[-1].stop
DEADLINE_S = 60.0
IMAGENET = ("--model", "mobilenet-v1-0.25")


def frames_in(path: Path) -> int:
    with av.open(str(path)) as video:
        return sum(1 for _ in video.decode(video=0))


def test_the_demo_finds_every_damage_and_leaves_video_rows_and_sheet(streamclf: Run, tmp_path: Path) -> None:
    done = streamclf("demo", "--no-display", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["frames"], report["dropped"], report["latency_ms"]) == (COUNT, 0, None)
    assert report["stopped"] is False
    truth = report["truth"]
    assert truth["wrong_segments"] == []
    assert truth["segments_right"] == truth["segments"] == len(SEGMENTS)
    assert truth["right_settled"] > 0.95
    assert truth["right_settled"] > truth["right"] > 0.5, "a steady label cannot be right at once after a cut"
    video, rows, sheet = (tmp_path / "demo-out" / f"streamclf-demo.{suffix}" for suffix in ("mp4", "jsonl", "png"))
    assert report["files"] == [str(path.relative_to(tmp_path)) for path in (video, rows, sheet)]
    assert frames_in(video) == COUNT
    assert [json.loads(line)["index"] for line in rows.read_text().splitlines()] == list(range(COUNT))
    picture = cv2.imread(str(sheet))
    assert picture is not None
    assert picture.shape[1] > picture.shape[0] > 500


def test_an_ended_demo_leaves_whole_files_and_a_report_and_replaces_its_own_files_only(
    started: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    out = tmp_path / "mine"
    out.mkdir()
    (out / "holiday.mp4").write_text("precious")
    video, rows, sheet = (out / f"streamclf-demo.{suffix}" for suffix in ("mp4", "jsonl", "png"))
    for path in (video, rows, sheet):
        path.write_text("of the last demo")
    process = started("demo", "--no-display", "--out", "mine", *IMAGENET)
    deadline = time.monotonic() + DEADLINE_S
    while rows.read_text().count("\n") < 5:
        assert time.monotonic() < deadline
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 130, errors
    count = frames_in(video)
    assert 5 <= count < COUNT
    assert len(rows.read_text().splitlines()) == count
    assert f"{count} frames" in output
    assert "stopped       before the end of the scene" in output
    assert "not counted" in output, "this network does not know the damages"
    assert str(video.relative_to(tmp_path)) in output
    assert not sheet.exists() or cv2.imread(str(sheet)) is not None
    assert (out / "holiday.mp4").read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--out", "file", *IMAGENET], 1, ["file", "--out"]),
        (["--out", "file/inside", *IMAGENET], 1, ["file", "--out"]),
        (["--model", "framechess"], 2, ["framechess"]),
        (["--model", "broken"], 2, ["broken"]),
    ],
)
def test_a_demo_that_cannot_start_is_one_sentence_and_leaves_nothing(
    streamclf: Run, tmp_path: Path, arguments: list[str], code: int, words: list[str]
) -> None:
    (tmp_path / "file").touch()
    done = streamclf("demo", "--no-display", *arguments)
    assert done.returncode == code, done.stderr
    assert done.stderr.count("streamclf: error: ") == 1
    assert "Traceback" not in done.stderr
    assert all(word in done.stderr for word in words)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_run_of_a_camera_that_is_not_there_offers_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera, "list_cameras", lambda: [])
    monkeypatch.setattr(camera.sys, "platform", "linux")
    with pytest.raises(SourceNotFoundError, match=r"camera 97: no such camera; found none; 'streamclf demo' shows"):
        camera.CameraSource(97, "a").open()


def test_help_has_examples(streamclf: Run) -> None:
    text = streamclf("demo", "--help").stdout
    assert "Examples" in text
    assert "--no-display" in text
