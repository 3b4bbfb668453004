"""Lines for a person."""

from __future__ import annotations

import io

import pytest

from streamclf.sinks.console import ConsoleSink, timecode
from tests.results import make_result


def lines_of(*results: object) -> list[str]:
    out = io.StringIO()
    sink = ConsoleSink(out)
    for result in results:
        sink.write(result)  # type: ignore[arg-type]
    sink.close()
    return out.getvalue().splitlines()


def test_only_a_change_of_the_steady_label_makes_a_line() -> None:
    labels = ["unknown", "unknown", "water bottle", "water bottle", "cup", "water bottle"]
    results = [make_result(pts=30 * n, index=n, steady=(label, 0.75)) for n, label in enumerate(labels)]
    assert lines_of(*results) == [
        "0:00:00.000  clip.mp4  unknown  0.750",
        "0:00:02.000  clip.mp4  water bottle  0.750",
        "0:00:04.000  clip.mp4  cup  0.750",
        "0:00:05.000  clip.mp4  water bottle  0.750",
    ]


def test_streams_change_apart() -> None:
    results = [make_result(stream=name, steady=("cup", 0.5)) for name in ("door", "yard", "door", "yard")]
    assert lines_of(*results) == ["0:00:00.000  door  cup  0.500", "0:00:00.000  yard  cup  0.500"]


def test_a_live_line_has_the_wall_clock() -> None:
    (line,) = lines_of(make_result(is_live=True, captured_at="2025-01-02T03:04:05.678+00:00", steady=("cup", 0.5)))
    assert line == "2025-01-02T03:04:05.678+00:00  clip.mp4  cup  0.500"


def test_each_picture_has_its_line() -> None:
    lines = lines_of(*(make_result(pts=None, origin=f"photos/{name}.jpg") for name in ("a", "b")))
    assert lines == ["photos/a.jpg  water bottle  0.873", "photos/b.jpg  water bottle  0.873"]


def test_a_detector_that_found_nothing_claims_no_class() -> None:
    assert lines_of(make_result(pts=None, origin="a.jpg", boxes=(), scores=[])) == ["a.jpg  unknown  0.000"]


def test_a_file_name_cannot_steer_the_terminal() -> None:
    (line,) = lines_of(make_result(pts=None, origin="evil\x1b[2J\nname.jpg"))
    assert line.startswith("evil?[2J?name.jpg  ")


def test_an_output_that_knows_only_ascii_gets_a_question_mark() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    ConsoleSink(out).write(make_result(steady=("Straße", 0.5)))
    assert raw.getvalue() == b"0:00:00.000  clip.mp4  Stra?e  0.500\n"


def test_a_reader_that_left_is_a_wish_to_stop_and_no_error() -> None:
    class Closed(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    sink = ConsoleSink(Closed())
    sink.write(make_result())
    assert sink.wants_stop
    sink.write(make_result(steady=("other", 0.5)))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00:00.000"),
        (3723.4567, "1:02:03.457"),
        (59.9996, "0:01:00.000"),
        (-0.04, "-0:00:00.040"),
        (360000, "100:00:00.000"),
    ],
)
def test_time_is_hours_minutes_seconds(seconds: float, text: str) -> None:
    assert timecode(seconds) == text
