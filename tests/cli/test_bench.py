"""``streamclf bench``: numbers of a machine, a clip and a network."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

DARKNET = ("--model", "tiny-darknet")
"""OpenCV's alone, so that there is no race to wait for."""
CLIP = "torchcodec_h265_video.mp4"
"""Ten frames."""


def test_a_generated_clip_gives_every_number_of_an_engine_and_the_race_of_all(streamclf: Run) -> None:
    done = streamclf("bench", "--engines", "onnxruntime", "--frames", 20, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["clip"] == {
        "name": None,
        "description": "H.264 1280x720 at 25 fps",
        "size_wh": [1280, 720],
        "rate_fps": 25.0,
        "frames": 20,
    }
    assert (found["model"], found["precision"], found["stopped"]) == ("framecheck", "exact", False)
    assert found["machine"]["processors"] >= 1
    assert {"python", "pyav", "opencv", "onnxruntime", "openvino"} <= set(found["versions"])
    (trial,) = found["trials"]
    assert (trial["engine"], trial["problem"], trial["frames"], trial["arithmetic"]) == (
        "onnxruntime",
        None,
        20,
        "float32",
    )
    cost_ms = found["decode_ms"] + found["fit_ms"] + trial["forward_ms"]
    assert trial["limit_fps"] == pytest.approx(found["machine"]["processors"] * 1e3 / cost_ms)
    if trial["rate_fps"] is not None:
        assert trial["share"] == pytest.approx(trial["rate_fps"] / trial["limit_fps"])
    assert set(trial["latency_ms"]) == {"queue", "infer", "total"}
    assert all(latency["p50"] <= latency["p95"] <= latency["p99"] for latency in trial["latency_ms"].values())
    assert 20 < trial["peak_memory_mb"] < 2000
    laps = {lap["engine"]: lap for lap in found["race"]["laps"]}
    assert {"opencv", "onnxruntime", "openvino"} <= set(laps)
    assert found["race"]["winner"] == min(laps.values(), key=lambda lap: lap["picture_ms"] or 1e9)["engine"]
    for step in ("drawing and encoding", "decoding and fitting", "race", "onnxruntime: a run of up to 20 frames"):
        assert step in done.stderr


def test_the_tables_are_markdown_and_say_why_an_engine_is_out(streamclf: Run, videos: Path) -> None:
    done = streamclf("bench", videos / CLIP, *DARKNET, "--precision", "fast", "--threads", 1)
    assert done.returncode == 0, done.stderr
    text = done.stdout
    assert text.startswith("streamclf bench: tiny-darknet, precision fast, threads 1\n")
    assert f"- clip: {CLIP}, H.265 128x128 at 10 fps, 10 frames\n" in text
    for paragraph in text.split("\n\n"):
        rows = [line for line in paragraph.splitlines() if line.startswith("|")]
        assert len({row.count("|") for row in rows}) <= 1
        assert not rows or set(rows[1]) == set("|- ")
    engines, race = (part for part in text.split("\n\n") if part.startswith("|"))
    (row,) = engines.splitlines()[2:]
    cells = dict(
        zip(*([cell.strip() for cell in line.split("|")] for line in (engines.splitlines()[0], row)), strict=True)
    )
    assert (cells["engine"], cells["frames"], cells["lanes x threads"]) == ("opencv", "10", "1 x 1")
    assert float(cells["forward ms"]) > 0
    assert float(cells["at most fps"]) <= 1e3 / float(cells["forward ms"]) * 1.01, "one processor for the network"
    assert "--engine auto takes opencv" in text
    outcomes = {line.split("|")[1].strip(): line.split("|")[5].strip() for line in race.splitlines()[2:]}
    assert outcomes["opencv"] == "taken"
    assert outcomes["openvino"] == "OpenVINO does not read tiny-darknet, which is for darknet"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("gone.mp4",), 1, "gone.mp4: no such file"),
        (("text.mp4", *DARKNET), 1, "text.mp4: not a video"),
        (("0",), 2, "is no video file"),
        (("--model", "framechekc"), 2, "framecheck"),
        (("--engines", "keras"), 2, "must be auto, or some of opencv"),
        ((*DARKNET, "--engines", "openvino"), 2, "OpenVINO does not read tiny-darknet"),
        (("--precision", "quick"), 2, "precision"),
        (("--threads", "0"), 2, "threads"),
        (("--frames", "0"), 2, "--frames"),
        (("--model", "vgg-16"), 1, "vgg"),
    ],
)
def test_what_cannot_be_measured_is_said_before_anything_is(
    streamclf: Run, tmp_path: Path, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    (tmp_path / "text.mp4").write_text("this is not a film\n" * 100)
    done = streamclf("bench", *arguments)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_an_engine_that_cannot_be_measured_does_not_keep_the_others_from_it(streamclf: Run, videos: Path) -> None:
    done = streamclf("bench", videos / CLIP, *DARKNET, "--engines", "openvino,opencv", "--frames", 4, "--json")
    assert done.returncode == 1
    trials = {trial["engine"]: trial for trial in json.loads(done.stdout)["trials"]}
    assert trials["opencv"]["frames"] == 4
    assert trials["opencv"]["problem"] is None
    assert "OpenVINO does not read tiny-darknet" in trials["openvino"]["problem"]
    assert "error: openvino: " in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_and_ctrl_c_prints_what_is_known(
    started: Callable[..., subprocess.Popen[str]],
    environment: dict[str, str],
    tmp_path: Path,
    number: signal.Signals,
    code: int,
) -> None:
    (tmp_path / "tmp").mkdir()
    environment["TMPDIR"] = str(tmp_path / "tmp")
    process = started("bench", *DARKNET, "--frames", 40)
    assert process.stderr is not None
    said: list[Any] = []
    while "a run of up to 40 frames" not in (said or [""])[-1]:
        said.append(process.stderr.readline())
        assert said[-1], said
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    assert "Traceback" not in errors
    if number == signal.SIGINT:
        assert "streamclf: stopped\n" in errors
        assert "stopped before its end" in output
        assert "| opencv | -" in output, "forward alone is known, the run is not"
    assert list((tmp_path / "tmp").glob("streamclf-bench-*")) == [], "the generated clip is gone"


def test_its_help_has_examples(streamclf: Run) -> None:
    text = streamclf("bench", "--help").stdout
    assert "Examples" in text
    assert "streamclf bench --json > bench.json" in text
