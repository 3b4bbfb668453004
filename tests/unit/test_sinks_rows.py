"""Rows: the same fields in JSON lines and CSV, the same bytes from two runs, nothing lost on a full disk."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from streamclf.errors import SinkError
from streamclf.prediction import Box, Latency
from streamclf.sinks.csv import CsvSink
from streamclf.sinks.json_lines import JsonLinesSink
from streamclf.testing import ManualClock
from tests.results import STATS, disk_of, make_result

FIELDS = ["stream", "origin", "index", "pts_s", "captured_at", "model", "engine", "label", "class_id", "probability"]
FIELDS += ["steady", "top", "latency_ms"]
both = pytest.mark.parametrize(("make", "name"), [(JsonLinesSink, "rows.jsonl"), (CsvSink, "rows.csv")])
Make = Callable[..., JsonLinesSink | CsvSink]


def json_rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_a_recorded_row_has_the_agreed_fields_in_their_order_and_nothing_of_the_clock(tmp_path: Path) -> None:
    sink = JsonLinesSink(tmp_path / "rows.jsonl")
    sink.write(
        make_result(
            index=7, pts=1, time_base=Fraction(1, 3), steady=("water bottle", 0.612345678), latency=Latency(1, 2, 3)
        )
    )
    sink.close()
    (row,) = json_rows(tmp_path / "rows.jsonl")
    assert list(row) == FIELDS
    assert row == {
        "stream": "clip.mp4",
        "origin": None,
        "index": 7,
        "pts_s": 0.333333,
        "captured_at": None,
        "model": "tiny",
        "engine": "opencv float32",
        "label": "water bottle",
        "class_id": 0,
        "probability": 0.87346,
        "steady": {"label": "water bottle", "probability": 0.61235},
        "top": [
            {"class_id": 0, "label": "water bottle", "probability": 0.87346},
            {"class_id": 1, "label": "wine bottle", "probability": 0.05},
            {"class_id": 2, "label": "pop bottle, soda bottle", "probability": 0.02},
        ],
        "latency_ms": None,
    }


def test_a_live_row_says_when_it_was_captured_and_how_long_it_took(tmp_path: Path) -> None:
    sink = JsonLinesSink(tmp_path / "rows.jsonl")
    when = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC).isoformat()
    sink.write(make_result(is_live=True, captured_at=when, latency=Latency(1.23456, 20.0, 25.5)))
    sink.close()
    (row,) = json_rows(tmp_path / "rows.jsonl")
    assert row["captured_at"] == when
    assert row["latency_ms"] == {"queue": 1.235, "infer": 20.0, "total": 25.5}


def test_a_picture_has_its_path_and_neither_time_nor_steady_label(tmp_path: Path) -> None:
    sink = JsonLinesSink(tmp_path / "rows.jsonl")
    sink.write(make_result(pts=None, origin="photos/dog.jpg"))
    sink.close()
    (row,) = json_rows(tmp_path / "rows.jsonl")
    assert (row["origin"], row["pts_s"], row["steady"]) == ("photos/dog.jpg", None, None)


def test_the_table_is_the_same_rows_flat(tmp_path: Path) -> None:
    sink = CsvSink(tmp_path / "rows.csv")
    sink.write(make_result(index=7, steady=("unknown", 0.3), scores=[('crane, "bird"', 0.4), ("ö\n", 0.1)]))
    sink.write(make_result(index=8, is_live=True, captured_at="now", latency=Latency(1, 2, 3)))
    sink.close()
    text = (tmp_path / "rows.csv").read_bytes().decode()
    assert text.splitlines()[0] == (
        "stream,origin,index,pts_s,captured_at,model,engine,label,class_id,probability,steady_label,steady_probability,"
        "latency_queue_ms,latency_infer_ms,latency_total_ms,"
        "top1_class_id,top1_label,top1_probability,top2_class_id,top2_label,top2_probability"
    )
    assert "\r" not in text
    with (tmp_path / "rows.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["label"], first["top2_label"], first["steady_label"]) == ('crane, "bird"', "ö\n", "unknown")
    assert (first["captured_at"], first["latency_total_ms"]) == ("", "")
    assert (second["steady_label"], second["latency_total_ms"], second["top2_label"]) == ("", "3", "wine bottle")


BOXES = (Box(1, "dog", 0.87654321, (1.26, 2, 30.04, 40)), Box(0, "cat", 0.5, (0, 0, 64, 48)))
FOUND = {"boxes": BOXES, "scores": [("dog", 0.87654321), ("cat", 0.5)]}
NOTHING: dict[str, object] = {"boxes": (), "scores": []}


def test_a_detector_s_row_has_its_boxes_in_pixels_and_claims_no_class_where_there_is_none(tmp_path: Path) -> None:
    sink = JsonLinesSink(tmp_path / "rows.jsonl")
    for index, answer in enumerate((FOUND, NOTHING)):
        sink.write(make_result(index=index, steady=("unknown", 0.2), **answer))
    sink.close()
    found, nothing = json_rows(tmp_path / "rows.jsonl")
    assert list(found) == list(nothing) == [*FIELDS[:-1], "boxes", FIELDS[-1]]
    assert found["boxes"] == [
        {"class_id": 1, "label": "dog", "probability": 0.87654, "box_xyxy": [1.3, 2.0, 30.0, 40.0]},
        {"class_id": 0, "label": "cat", "probability": 0.5, "box_xyxy": [0.0, 0.0, 64.0, 48.0]},
    ]
    assert (nothing["label"], nothing["class_id"], nothing["probability"]) == ("unknown", -1, 0)
    assert (nothing["top"], nothing["boxes"]) == ([], [])
    assert nothing["steady"] == {"label": "unknown", "probability": 0.2}


@pytest.mark.parametrize("first", [FOUND, NOTHING], ids=["found", "nothing"])
def test_a_detector_s_table_counts_the_boxes_whatever_its_first_row_has(
    first: dict[str, object], tmp_path: Path
) -> None:
    sink = CsvSink(tmp_path / "rows.csv")
    for index, answer in enumerate((first, FOUND, NOTHING)):
        sink.write(make_result(index=index, **answer))
    sink.close()
    with (tmp_path / "rows.csv").open(newline="") as file:
        _, found, nothing = csv.DictReader(file)
    assert not any(name.startswith("top") for name in found)
    assert (found["label"], found["probability"], found["boxes"]) == ("dog", "0.87654", "2")
    assert (nothing["label"], nothing["class_id"], nothing["boxes"]) == ("unknown", "-1", "0")


@both
def test_two_runs_give_the_same_bytes(make: Make, name: str, tmp_path: Path) -> None:
    for run in (1, 2):
        sink = make(tmp_path / f"{run}-{name}", False)
        for index in range(20):
            sink.write(make_result(index=index, pts=index, captured_s=run * 1000.0 + index, latency=Latency(run, 2, 3)))
        sink.close()
    assert (tmp_path / f"1-{name}").read_bytes() == (tmp_path / f"2-{name}").read_bytes()


@both
def test_rows_reach_the_disk_within_a_second(make: Make, name: str, tmp_path: Path) -> None:
    clock = ManualClock()
    sink = make(tmp_path / name, False, clock)
    sink.write(make_result())
    sink.tick(STATS)
    assert (tmp_path / name).stat().st_size == 0
    clock.advance(1.0)
    sink.tick(STATS)
    assert b"water bottle" in (tmp_path / name).read_bytes()
    sink.close()


def fill(sink: JsonLinesSink | CsvSink) -> None:
    for index in range(3000):
        sink.write(make_result(index=index))


@both
def test_a_full_disk_is_named_and_what_was_written_stays_whole(make: Make, name: str, tmp_path: Path) -> None:
    sink = make(tmp_path / name, False)
    with disk_of(100_000):
        with pytest.raises(SinkError, match=rf"{name}: cannot be written on: .*space"):
            fill(sink)
        sink.close()
    lines = (tmp_path / name).read_text().splitlines(keepends=True)
    assert len(lines) > 100
    assert all(line.endswith("\n") for line in lines)
    assert len({line.count(",") for line in lines[1:]}) == 1


def test_a_device_that_is_full_is_named() -> None:
    sink = JsonLinesSink(Path("/dev/full"), overwrite=True)
    sink.write(make_result())
    with pytest.raises(SinkError, match="/dev/full: cannot be written on: No space left on device"):
        sink.close()
    assert Path("/dev/full").exists()


@both
def test_a_name_that_is_no_unicode_still_makes_a_row(make: Make, name: str, tmp_path: Path) -> None:
    sink = make(tmp_path / name, False)
    sink.write(make_result(origin=os.fsdecode(b"photo-\xff.jpg")))
    sink.close()
    assert b"photo-\\udcff.jpg" in (tmp_path / name).read_bytes()


def test_a_run_without_rows_leaves_the_old_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("yesterday's\n")
    sink = JsonLinesSink(path, overwrite=True)
    sink.tick(STATS)
    sink.close()
    assert path.read_text() == "yesterday's\n"


SCRIPT = """
import sys
from streamclf.sinks.json_lines import JsonLinesSink
from tests.results import make_result
sink = JsonLinesSink("-")
count = 0
while count < {rows} and not sink.wants_stop:
    sink.write(make_result(index=count, origin="\\u732b.jpg"))
    count += 1
sink.close()
sys.exit(7 if sink.wants_stop else 0)
"""


def run_script(rows: int, **options: object) -> subprocess.Popen[bytes]:
    here = Path(__file__).parents[2]
    command = [sys.executable, "-c", SCRIPT.format(rows=rows)]
    return subprocess.Popen(command, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)  # type: ignore[call-overload, no-any-return]


def test_standard_output_carries_each_row_as_utf8_whatever_the_locale() -> None:
    child = run_script(3, env=os.environ | {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"})
    out, err = child.communicate(timeout=30)
    assert [json.loads(line)["index"] for line in out.splitlines()] == [0, 1, 2]
    assert "猫.jpg" in out.decode()
    assert (child.returncode, err) == (0, b"")


def test_a_reader_that_leaves_ends_the_run_in_silence() -> None:
    child = run_script(1_000_000)
    assert child.stdout is not None
    assert child.stderr is not None
    assert child.stdout.readline().startswith(b'{"stream"')
    child.stdout.close()
    err = child.stderr.read()
    child.stderr.close()
    assert (child.wait(timeout=30), err) == (7, b"")
