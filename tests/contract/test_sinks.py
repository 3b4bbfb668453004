"""Every kind of sink keeps the same promises."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from streamclf.errors import OutputExistsError, SinkError, StreamclfError
from streamclf.prediction import Box
from streamclf.sink import Sink
from streamclf.sinks.console import ConsoleSink
from streamclf.sinks.contact_sheet import ContactSheetSink, Shot
from streamclf.sinks.csv import CsvSink
from streamclf.sinks.json_lines import JsonLinesSink
from streamclf.sinks.null import NullSink
from streamclf.sinks.picture_folder import PictureFolderSink
from streamclf.sinks.video_file import AnnotatedVideoSink
from streamclf.sinks.window import WindowSink
from streamclf.vision.draw import annotate
from tests.results import STATS, make_result


@dataclass
class Kind:
    make: Callable[[Path, bool], Sink]
    """From where its output goes, and whether that may be replaced."""
    needs_picture: bool = False
    output: str | None = None
    """The name of its output in a folder."""
    is_folder: bool = False


KINDS = {
    "json lines": Kind(lambda path, over: JsonLinesSink(path, over), output="rows.jsonl"),
    "json lines to standard output": Kind(lambda path, over: JsonLinesSink("-")),
    "csv": Kind(lambda path, over: CsvSink(path, over), output="rows.csv"),
    "video": Kind(lambda path, over: AnnotatedVideoSink(path, over), True, "clip.mp4"),
    "picture folder": Kind(lambda path, over: PictureFolderSink(path, over), True, "pictures", is_folder=True),
    "contact sheet": Kind(
        lambda path, over: ContactSheetSink(path, [Shot("a", 0, 9)], "title", over), True, "sheet.png"
    ),
    "console": Kind(lambda path, over: ConsoleSink(io.StringIO())),
    "null": Kind(lambda path, over: NullSink()),
    "window": Kind(lambda path, over: WindowSink(), True),
}
FILES = {name: kind for name, kind in KINDS.items() if kind.output}

every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
every_file = pytest.mark.parametrize("kind", FILES.values(), ids=FILES)


def place(kind: Kind, folder: Path) -> Path:
    return folder / (kind.output or "unused")


@every_kind
def test_it_says_whether_it_needs_pictures_and_wants_no_stop_at_first(kind: Kind, tmp_path: Path) -> None:
    sink = kind.make(place(kind, tmp_path), False)
    assert sink.needs_picture is kind.needs_picture
    assert sink.wants_stop is False
    sink.close()


@every_kind
def test_it_closes_twice_without_a_word(kind: Kind, tmp_path: Path) -> None:
    sink = kind.make(place(kind, tmp_path), False)
    if kind is not KINDS["window"]:  # a window needs a screen as soon as it has something to show
        for index in range(3):
            sink.write(make_result(index=index, pts=index))
            sink.tick(STATS)
    sink.close()
    sink.close()


@every_kind
def test_a_sink_that_does_not_need_pictures_never_has_one_drawn(kind: Kind, tmp_path: Path) -> None:
    def refuse(_: object) -> object:
        raise AssertionError("drawn for nothing")

    sink = kind.make(place(kind, tmp_path), False)
    if not kind.needs_picture:
        sink.write(make_result(draw=refuse))  # type: ignore[arg-type]
        sink.tick(STATS)
    sink.close()


@every_kind
def test_it_takes_a_detector_s_frames_with_boxes_and_without(kind: Kind, tmp_path: Path) -> None:
    sink = kind.make(place(kind, tmp_path), False)
    for index, boxes in enumerate(((), (Box(1, "dog", 0.9, (1, 2, 30, 40)),), ())):
        scores = [(box.label, box.probability) for box in boxes]
        sink.write(make_result(index=index, pts=index, boxes=boxes, scores=scores, draw=annotate))
        if kind is not KINDS["window"]:
            sink.tick(STATS)
    sink.close()


@every_file
def test_an_output_that_cannot_be_written_fails_before_the_first_result(kind: Kind, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match="file"):
        kind.make(place(kind, tmp_path / "file"), False)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@every_file
def test_an_existing_output_is_refused_and_stays_as_it_is(kind: Kind, tmp_path: Path) -> None:
    path = place(kind, tmp_path)
    inside = path / "old.txt" if kind.is_folder else path
    inside.parent.mkdir(exist_ok=True)
    inside.write_text("precious")
    with pytest.raises(OutputExistsError, match="--overwrite"):
        kind.make(path, False)
    assert inside.read_text() == "precious"


@every_file
def test_an_existing_output_is_replaced_when_that_was_asked_for(kind: Kind, tmp_path: Path) -> None:
    path = place(kind, tmp_path)
    inside = path / "dog.jpg" if kind.is_folder else path
    inside.parent.mkdir(exist_ok=True)
    inside.write_bytes(b"old" * 100_000)
    sink = kind.make(path, True)
    sink.write(make_result(origin="a/dog.jpg"))
    sink.close()
    assert b"oldold" not in inside.read_bytes()


@every_file
def test_an_existing_output_survives_a_run_that_never_began(kind: Kind, tmp_path: Path) -> None:
    path = place(kind, tmp_path)
    inside = path / "old.txt" if kind.is_folder else path
    inside.parent.mkdir(exist_ok=True)
    inside.write_text("precious")
    kind.make(path, True).close()
    assert inside.read_text() == "precious"


@every_file
def test_a_missing_folder_is_named(kind: Kind, tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"there is no folder .*nowhere"):
        kind.make(tmp_path / "nowhere" / (kind.output or ""), False)
    assert list(tmp_path.iterdir()) == []


@every_file
def test_the_wrong_sort_of_place_is_refused(kind: Kind, tmp_path: Path) -> None:
    path = place(kind, tmp_path)
    if kind.is_folder:
        path.touch()
    else:
        path.mkdir()
    with pytest.raises(StreamclfError, match=r"is a folder; name a file|is a file; pictures are saved into a folder"):
        kind.make(path, True)


@pytest.mark.parametrize(
    "module", ["json_lines", "csv", "console", "contact_sheet", "null", "picture_folder", "video_file", "window"]
)
def test_each_kind_can_be_imported_alone(module: str) -> None:
    code = f"import sys, streamclf.sinks.{module}; print([m for m in sys.modules if m.startswith('streamclf.sinks.')])"
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    loaded = {name.rpartition(".")[2] for name in eval(out)}
    assert {name for name in loaded if not name.startswith("_")} == {module}, "kinds never import each other"
