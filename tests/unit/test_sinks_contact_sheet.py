"""The contact sheet: a frame of each part of a run, with what it is and what was said of it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from streamclf.errors import SinkError
from streamclf.sinks.contact_sheet import Cell, ContactSheetSink, Shot, draw_sheet
from tests.results import disk_of, flat, make_result

SIZE_WH = (640, 360)
COLOURS = {0: (200, 60, 20), 1: (40, 180, 60), 2: (30, 40, 210), 3: (120, 120, 20)}
SHOTS = [Shot("ok", 0, 10), Shot("dark", 14, 20), Shot("noise", 24, 30)]


def sheet_of(path: Path, said: dict[int, str], shots: list[Shot] = SHOTS) -> npt.NDArray[np.uint8] | None:
    """What is written after frames of those indices; each ten of them have a colour."""
    sink = ContactSheetSink(path, shots, "a title")
    for index, label in said.items():
        sink.write(make_result(flat(COLOURS[index // 10], SIZE_WH), index=index, pts=index, steady=(label, 0.9)))
    sink.close()
    image = cv2.imread(str(path))
    return None if image is None else np.asarray(image, np.uint8)


def share(sheet: npt.NDArray[np.uint8], colour: tuple[int, int, int]) -> float:
    """How many cells of 320x180 are of that colour."""
    return float((sheet == colour).all(axis=2).sum() / (320 * 180))


def test_the_first_frame_within_each_shot_is_kept_however_many_were_dropped(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path / "a.png", dict.fromkeys((0, 1, 13, 17, 18, 25, 31), "ok"))
    assert sheet is not None
    assert [share(sheet, COLOURS[ten]) for ten in range(4)] == [1, 1, 1, 0]


def test_a_shot_of_which_no_frame_came_is_left_out(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path / "a.png", dict.fromkeys((0, 22, 26), "ok"))
    assert sheet is not None
    assert [share(sheet, COLOURS[ten]) for ten in range(3)] == [1, 0, 1]
    assert sheet.shape == sheet_of(tmp_path / "b.png", dict.fromkeys((0, 26), "ok")).shape  # type: ignore[union-attr]


def test_right_and_wrong_answers_have_colours_of_their_own() -> None:
    def hues(said: str) -> set[bool]:
        """Whether coloured letters are more blue-green (True) or more red (False)."""
        sheet = draw_sheet([Cell("dark", said, 0.5, flat((0, 0, 0), (320, 180)))], "", "net").astype(int)
        caption = sheet[-40:]
        coloured = caption[np.ptp(caption, axis=2) > 100]
        return {bool(green > red) for _, green, red in coloured}

    assert hues("dark") == {True}
    assert hues("noise") == {False}


def test_the_grid_is_as_square_as_the_number_of_cells_allows() -> None:
    cell = Cell("ok", "ok", 0.9, flat(size_wh=(320, 180)))
    sizes = {count: draw_sheet([cell] * count, "t", "net").shape for count in (1, 4, 5, 12)}
    assert sizes[1][1] < sizes[4][1] < sizes[5][1] < sizes[12][1] < 1400
    assert sizes[4][0] == sizes[5][0] < sizes[12][0]


def test_texts_of_any_length_and_a_single_cell_are_drawn() -> None:
    cell = Cell("a name " * 9, "an answer " * 9, None, flat(size_wh=(320, 180)))
    assert draw_sheet([cell], "a title " * 30, "a network " * 9).shape[2] == 3


def test_a_run_that_ends_before_its_first_shot_leaves_no_sheet(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    assert sheet_of(path, {1: "ok"}, [Shot("ok", 5, 9)]) is None
    assert not path.exists()


def test_a_full_disk_is_named_and_leaves_no_half_sheet(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    sink = ContactSheetSink(path, [Shot("ok", 0, 9)], "title")
    noise = np.random.default_rng(0).integers(0, 256, (180, 320, 3), dtype=np.uint8)
    sink.write(make_result(noise))
    with disk_of(1000), pytest.raises(SinkError, match=r"a\.png.*: cannot be written on"):
        sink.close()
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_is_killed_leaves_no_sheet_of_another_run_and_no_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    sink = ContactSheetSink(path, SHOTS, "title")
    assert not path.exists()
    path.write_text("of the last demo")
    sink = ContactSheetSink(path, SHOTS, "title", overwrite=True)
    assert path.read_text() == "of the last demo", "nothing has begun yet"
    sink.write(make_result(flat(size_wh=SIZE_WH)))
    assert not path.exists()
    sink.close()
    assert cv2.imread(str(path)) is not None
    assert list(tmp_path.iterdir()) == [path]
