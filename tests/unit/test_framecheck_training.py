"""framecheck's own training and card: the split of the photographs, what becomes of the figures."""

from pathlib import Path

import numpy as np
import pytest

from streamclf.catalogue.card import read_card

FRAMECHECK = Path(__file__).parents[2] / "models" / "framecheck"
pytestmark = pytest.mark.usefixtures("framecheck_path")


@pytest.fixture
def card(tmp_path):
    """A copy of framecheck's card, with the files that it names."""
    for path in FRAMECHECK.iterdir():
        if path.suffix in (".toml", ".txt", ".onnx"):
            (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path / "card.toml"


def measured(top1: float) -> dict:
    """evaluate.py's report, as far as the card needs it."""
    size = {"frames": 90, "photographs": 7, "top1": top1, "recall": {"ok": 0.9, "dark": 0.8},
            "clean_called_damaged": 0.1, "calibration_error": 0.02}  # fmt: skip
    rows = {"rows": [{"frames": 10, "right": 9}, {"frames": 30, "right": 30}]}
    return {"generated": {"sizes": {"224": size, "1080": size}}, "clips": {"undamaged": rows, "damaged": rows}}


def test_a_photograph_belongs_to_one_split_for_ever():
    from photos import Photo

    assert [Photo(f"hd/{name}.jpg", 720).split for name in ("a", "b", "c", "d", "e")] == [
        "test", "train", "val", "test", "train",
    ]  # fmt: skip
    splits = [Photo(f"caltech101/{number}.jpg", 224).split for number in range(4000)]
    assert splits.count("train") / 4000 == pytest.approx(0.6, abs=0.03)
    assert splits.count("val") / 4000 == pytest.approx(0.1, abs=0.02)


def test_the_split_does_not_depend_on_how_many_lines_a_photograph_is_sharp_at():
    from photos import Photo

    assert {Photo("kodak/01.jpg", lines).split for lines in (100, 512, 1080)} == {Photo("kodak/01.jpg", 1).split}


def test_a_photograph_that_is_left_out_is_not_also_called_soft():
    from photos import LEFT_OUT, SOFT

    soft = set((FRAMECHECK / "soft.txt").read_text(encoding="utf-8").split())
    assert soft >= SOFT
    assert not SOFT & LEFT_OUT.keys()


def test_figures_that_were_entered_are_those_that_are_read_and_replace_the_old_ones(card):
    from card_figures import compare, enter

    enter(card, measured(0.931))
    enter(card, measured(0.955))
    read = read_card(card)
    assert [(entry.on, entry.frames) for entry in read.evaluation] == [
        ("generated frames of 224 lines", 90), ("generated frames of 1080 lines", 90),
        ("real clips, undamaged", 40), ("real clips, damaged by ffmpeg", 40),
    ]  # fmt: skip
    assert read.evaluation[0].top1 == 95.5
    assert read.evaluation[0].least_recall == 80
    assert read.evaluation[0].photographs == 7
    assert read.evaluation[2].top1 == 97.5
    lines, is_close = compare(card, measured(0.955))
    assert is_close
    assert "top1 95.50 (+0.00)" in lines[0]


@pytest.mark.parametrize(("anew", "is_close"), [(0.946, True), (0.964, True), (0.944, False), (0.966, False)])
def test_a_network_trained_anew_may_differ_by_one_point(card, anew, is_close):
    from card_figures import compare, enter

    enter(card, measured(0.955))
    assert compare(card, measured(anew))[1] is is_close


def test_turning_a_sample_moves_pixels_only_within_the_overview_and_within_each_tile():
    from dataset import PLAN, turned

    width, height = PLAN.size_wh
    tile = height // 2
    before = np.arange(12 * height * width * 3).reshape(12, height, width, 3) % 251
    before = before.astype(np.uint8)
    after = turned(before, np.random.default_rng(4))
    assert after.shape == before.shape
    assert not np.array_equal(after, before)
    parts = [(0, 0, height)] + [(x, y, tile) for x in range(height, width, tile) for y in (0, tile)]
    for x, y, side in parts:
        old, new = (np.sort(given[:, y : y + side, x : x + side].reshape(12, -1)) for given in (before, after))
        np.testing.assert_array_equal(old, new)
    overviews = [(a[:, :height], b[:, :height]) for a, b in zip(before, after, strict=True)]
    flips = [np.array_equal(b, a[:, ::-1]) for a, b in overviews]
    assert 0 < sum(flips) < 12
