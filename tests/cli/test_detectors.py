"""A detector on the command line: pictures, clips and windows get boxes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np

Run = Callable[..., "subprocess.CompletedProcess[str]"]
YOLO = ("--model", "yolo-fastest-1.1")


def test_classify_prints_what_was_found_and_where(streamclf: Run, images: Path) -> None:
    done = streamclf("classify", images / "dog.jpg", images / "granny_smith_0.jpg", *YOLO)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[2] for line in lines[1:5]] == ["car", "dog", "cat", "bicycle"]
    assert lines[2].split()[:3] == ["2.", "65.39%", "dog"]
    assert lines[2].endswith("  dog  from (123, 221) to (365, 515)")
    assert "granny_smith" in lines[5]
    assert lines[6:] == ["  nothing found"]


def test_classify_json_has_the_boxes(streamclf: Run, images: Path) -> None:
    done = streamclf("classify", images / "dog.jpg", images / "granny_smith_0.jpg", *YOLO, "--json", "--top-k", 2)
    dog, apple = json.loads(done.stdout)
    assert [score["label"] for score in dog["top"]] == ["car", "dog"]
    assert [box["label"] for box in dog["boxes"]] == ["car", "dog", "cat", "bicycle"]
    assert all(set(box) == {"class_id", "label", "probability", "box_xyxy"} for box in dog["boxes"])
    assert (apple["top"], apple["boxes"], apple["error"]) == ([], [], None)


def test_classify_saves_pictures_with_boxes(streamclf: Run, images: Path, tmp_path: Path) -> None:
    assert streamclf("classify", images / "dog.jpg", *YOLO, "--save", "dog.png").returncode == 0
    before, after = (np.asarray(cv2.imread(str(path)), int) for path in (images / "dog.jpg", tmp_path / "dog.png"))
    moved = np.abs(before - after).max(axis=2) > 40
    assert moved[221:515, 119:128].any(axis=1).all(), "the dog's left side"
    assert not moved[:70, :400].any(), "where nothing was found"


def test_a_clip_gets_rows_and_a_video_with_boxes_and_its_steady_label_follows(
    streamclf: Run, videos: Path, tmp_path: Path
) -> None:
    clip = videos / "intel_one-by-one-person-detection.mp4"
    outputs = ("--results", "rows.jsonl", "--save", "out.mp4", "--max-frames", 100, "--no-display")
    done = streamclf("run", clip, *YOLO, *outputs)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert len(rows) == 100
    with av.open(str(tmp_path / "out.mp4")) as container:
        video = container.streams.video[0]
        assert video.frames == 100
        width, height = video.width, video.height
    for row in rows:
        assert row["label"] == (row["boxes"][0]["label"] if row["boxes"] else "unknown")
        for left, top, right, bottom in (box["box_xyxy"] for box in row["boxes"]):
            assert 0 <= left < right <= width
            assert 0 <= top < bottom <= height
    assert rows[0]["boxes"] == []
    assert (rows[0]["steady"]["label"], rows[-1]["steady"]["label"]) == ("unknown", "person")
    labels = [row["steady"]["label"] for row in rows]
    changes = sum(one != other for one, other in pairwise(labels))
    assert changes == 1, "it does not flicker with the boxes"


def test_a_run_without_screen_or_outputs_says_what_it_sees(streamclf: Run, images: Path) -> None:
    done = streamclf("run", images / "dog.jpg", images / "granny_smith_0.jpg", *YOLO, "--no-display")
    assert done.returncode == 0, done.stderr
    assert [line.split("  ")[1:] for line in done.stdout.splitlines()] == [["car", "0.897"], ["unknown", "0.000"]]
