from __future__ import annotations

import csv
import json
import os
import resource
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

MODEL = ("--model", "squeezenet-1.0-dc", "--no-display")
FAST = ("--model", "mobilenet-v1-0.25", "--no-display")


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def sentences(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("streamclf: error: ")]


def test_the_main_job_classifies_every_frame_of_a_clip(streamclf: Run, videos: Path, tmp_path: Path) -> None:
    clip = videos / "intel_bottle-detection.mp4"
    outputs = ("--save", "out.mp4", "--results", "out.jsonl", "--report", "-")
    done = streamclf("run", clip, "--model", "mobilenet-v2-dequant", "--no-display", *outputs)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    rows = rows_of(tmp_path / "out.jsonl")
    sure = Counter(row["label"] for row in rows if row["probability"] > 0.5)
    assert sure.most_common(1)[0][0] == "water bottle"
    assert [row["index"] for row in rows] == list(range(1189))
    stream = report["streams"]["intel_bottle-detection.mp4"]
    assert (stream["captured"], stream["classified"], stream["ended"]) == (1189, 1189, "eof")
    with av.open(str(tmp_path / "out.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) == 1189


def test_a_run_of_two_pictures_has_no_rates(streamclf: Run, images: Path) -> None:
    pictures = (images / "dog.jpg", images / "eagle.jpg")
    done = streamclf("run", *pictures, "--no-display", "--report", "-")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["rates_fps"]["classify"] is None
    assert report["streams"]["pictures"]["rates_fps"]["classify"] is None
    assert "classify -" in done.stderr


def test_the_report_has_every_field_of_the_contract(streamclf: Run, videos: Path) -> None:
    done = streamclf("run", videos / "torchcodec_h265_video.mp4", *FAST, "--report", "-")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert set(report) == {
        "streams",
        "rates_fps",
        "latency_ms",
        "engine",
        "elapsed_s",
        "peak_queue_mb",
        "peak_memory_mb",
    }
    assert 20 < report["peak_memory_mb"] < 2000
    (stream,) = report["streams"].values()
    assert set(stream) == {"captured", "classified", "dropped", "corrupt", "ended", "error", "rates_fps"}
    assert set(stream["dropped"]) == {"queue_full", "stale", "frame_step", "stopped", "failed"}
    assert set(report["rates_fps"]) == {"capture", "classify", "sink"}
    assert set(report["latency_ms"]) == {"queue", "infer", "total"}
    assert all(set(values) == {"p50", "p95", "p99"} for values in report["latency_ms"].values())
    assert set(report["engine"]) == {
        "name",
        "version",
        "requested_target",
        "effective_target",
        "requested_precision",
        "arithmetic",
        "batch_sizes",
        "threads",
        "lanes",
    }
    for line in ("10 of 10 frames classified", "rates: capture", "total: p50", "engine:", "MB of memory at the peak"):
        assert line in done.stderr


def test_a_row_has_every_field_of_the_contract_in_order(streamclf: Run, videos: Path, tmp_path: Path) -> None:
    streamclf("run", videos / "torchcodec_h265_video.mp4", *FAST, "--results", "rows.jsonl", "--top-k", 3)
    row = rows_of(tmp_path / "rows.jsonl")[3]
    assert list(row) == [
        "stream",
        "origin",
        "index",
        "pts_s",
        "captured_at",
        "model",
        "engine",
        "label",
        "class_id",
        "probability",
        "steady",
        "top",
        "latency_ms",
    ]
    assert row["stream"] == "torchcodec_h265_video.mp4"
    assert (row["index"], row["pts_s"], row["model"]) == (3, 0.3, "mobilenet-v1-0.25")
    assert row["engine"].endswith(" float32")
    assert row["captured_at"] is None
    assert row["latency_ms"] is None
    assert row["origin"] is None
    assert set(row["steady"]) == {"label", "probability"}
    assert len(row["top"]) == 3
    assert row["top"][0] == {"class_id": row["class_id"], "label": row["label"], "probability": row["probability"]}
    assert row["probability"] == round(row["probability"], 5)


def test_two_runs_over_a_clip_give_the_same_bytes(streamclf: Run, videos: Path, tmp_path: Path) -> None:
    clip = videos / "torchcodec_av1_video.mkv"
    for name in ("one", "two"):
        for suffix in ("jsonl", "csv"):
            assert streamclf("run", clip, *FAST, "--results", f"{name}.{suffix}").returncode == 0
    for suffix in ("jsonl", "csv"):
        assert (tmp_path / f"one.{suffix}").read_bytes() == (tmp_path / f"two.{suffix}").read_bytes()
    assert len(rows_of(tmp_path / "one.jsonl")) == 125
    with (tmp_path / "one.csv").open(newline="") as table:
        assert len(list(csv.DictReader(table))) == 125


def test_a_clip_played_at_its_own_pace_is_live(streamclf: Run, videos: Path, tmp_path: Path) -> None:
    done = streamclf(
        "run", videos / "torchcodec_h265_video.mp4", *FAST, "--realtime", "--results", "r.jsonl", "--report", "-"
    )
    (stream,) = json.loads(done.stdout)["streams"].values()
    assert stream["captured"] == stream["classified"] + sum(stream["dropped"].values()) == 10
    for row in rows_of(tmp_path / "r.jsonl"):
        assert row["captured_at"].endswith("+00:00")
        assert set(row["latency_ms"]) == {"queue", "infer", "total"}


def test_frame_step_and_max_frames_are_deterministic(streamclf: Run, videos: Path, tmp_path: Path) -> None:
    clip = videos / "torchcodec_av1_video.mkv"
    done = streamclf("run", clip, *FAST, "--frame-step", 10, "--max-frames", 5, "--results", "r.jsonl", "--report", "-")
    assert done.returncode == 0
    (stream,) = json.loads(done.stdout)["streams"].values()
    assert [row["index"] for row in rows_of(tmp_path / "r.jsonl")] == [0, 10, 20, 30, 40]
    assert stream["ended"] == "limit"
    assert stream["dropped"]["frame_step"] == 36
    assert stream["captured"] == 41


def test_target_fps_keeps_the_clips_own_times_in_rows_and_annotated_video(
    streamclf: Run, videos: Path, tmp_path: Path
) -> None:
    clip = videos / "intel_bottle-detection.mp4"
    for name in ("one", "two"):
        outputs = ["--results", f"{name}.jsonl", "--save", f"{name}.mp4", "--report", "-"]
        done = streamclf("run", clip, *FAST, "--target-fps", 5, "--max-frames", 20, *outputs)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "two.jsonl").read_bytes()
    (stream,) = json.loads(done.stdout)["streams"].values()
    rows = rows_of(tmp_path / "one.jsonl")
    assert len(rows) == stream["classified"] == stream["captured"] - stream["dropped"]["frame_step"] == 20
    with av.open(str(clip)) as container:
        times = [frame.pts * frame.time_base for frame in islice(container.decode(video=0), 140)]
    firsts = [next(i for i, time in enumerate(times) if time >= times[0] + Fraction(n, 5)) for n in range(20)]
    assert [row["index"] for row in rows] == firsts
    assert [row["pts_s"] for row in rows] == [round(float(times[index]), 6) for index in firsts]
    probe = ["ffprobe", "-v", "error", "-show_entries", "stream=time_base:frame=pts", "-of", "json", "one.mp4"]
    shown = json.loads(subprocess.run(probe, cwd=tmp_path, capture_output=True, check=True).stdout)
    tick = Fraction(shown["streams"][0]["time_base"])
    assert [frame["pts"] * tick for frame in shown["frames"]] == [times[index] - times[0] for index in firsts]


def test_several_sources_share_the_network_and_keep_their_rows_apart(
    streamclf: Run, videos: Path, tmp_path: Path
) -> None:
    clip = videos / "torchcodec_h265_video.mp4"
    done = streamclf(
        "run", clip, f"other={clip}", clip, *FAST, "--results", "r.jsonl", "--save", "{stream}.out.mp4", "--report", "-"
    )
    assert done.returncode == 0, done.stderr
    names = ["torchcodec_h265_video.mp4", "other", "torchcodec_h265_video.mp4-2"]
    assert list(json.loads(done.stdout)["streams"]) == names
    rows = rows_of(tmp_path / "r.jsonl")
    for name in names:
        assert [row["index"] for row in rows if row["stream"] == name] == list(range(10))
        assert (tmp_path / f"{name}.out.mp4").stat().st_size > 1000


def test_pictures_are_one_source_with_their_paths_as_origin(streamclf: Run, images: Path, tmp_path: Path) -> None:
    pictures = [images / "eagle.jpg", images / "dog.jpg", images / "banana_0.jpg"]
    done = streamclf("run", *pictures, *FAST, "--results", "r.jsonl", "--save", "labelled", "--report", "-")
    assert done.returncode == 0, done.stderr
    rows = rows_of(tmp_path / "r.jsonl")
    assert [row["origin"] for row in rows] == [str(path) for path in pictures]
    assert rows[2]["label"] == "banana"
    assert all(row["pts_s"] is None and row["steady"] is None for row in rows)
    assert sorted(path.name for path in (tmp_path / "labelled").iterdir()) == ["banana_0.jpg", "dog.jpg", "eagle.jpg"]


def test_without_rows_or_window_each_change_of_the_steady_label_is_a_line(streamclf: Run, videos: Path) -> None:
    done = streamclf("run", videos / "intel_bottle-detection.mp4", *MODEL, "--max-frames", 60, "--threshold", 0.2)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines
    assert len(lines) < 20
    assert any("water bottle" in line for line in lines)
    assert all("intel_bottle-detection.mp4" in line for line in lines)


def test_options_come_from_a_file_and_the_command_line_wins(streamclf: Run, videos: Path, tmp_path: Path) -> None:
    clip = videos / "torchcodec_h265_video.mp4"
    (tmp_path / "run.toml").write_text(
        f'[run]\nsources = ["{clip}"]\nmodel = "mobilenet-v1-0.25"\ndisplay = false\nmax-frames = 9\nresults = "r.jsonl"\n'
    )
    assert streamclf("run", "--config", "run.toml", "--max-frames", 4).returncode == 0
    assert len(rows_of(tmp_path / "r.jsonl")) == 4


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["absent.mp4"], 1, ["absent.mp4", "no such file"]),
        (["absent.jpg"], 1, ["absent.jpg"]),
        (["."], 1, ["no picture"]),
        (["text.mp4"], 1, ["text.mp4"]),
        (["empty.mp4"], 1, ["empty.mp4", "empty"]),
        (["97"], 1, ["camera 97"]),
        ([], 2, ["no source"]),
        (["text.mp4", "--model", "mobilenet-v1-0.26"], 2, ["mobilenet-v1-0.25"]),
        (["text.mp4", "--target", "gpu"], 2, ["target", "gpu"]),
        (["text.mp4", "--config", "wrong.toml"], 2, ["wrong.toml", "'modle'", "'model'"]),
        (["CLIP", "--results", "there.csv"], 2, ["there.csv", "--overwrite"]),
        (["CLIP", "--save", "there.mp4"], 2, ["there.mp4", "--overwrite"]),
        (["text.mp4", "--save", "out"], 2, ["out: ", "end its name with .mp4, .m4v or .mov"]),
        (["CLIP", "--report", "there.json"], 2, ["there.json", "--overwrite"]),
        (["CLIP", "--results", "absent/r.csv"], 1, ["absent"]),
        (["CLIP", "--save", "absent/r.mp4"], 1, ["absent"]),
        (["CLIP", "CLIP", "--save", "one.mp4"], 2, ["{stream}"]),
    ],
)
def test_bad_input_is_one_sentence_with_the_right_exit_code(
    streamclf: Run, videos: Path, tmp_path: Path, arguments: list[str], code: int, words: list[str]
) -> None:
    (tmp_path / "text.mp4").write_text("no video at all\n" * 100)
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "wrong.toml").write_text("[run]\nmodle = 'x'\n")
    there = {name: tmp_path / name for name in ("there.csv", "there.mp4", "there.json")}
    for path in there.values():
        path.write_text("precious")
    clip = str(videos / "torchcodec_h265_video.mp4")
    before = sorted(tmp_path.iterdir())
    model = [] if "--model" in arguments else ["--model", "mobilenet-v1-0.25"]
    done = streamclf("run", *[clip if a == "CLIP" else a for a in arguments], "--no-display", *model)
    assert done.returncode == code, done.stderr
    assert len(sentences(done.stderr)) == 1, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr
    assert sorted(tmp_path.iterdir()) == before
    assert all(path.read_text() == "precious" for path in there.values())


