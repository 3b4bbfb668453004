"""The overlay is readable on any picture of any size, and says what the run says."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from streamclf.prediction import Box
from streamclf.stats import RunStats, StreamStats
from streamclf.vision.boxes import class_colour
from streamclf.vision.draw import Numbers, _items, annotate, badge, headline, percent, tile
from streamclf.vision.plate import draw_plate
from streamclf.vision.text import Font, font, to_ascii
from tests.results import Pixels, flat, make_prediction

NUMBERS = Numbers(29.97, 12.5, 59.9, 12.4, 31.7, 3, "tiny", "cpu")
WHITE = (255, 255, 255)
SIZES = [(1, 1), (7, 300), (64, 48), (160, 120), (640, 360), (720, 1280), (12_000, 100), (3840, 2160)]


def noise(size_wh: tuple[int, int]) -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (size_wh[1], size_wh[0], 3), dtype=np.uint8)


def luminance(image: Pixels) -> np.ndarray:
    """Relative luminance as the Web accessibility guidelines define it."""
    part = image.astype(float) / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ np.array([0.0722, 0.7152, 0.2126]))


def changed(image: Pixels, drawn: Pixels) -> np.ndarray:
    return np.asarray((image != drawn).any(axis=2))


def covered(rows: slice, columns: slice, image: Pixels, drawn: Pixels) -> float:
    """The part of the pixels that were drawn over."""
    return float(changed(image, drawn)[rows, columns].mean())


@pytest.mark.parametrize("size_wh", SIZES, ids=str)
@pytest.mark.parametrize("numbers", [None, NUMBERS], ids=["bare", "numbers"])
def test_any_size_is_drawn_on_a_fresh_copy(size_wh: tuple[int, int], numbers: Numbers | None) -> None:
    image = noise(size_wh)
    before = image.copy()
    drawn = annotate(make_prediction(image), numbers)
    assert drawn.shape == image.shape
    assert drawn.dtype == np.uint8
    assert drawn.flags.writeable
    assert np.array_equal(image, before)
    assert changed(image, drawn).any()


@pytest.mark.parametrize("name", ["white", "black", "noise"])
@pytest.mark.parametrize("size_wh", [(320, 240), (640, 360), (1920, 1080)], ids=str)
def test_text_stands_out_on_any_background(name: str, size_wh: tuple[int, int]) -> None:
    image = {"white": flat(WHITE, size_wh), "black": flat((0, 0, 0), size_wh), "noise": noise(size_wh)}[name]
    drawn = luminance(annotate(make_prediction(image), NUMBERS))
    height, width = drawn.shape
    head = drawn[height // 25 : height // 12, width // 40 : width // 4]
    foot = drawn[-height // 30 : -height // 60, : width // 2]
    for part in (head, foot):
        paper, ink = np.percentile(part, 30), part.max()
        assert (ink + 0.05) / (paper + 0.05) >= 7, "the guidelines' strictest level for text"
    assert head.max() > 0.9, "the headline is the brightest of all"


def test_the_picture_away_from_the_panels_is_left_alone() -> None:
    image = noise((1280, 720))
    drawn = annotate(make_prediction(image), NUMBERS)
    assert covered(slice(360, 640), slice(None), image, drawn) == 0
    assert covered(slice(None, 600), slice(700, None), image, drawn) == 0
    assert changed(image, drawn).mean() < 0.2


def test_a_tiny_picture_has_room_for_the_label_only() -> None:
    image = noise((64, 48))
    drawn = annotate(make_prediction(image, scores=[("cup", 0.9)]), NUMBERS)
    assert covered(slice(0, 10), slice(None), image, drawn) > 0.9
    assert covered(slice(16, None), slice(None), image, drawn) == 0


def test_bars_are_as_long_as_the_probabilities() -> None:
    lengths = []
    for probability in (0.25, 0.5, 1.0):
        drawn = annotate(make_prediction(flat((0, 0, 0), (1280, 720)), scores=[("cup", probability)]))
        accent = (np.abs(drawn.astype(int) - (196, 220, 72)).max(axis=2) <= 2).sum(axis=1)
        lengths.append(int(accent.max()))
    assert lengths[0] * 4 == pytest.approx(lengths[2], abs=4)
    assert lengths[1] * 2 == pytest.approx(lengths[2], abs=2)


def test_the_steady_answer_is_the_headline_where_there_is_one() -> None:
    assert headline(make_prediction(steady=("cup", 0.45)), threshold=0.5) == ("cup", 0.45)
    assert headline(make_prediction(steady=("unknown", 0.45)), threshold=0.5) == ("unknown", None)
    assert headline(make_prediction(), threshold=0.5) == ("water bottle", 0.8734567)


def test_what_is_steady_and_what_is_of_this_frame_alone_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    write = Font.write

    def noted(face: Font, image: Pixels, text: str, place: tuple[int, int]) -> None:
        written.append(text)
        write(face, image, text, place)

    monkeypatch.setattr(Font, "write", noted)
    image = flat(size_wh=(640, 360))
    annotate(make_prediction(image, steady=("cup", 0.45)))
    caption = written.index("this frame")
    assert set(written[:caption]) == {"cup", "45.0%"}
    assert "water bottle" in written[caption:]
    written.clear()
    annotate(make_prediction(image))
    assert "water bottle" in written
    assert "this frame" not in written, "without a steady label there is nothing to tell apart"


def test_below_the_threshold_the_headline_is_unknown() -> None:
    assert headline(make_prediction(), threshold=0.9) == ("unknown", None)
    image = flat(size_wh=(640, 360))
    sure, unsure = (annotate(make_prediction(image), threshold=threshold) for threshold in (0.5, 0.9))
    assert changed(sure, unsure).any()


def test_every_number_shows() -> None:
    image = flat(size_wh=(1280, 720))
    base = annotate(make_prediction(image), NUMBERS)
    for field, value in {
        "capture_fps": 1.0, "classify_fps": 2.0, "display_fps": 0.0, "p50_ms": None, "p95_ms": 900.0, "dropped": 4,
        "model": "other", "engine": "openvino bfloat16",
    }.items():  # fmt: skip
        other = Numbers(**{**{name: getattr(NUMBERS, name) for name in Numbers.__slots__}, field: value})
        assert changed(base, annotate(make_prediction(image), other)).any(), field


def test_a_growing_number_moves_nothing_else() -> None:
    image = flat(size_wh=(1280, 720))
    moved = changed(
        annotate(make_prediction(image), NUMBERS),
        annotate(make_prediction(image), Numbers(129.97, 12.5, 59.9, 12.4, 31.7, 3, "tiny", "cpu")),
    )
    columns = np.flatnonzero(moved.any(axis=0))
    assert columns.max() - columns.min() < 80


def test_a_rate_that_is_not_known_is_a_dash() -> None:
    rates = {"capture": None, "classify": 12.0, "sink": None}
    stream = StreamStats(9, 5, {}, 0, None, None, rates, {}, None, True)  # type: ignore[arg-type]
    numbers = Numbers.of(RunStats({"cam": stream}, {}, {}, {}, 1.0, 0.0, "tiny", "cpu"), "cam")
    assert numbers is not None
    assert [value for _, value, _ in _items(numbers)][:3] == ["-", "12.0", "- fps"]
    window = Numbers.of(RunStats({"cam": stream}, {}, {}, {}, 1.0, 0.0, "tiny", "cpu"), "cam", None, has_window=True)
    assert window is not None
    assert (window.display_name, window.display_fps) == ("display", None)


def test_numbers_are_those_of_the_stream() -> None:
    rates = {"capture": 30.0, "classify": 12.0, "sink": 11.0}
    stream = StreamStats(9, 5, {"queue_full": 3, "stale": 1, "frame_step": 40}, 0, None, None, rates, {}, None, True)  # type: ignore[arg-type]
    stats = RunStats({"cam": stream}, {}, {}, {"total": {"p50": 5.0, "p95": 9.0, "p99": 10.0}}, 1.0, 0.0, "tiny", "cpu")
    assert Numbers.of(stats, "cam") == Numbers(30.0, 12.0, 11.0, 5.0, 9.0, 4, "tiny", "cpu", "write")
    assert Numbers.of(stats, "cam", 25.0, has_window=True) == Numbers(
        30.0, 12.0, 25.0, 5.0, 9.0, 4, "tiny", "cpu", "display"
    )
    assert Numbers.of(stats, "other") is None
    assert Numbers.of(None, "cam") is None


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0.0%"), (0.8734, "87.3%"), (0.9994, "99.9%"), (0.9996, "100%"), (1, "100%")]
)
def test_only_certainty_reads_as_a_hundred_percent(value: float, text: str) -> None:
    assert percent(value) == text


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Águila — Łódź, Straße", "Aguila - Lodz, Strasse"),
        ("Подъезд", "Podezd"),
        ("Ωμέγα", "Omega"),
        ("猫カフェ cat", "? cat"),
        ("cafe\u0301 ½ “x”…", 'cafe 1/2 "x"...'),
        ("a\tb\u200bc\x00", "a bc?"),
        ("👩‍👩‍👧", "?"),
    ],
)
def test_text_the_font_lacks_is_spelt_or_replaced(text: str, plain: str) -> None:
    assert to_ascii(text) == plain


def test_a_long_label_keeps_whole_names_or_ends_in_an_ellipsis() -> None:
    face = font(20, 0.15, WHITE)
    label = "malamute, malemute, Alaskan malamute"
    assert face.shorten(label, 10_000) == label
    assert face.shorten(label, face.width("malamute, malemute") + 3) == "malamute, malemute"
    short = face.shorten("Staffordshire bullterrier", 200)
    assert short.endswith("...")
    assert short.startswith("Staff")
    assert face.width(short) <= 200


def test_digits_are_equally_wide_so_that_numbers_do_not_jitter() -> None:
    face = font(11, 0.13, WHITE)
    assert len({face.width(digit * 3) for digit in "0123456789"}) == 1


@pytest.mark.parametrize("xy", [(0, 0), (60, 40), (63, 47), (64, 48), (200, 200)])
def test_text_beyond_the_edge_is_clipped(xy: tuple[int, int]) -> None:
    image = flat((0, 0, 0))
    font(20, 0.15, WHITE).write(image, "label", xy)
    draw_plate(image, (*xy, 100, 100), 10)
    assert image.shape == (48, 64, 3)


BOX = Box(3, "cup", 0.9, (100, 100, 400, 250))


def with_boxes(image: Pixels, *boxes: Box, numbers: Numbers | None = None) -> Pixels:
    return annotate(make_prediction(image, boxes=boxes, scores=[]), numbers)


@pytest.mark.parametrize("ground", [(0, 0, 0), WHITE, (128, 128, 128)], ids=["black", "white", "grey"])
@pytest.mark.parametrize("size_wh", [(320, 320), (640, 360), (1920, 1080)], ids=str)
def test_a_box_and_its_tag_stand_out_on_any_ground(ground: tuple[int, int, int], size_wh: tuple[int, int]) -> None:
    width, height = size_wh
    box = Box(7, "cup", 0.9, (width * 0.2, height * 0.4, width * 0.8, height * 0.9))  # blue, the darkest of the colours
    light = luminance(with_boxes(flat(ground, size_wh), box))
    outline = light[height * 6 // 10, : width * 3 // 10]
    assert (outline.max() + 0.05) / (outline.min() + 0.05) >= 3, "the guidelines' level for what is no text"
    tag = light[round(height * 0.4) - height // 40 : round(height * 0.4) - height // 80, width // 5 : width * 3 // 10]
    assert (tag.max() + 0.05) / (np.percentile(tag, 30) + 0.05) >= 7


def test_the_outline_follows_the_box_and_leaves_the_object_alone() -> None:
    image = noise((640, 360))
    moved = changed(image, with_boxes(image, BOX))
    assert moved[100:250, 98:103].all(axis=0).any()
    assert moved[100:250, 397:402].all(axis=0).any()
    assert moved[247:252, 100:400].all(axis=1).any()
    assert not moved[110:240, 110:390].any()
    assert not moved[260:].any()
    assert not moved[:, :90].any()


def test_a_class_has_one_colour_in_every_run_and_neighbours_have_others() -> None:
    assert class_colour(0) == (148, 255, 128)
    assert class_colour(16) == class_colour(16)
    colours = np.array([class_colour(number) for number in range(80)])
    assert colours.max(axis=1).min() == 255, "bright, all of them"
    assert len({tuple(colour) for colour in colours.tolist()}) == 80
    assert np.abs(np.diff(colours, axis=0)).max(axis=1).min() > 60


def test_a_frame_in_which_nothing_was_found_is_left_as_it_is() -> None:
    image = noise((640, 360))
    assert np.array_equal(with_boxes(image), image)


def test_tags_of_boxes_at_one_place_do_not_cover_each_other() -> None:
    image = flat((0, 0, 0), (640, 360))
    one = changed(image, with_boxes(image, BOX))
    second = Box(5, "mug", 0.6, (102, 101, 401, 251))
    two = with_boxes(image, BOX, second)
    assert changed(image, two).sum() > 1.2 * one.sum(), "a second tag"
    tag = np.s_[86:97, 110:190]
    assert np.array_equal(two[tag], with_boxes(image, BOX)[tag]), "the better one is on top, and whole"


@pytest.mark.parametrize("size_wh", SIZES, ids=str)
def test_boxes_are_drawn_on_pictures_of_any_size(size_wh: tuple[int, int]) -> None:
    image = noise(size_wh)
    width, height = size_wh
    whole, corner = Box(0, "a thing of a long name", 1.0, (0, 0, width, height)), Box(1, "b", 0.5, (0, 0, 1, 1))
    drawn = with_boxes(image, whole, corner, *[whole] * 20, numbers=NUMBERS)
    assert drawn.shape == image.shape
    assert changed(image, drawn).any()


def test_the_numbers_stay_readable_over_boxes() -> None:
    image = flat((90, 90, 90), (640, 360))
    box = Box(0, "cup", 0.9, (10, 200, 630, 360))
    strip = np.s_[-12:]
    assert np.array_equal(with_boxes(image, box, numbers=NUMBERS)[strip], with_boxes(image, numbers=NUMBERS)[strip])


def test_the_headline_of_a_frame_without_boxes_claims_no_class() -> None:
    assert headline(make_prediction(boxes=(), scores=[]), threshold=0.0) == ("unknown", None)


def test_one_picture_is_shrunk_to_the_limit_and_never_grown() -> None:
    image = flat(size_wh=(640, 360))
    assert np.array_equal(tile([("a", image)], (1920, 1080)), image)
    assert tile([("a", image)], (320, 320)).shape == (180, 320, 3)


@pytest.mark.parametrize("count", range(2, 10))
def test_several_pictures_all_show_within_the_limit(count: int) -> None:
    colours = [(20 * number + 60, 255 - 20 * number, 128) for number in range(count)]
    picture = tile([(f"cam-{n}", flat(colour, (640, 360))) for n, colour in enumerate(colours)], (1280, 720))
    assert picture.shape[1] <= 1280
    assert picture.shape[0] <= 720
    shown = {tuple(int(value) for value in pixel) for pixel in picture.reshape(-1, 3)[::7]}
    assert set(colours) <= shown


def test_tiles_of_different_shapes_keep_their_aspect_and_carry_their_names() -> None:
    wide, tall = flat((0, 0, 255), (640, 360)), flat((255, 0, 0), (360, 640))
    picture = tile([("wide", wide), ("tall", tall)], (1000, 500))
    red = np.argwhere((picture == (0, 0, 255)).all(axis=2))
    assert np.ptp(red[:, 1]) / np.ptp(red[:, 0]) == pytest.approx(640 / 360, rel=0.05)
    assert not np.array_equal(picture, tile([("other", wide), ("tall", tall)], (1000, 500)))


def test_a_badge_sits_in_the_upper_right_corner() -> None:
    image = flat((90, 90, 90), (640, 360))
    drawn = image.copy()
    badge(drawn, "paused")
    rows, columns = np.nonzero(changed(image, drawn))
    assert rows.max() < 60
    assert columns.min() > 500


def test_a_notice_sits_in_the_middle() -> None:
    image = flat((90, 90, 90), (640, 360))
    drawn = image.copy()
    badge(drawn, "saved a.png", in_middle=True)
    rows, columns = np.nonzero(changed(image, drawn))
    assert abs(rows.min() + rows.max() - 359) <= 2
    assert abs(columns.min() + columns.max() - 639) <= 2


def test_a_real_photograph_keeps_its_subject_in_sight(images: Path) -> None:
    image = np.asarray(cv2.imread(str(images / "dog.jpg")), np.uint8)
    drawn = annotate(make_prediction(image), NUMBERS)
    assert covered(slice(200, 500), slice(100, 700), image, drawn) == 0, "the dog"
