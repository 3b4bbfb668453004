from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamclf.catalogue.card import read_card
from streamclf.errors import CardError
from streamclf.frame import FitPlan, Image
from streamclf.vision.preprocess import fit_image

PLAN = FitPlan("overview_tiles", (448, 128))
TILE = 64


def tile(fitted: Image, column: int, row: int) -> Image:
    left = 128 + column * TILE
    return fitted[row * TILE : (row + 1) * TILE, left : left + TILE]


def checkers(width: int, height: int, cell: int = 8) -> Image:
    y, x = np.mgrid[0:height, 0:width] // cell
    return np.repeat((((x + y) % 2) * 200 + 20).astype(np.uint8)[..., None], 3, 2)


@settings(max_examples=80, deadline=None)
@given(
    width=st.integers(1, 700),
    height=st.integers(1, 700),
    columns=st.sampled_from([3, 5, 7]),
    tile_size=st.integers(1, 40),
    channels=st.sampled_from([1, 3]),
)
def test_any_picture_becomes_the_planned_input(
    width: int, height: int, columns: int, tile_size: int, channels: int
) -> None:
    image = np.random.default_rng(width * height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image.setflags(write=False)
    size = (tile_size * 2 + columns * tile_size, tile_size * 2)
    fitted = fit_image(image, FitPlan("overview_tiles", size, channels=channels))  # type: ignore[arg-type]
    assert fitted.shape == (size[1], size[0], channels)
    assert fitted.dtype == np.uint8
    assert fitted.flags.c_contiguous
    assert fitted.flags.writeable
    assert not np.shares_memory(fitted, image)


@pytest.mark.parametrize("size", [(1, 1), (1, 4000), (4000, 1), (65, 63), (7680, 4320)])
def test_the_smallest_and_the_largest_flat_pictures_stay_flat(size: tuple[int, int]) -> None:
    fitted = fit_image(np.full((size[1], size[0], 3), 77, np.uint8), PLAN)
    assert fitted.shape == (128, 448, 3)
    assert (fitted == 77).all()


FULL, REDUCED, FLAT = (0, 1), (2, 3), (4,)
"""The columns of tiles of each kind."""


@pytest.mark.parametrize("size", [(1920, 1080), (1280, 720), (854, 480), (511, 900), (224, 224)])
def test_full_and_flat_tiles_are_parts_of_the_picture_at_its_own_size(size: tuple[int, int]) -> None:
    image = np.random.default_rng(3).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    fitted = fit_image(image, PLAN)
    for column in (*FULL, *FLAT):
        for row in range(2):
            differences = cv2.matchTemplate(image, tile(fitted, column, row), cv2.TM_SQDIFF)
            assert differences.min() < 1


def test_reduced_tiles_show_the_same_share_of_a_large_picture_as_full_tiles_of_a_small_one() -> None:
    # One dot of a 15th of the lines in each quarter: as large on the tile whatever the picture's size is.
    for lines in (270, 300, 360, 600, 720, 1080):
        image = np.full((lines, lines * 16 // 9, 3), 30, np.uint8)
        for x in (1, 3):
            for y in (1, 3):
                cv2.circle(image, (x * image.shape[1] // 4, y * lines // 4), lines // 15, (255, 255, 255), -1)
        fitted = fit_image(image, PLAN)
        for column in REDUCED:
            for row in range(2):
                share = (tile(fitted, column, row)[..., 0] > 140).mean()
                assert share == pytest.approx(np.pi * 18**2 / 64**2, rel=0.08), lines


@pytest.mark.parametrize("lines", [224, 360, 720, 1080])
def test_a_clock_written_above_or_below_is_on_no_tile(lines: int) -> None:
    image = np.full((lines, lines * 16 // 9, 3), 120, np.uint8)
    image += np.random.default_rng(2).integers(0, 9, image.shape, dtype=np.uint8)
    high = lines // 18
    for y in (lines // 100, lines - lines // 100 - high):
        image[y : y + high, lines // 8 : lines] = checkers(lines - lines // 8, high, max(2, lines // 120))
    fitted = fit_image(image, PLAN)
    for column in range(5):
        for row in range(2):
            assert np.ptp(tile(fitted, column, row)) < 12


def test_each_quarter_shows_its_most_detailed_place_and_each_half_its_flattest() -> None:
    image = np.full((720, 1280, 3), 120, np.uint8)
    image += np.random.default_rng(1).integers(0, 9, image.shape, dtype=np.uint8)
    spots = {(column, row): (200 + column * 600, 120 + row * 360) for column in range(2) for row in range(2)}
    for number, (x, y) in enumerate(spots.values()):
        image[y : y + 64, x : x + 64] = checkers(64, 64) // 2 + 20 * number
    image[:, 330:394] = 90  # without any grain: the flattest of all
    image[:, 900:964] = 90
    fitted = fit_image(image, PLAN)
    for (column, row), (x, y) in spots.items():
        shown = tile(fitted, column, row).astype(int)
        assert np.abs(np.diff(shown, axis=1)).mean() > 8, "the detail is not in view"
        assert abs(shown.mean() - image[y : y + 64, x : x + 64].mean()) < 12
    assert np.ptp(tile(fitted, 4, 0)) <= 8
    assert np.ptp(tile(fitted, 4, 1)) <= 8


def test_a_clipped_place_is_not_the_flat_one_where_another_shows_the_sensor_s_noise() -> None:
    image = np.clip(np.random.default_rng(1).normal(120, 6, (720, 1280, 3)), 0, 255).astype(np.uint8)
    image[:120] = 0  # letterbox bars
    image[600:] = 255  # a blown-out floor
    fitted = fit_image(image, PLAN)
    assert tile(fitted, 4, 0).std() > 3
    assert tile(fitted, 4, 1).std() > 3


def test_the_overview_is_the_whole_picture() -> None:
    image = np.zeros((720, 1280, 3), np.uint8)
    image[:360, :640], image[360:, 640:] = (255, 0, 0), (0, 0, 255)
    overview = fit_image(image, PLAN)[:, :128]
    assert tuple(overview[30, 30]) == (255, 0, 0)
    assert tuple(overview[98, 98]) == (0, 0, 255)
    assert tuple(overview[98, 30]) == (0, 0, 0)
    assert PLAN.geometry((1280, 720)).to_picture(64, 64) == (640, 360)


@pytest.mark.parametrize("size", [(447, 128), (448, 127), (384, 128), (128, 128), (192, 128), (100, 128)])
def test_a_size_without_room_for_whole_tiles_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"{size[0]}x{size[1]} is not possible"):
        FitPlan("overview_tiles", size)


@pytest.mark.parametrize(
    ("width", "more", "message"),
    [
        (300, "", r"input: .*300x128 is not possible"),
        (448, ', interpolation = "cubic"', r"interpolation: fit = 'overview_tiles' has none"),
        (448, ", pad_value = 0", r"pad_value: fit = 'overview_tiles' has none"),
    ],
)
def test_a_card_that_cannot_be_laid_out_so_is_refused(tmp_path: Path, width: int, more: str, message: str) -> None:
    card, zeros = tmp_path / "card.toml", "0" * 64
    card.write_text(
        f"""schema = 1
name = "x"
task = "classification"
framework = "onnx"
licence = "MIT"
origin = "here"
verified = false
files = [{{ role = "weights", name = "x.onnx", bytes = 1, sha256 = "{zeros}" }}]
input = {{ width = {width}, height = 128, channels = "bgr", fit = "overview_tiles"{more} }}
output = {{ classes = 2, softmax = true }}
labels = {{ file = "x.txt" }}
""",
        encoding="utf-8",
    )
    with pytest.raises(CardError, match=message):
        read_card(card)