def test_overwrite_replaces_the_outputs(streamclf: Run, videos: Path, tmp_path: Path) -> None:
    clip = videos / "torchcodec_h265_video.mp4"
    names = {"--results": "r.jsonl", "--save": "v.mp4", "--report": "p.json"}
    for name in names.values():
        (tmp_path / name).write_text("old")
    options = [part for pair in names.items() for part in pair]
    assert streamclf("run", clip, *FAST, *options, "--overwrite").returncode == 0
    assert len(rows_of(tmp_path / "r.jsonl")) == 10
    assert json.loads((tmp_path / "p.json").read_text())["streams"]
    with av.open(str(tmp_path / "v.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) == 10


def test_a_network_that_cannot_be_loaded_leaves_existing_outputs_alone(
    streamclf: Run, videos: Path, hazards: Path, tmp_path: Path
) -> None:
    (tmp_path / "r.jsonl").write_text("precious")
    card = tmp_path / "broken"
    card.mkdir()
    source = videos / "torchcodec_h265_video.mp4"
    weights = hazards / "face_detector_text_mangled.pb"
    import hashlib

    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    text = (Path(__file__).parents[2] / "models" / "mobilenet-v1-0.25" / "card.toml").read_text()
    lines = []
    for line in text.splitlines():
        key = line.split("=")[0].strip()
        new = {"sha256": f'sha256 = "{digest}"', "bytes": f"bytes = {weights.stat().st_size}", "name": None}.get(key)
        if key == "name":
            new = f'name = "{weights.name}"' if ".pb" in line else 'name = "broken"'
        lines.append(new or line)
    (card / "card.toml").write_text("\n".join(lines) + "\n")
    (card / weights.name).write_bytes(weights.read_bytes())
    done = streamclf("run", source, "--model", "./broken", "--results", "r.jsonl", "--overwrite", "--no-display")
    assert done.returncode == 1, done.stderr
    assert weights.name in done.stderr
    assert (tmp_path / "r.jsonl").read_text() == "precious"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_in_good_order(
    started: Callable[..., subprocess.Popen[str]], videos: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    clip = videos / "intel_one-by-one-person-detection.mp4"
    process = started("run", clip, *MODEL, "--results", "-", "--save", "v.mp4", "--report", "p.json")
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout as rows_out, process.stderr as said:
        first = rows_out.readline()
        process.send_signal(number)
        rest, errors = rows_out.read(), said.read()  # communicate() would leave out what readline() has read ahead
    assert process.wait(60) == code, errors
    report = json.loads((tmp_path / "p.json").read_text())
    (stream,) = report["streams"].values()
    assert stream["ended"] == "stopped"
    assert stream["captured"] == stream["classified"] + sum(stream["dropped"].values())
    rows = [json.loads(line) for line in (first + rest).splitlines()]
    assert [row["index"] for row in rows] == list(range(stream["classified"]))
    with av.open(str(tmp_path / "v.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) == stream["classified"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs named pipes")
def test_a_run_that_is_interrupted_before_it_begins_says_so(
    started: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    pipe = tmp_path / "options.toml"
    os.mkfifo(pipe)
    process = started("run", "0", "--config", pipe)
    with pipe.open("wb"):  # which waits until the program reads it
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert [line for line in errors.splitlines() if line.startswith("streamclf: ")] == ["streamclf: stopped"]
    # an import that was interrupted may leave a file to Python, which warns of it in development mode, with a traceback
    assert "KeyboardInterrupt" not in errors


def test_a_reader_that_goes_away_ends_the_run_silently(
    started: Callable[..., subprocess.Popen[str]], videos: Path
) -> None:
    process = started("run", videos / "intel_one-by-one-person-detection.mp4", *FAST, "--results", "-")
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["index"] == 0
    process.stdout.close()
    assert process.stderr is not None
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 0
    assert "Traceback" not in errors
    assert "Broken" not in errors
    assert not sentences(errors)


def test_every_hazard_gives_frames_or_one_sentence(streamclf: Run, hazards: Path) -> None:
    done = {path.name: streamclf("run", path, *FAST, "--report", "-") for path in sorted(hazards.iterdir())}
    for name, process in done.items():
        assert process.returncode == (1 if name.endswith(".pb") else 0), (name, process.stderr)
        assert len(sentences(process.stderr)) == process.returncode, (name, process.stderr)
        assert "Traceback" not in process.stderr
    damaged = json.loads(done["decord_corrupted.mp4"].stdout)["streams"]["decord_corrupted.mp4"]
    assert damaged["classified"] == 49
    assert damaged["corrupt"] >= 1
    assert "damaged" in done["decord_corrupted.mp4"].stderr


def test_a_display_that_is_not_there_is_one_line_and_the_run_goes_on(streamclf: Run, videos: Path) -> None:
    clip = videos / "torchcodec_h265_video.mp4"
    model = ("--model", "mobilenet-v1-0.25")
    for extra in ({}, {"DISPLAY": ":4711"}):
        done = streamclf("run", clip, *model, "--display", "--report", "-", **extra)
        assert done.returncode == 0, done.stderr
        assert len([line for line in done.stderr.splitlines() if "no window" in line]) == 1
        assert json.loads(done.stdout)["streams"]["torchcodec_h265_video.mp4"]["classified"] == 10


@pytest.mark.parametrize("output", [("--results", "r.jsonl"), ("--results", "r.csv"), ("--save", "v.mp4")])
def test_a_full_disk_fails_the_run_with_one_sentence_and_keeps_what_was_written(
    environment: dict[str, str], videos: Path, tmp_path: Path, output: tuple[str, str]
) -> None:
    limit = 200_000 if output[1] == "v.mp4" else 40_000

    def no_larger_file() -> None:  # what a full disk looks like to the process: a write that is refused
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = [sys.executable, "-m", "streamclf", "run", str(videos / "flipping_a_pancake.mkv"), *FAST, *output]
    done = subprocess.run(
        [*command, "--report", "-"],
        cwd=tmp_path,
        env=environment,
        preexec_fn=no_larger_file,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1, done.stderr
    assert len(sentences(done.stderr)) == 1, done.stderr
    assert output[1] in done.stderr
    assert "Traceback" not in done.stderr
    (stream,) = json.loads(done.stdout)["streams"].values()
    assert stream["captured"] == stream["classified"] + sum(stream["dropped"].values())
    written = tmp_path / output[1]
    assert 10_000 < written.stat().st_size <= limit
    if output[1] == "r.jsonl":
        assert rows_of(written)[-1]["index"] == len(rows_of(written)) - 1
    if output[1] == "v.mp4":
        with av.open(str(written)) as video:
            assert next(video.decode(video=0)).width == 426


def test_a_dead_stream_does_not_turn_quitting_into_a_failure(
    started: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        process = started("run", f"tcp://127.0.0.1:{server.getsockname()[1]}", *FAST, "--report", "p.json")
        server.settimeout(60)
        connection, _ = server.accept()
        with connection:  # it will never say a word
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert not sentences(errors)
    assert "streamclf: stopped before the first frame" in errors.splitlines()
    (stream,) = json.loads((tmp_path / "p.json").read_text())["streams"].values()
    assert (stream["captured"], stream["ended"]) == (0, "stopped")


def test_a_target_that_is_not_there_is_told_and_the_report_names_the_one_that_ran(streamclf: Run, videos: Path) -> None:
    clip = videos / "torchcodec_h265_video.mp4"
    done = streamclf("run", clip, *FAST, "--target", "opencl", "--report", "-", OCL_ICD_VENDORS="/none")
    assert done.returncode == 0, done.stderr
    engine = json.loads(done.stdout)["engine"]
    assert (engine["requested_target"], engine["effective_target"]) == ("opencl", "cpu")
    assert "asked for opencl, runs on the cpu: no OpenCL" in done.stderr


@pytest.mark.opencl
def test_on_an_opencl_device_the_report_says_so_and_both_speeds_are_shown(
    streamclf: Run, videos: Path, tmp_path: Path
) -> None:
    clip = videos / "torchcodec_h265_video.mp4"
    pocl = {"OPENCV_DNN_OPENCL_ALLOW_ALL_DEVICES": "1", "OPENCV_OPENCL_DEVICE": ":CPU:"}
    outputs = ("--max-frames", 3, "--report", "-", "--results", "gpu.jsonl")
    done = streamclf("run", clip, *FAST, "--target", "opencl", *outputs, **pocl)
    assert done.returncode == 0, done.stderr
    engine = json.loads(done.stdout)["engine"]
    assert (engine["requested_target"], engine["effective_target"]) == ("opencl", "opencl")
    assert "ms a picture, cpu" in done.stderr
    streamclf("run", clip, *FAST, "--max-frames", 3, "--results", "cpu.jsonl")
    ours, theirs = rows_of(tmp_path / "gpu.jsonl"), rows_of(tmp_path / "cpu.jsonl")
    assert [row["label"] for row in ours] == [row["label"] for row in theirs]


@pytest.mark.parametrize("closed", [1, 2])
def test_a_stream_closed_before_the_start_is_silent_and_the_outputs_are_complete(
    environment: dict[str, str], videos: Path, tmp_path: Path, closed: int
) -> None:
    outputs = ["--results", "r.jsonl", "--save", "v.mp4", "--report", "-"]
    done = subprocess.run(
        [sys.executable, "-m", "streamclf", "run", str(videos / "torchcodec_h265_video.mp4"), *FAST, *outputs],
        cwd=tmp_path,
        env=environment,
        preexec_fn=lambda: os.close(closed),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert bool(done.stdout) == (closed == 2)
    if closed == 2:
        assert json.loads(done.stdout)["streams"]
    assert len(rows_of(tmp_path / "r.jsonl")) == 10
    with av.open(str(tmp_path / "v.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) == 10


def test_a_run_whose_reader_left_does_not_say_that_it_reached_the_end(
    started: Callable[..., subprocess.Popen[str]], images: Path, tmp_path: Path
) -> None:
    process = started("run", *sorted(images.glob("*.jpg")), *MODEL, "--results", "-", "--report", "p.json")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 0
    (stream,) = json.loads((tmp_path / "p.json").read_text())["streams"].values()
    assert (stream["ended"] == "stopped") == (stream["classified"] < stream["captured"])


def test_every_option_is_read_from_the_command_line(streamclf: Run) -> None:
    """Each with a value of its sample, then a source that is not there: whatever fails, it is that."""
    from streamclf.config import RunConfig

    values = {
        "model": "mobilenet-v1-0.25",
        "batch": "2",
        "camera_size": "640x480",
        "drop": "newest",
        "save": "v.mp4",
        "results": "r.csv",
        "report": "p.json",
    }
    arguments: list[str] = []
    for name, field in RunConfig.model_fields.items():
        option = f"--{name.replace('_', '-')}"
        default = field.default if field.default is not None else (field.examples or [None])[0]
        if name == "sources":
            continue
        if isinstance(default, bool):
            arguments.append(option.replace("--", "--no-", 1))
        else:
            arguments += [option, values.get(name, str(default))]
    done = streamclf("run", "absent.mp4", *arguments)
    assert done.returncode == 1, done.stderr
    assert "absent.mp4: no such file" in done.stderr
