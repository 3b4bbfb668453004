"""The generated scene: the same pixels every time, each damage what its name says, and the truth known."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from streamclf.config import RunConfig
from streamclf.inputs import make_source, parse_sources
from streamclf.sources.synthetic import RATE_FPS, SEGMENTS, Segment, SyntheticSource, script, truth
from streamclf.vision.damage import DAMAGES
from streamclf.vision.scene import PAN_PX, valley

Pixels = npt.NDArray[np.uint8]

LABELS = ("ok", "defocus", "motion_blur", "dark", "bright", "covered", "noise", "blocky", "no_signal")


@pytest.fixture(scope="module")
def scene() -> Pixels:
    """The scene without any noise, (540, 960, 3)."""
    return valley().draw(300)


def damaged(label: str, scene: Pixels, age: int = 27, seed: int = 1) -> Pixels:
    before = scene.copy()
    picture = DAMAGES[label](scene, age, np.random.default_rng(seed))
    assert picture.shape == scene.shape
    assert picture.dtype == np.uint8
    assert not np.shares_memory(picture, scene)
    np.testing.assert_array_equal(scene, before)
    return picture


def grey(picture: Pixels) -> npt.NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.float32)


def detail(picture: Pixels, scale: float = 1.0) -> float:
    """The finest structure, of a picture made ``scale`` times as large first."""
    return float(
        np.abs(
            cv2.Laplacian(cv2.resize(grey(picture), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), cv2.CV_32F)
        ).mean()
    )


def likeness(one: Pixels, other: Pixels) -> float:
    """Correlation of the coarse structure, 1 for the same scene."""
    small = [cv2.resize(grey(each), (96, 54), interpolation=cv2.INTER_AREA).ravel() for each in (one, other)]
    return float(np.corrcoef(small)[0, 1])


# ---- the script


def test_every_damage_has_a_segment_and_undamaged_ones_lie_between() -> None:
    assert set(DAMAGES) == set(LABELS) == {segment.label for segment in SEGMENTS}
    assert [segment.label for segment in SEGMENTS].count("ok") >= 3
    assert SEGMENTS[0].label == "ok"
    assert all(one.label != other.label and one.stop == other.start for one, other in pairwise(SEGMENTS))
    assert 20 < SEGMENTS[-1].stop / RATE_FPS < 30


def test_the_truth_changes_at_the_cuts_and_nowhere_else() -> None:
    segments = script(["ok", "dark"], 3)
    assert segments == (Segment("ok", 0, 3), Segment("dark", 3, 3))
    assert [truth(index, segments).label for index in range(6)] == ["ok"] * 3 + ["dark"] * 3
    for outside in (-1, 6):
        with pytest.raises(IndexError):
            truth(outside, segments)


def test_two_sources_draw_the_same_pixels_and_two_frames_do_not() -> None:
    segments = script(["noise", "covered"], 2)
    one, other = ([frame.image for frame in SyntheticSource("a", segments)] for _ in range(2))
    for mine, its in zip(one, other, strict=True):
        np.testing.assert_array_equal(mine, its)
    assert not any((mine == its).all() for mine, its in pairwise(one))


def test_a_frame_does_not_depend_on_those_before_it() -> None:
    after_ok, after_bars = (list(SyntheticSource("a", script([before, "noise"], 2))) for before in ("ok", "no_signal"))
    assert (after_ok[1].image != after_bars[1].image).any()
    np.testing.assert_array_equal(after_ok[3].image, after_bars[3].image)


def test_it_has_an_address_and_a_length_that_is_known_before_it_is_opened() -> None:
    (spec,) = parse_sources(["synthetic:"])
    assert (spec.kind, spec.name) == ("synthetic", "synthetic")
    assert parse_sources(["a=synthetic:"])[0].name == "a"
    source = make_source(spec, RunConfig())
    assert not source.is_live
    assert source.info.frame_count == SEGMENTS[-1].stop
    assert source.info.declared_rate == RATE_FPS


# ---- the scene


def test_the_camera_pans_and_turns_back() -> None:
    drawn = valley()
    there, later = drawn.draw(100), drawn.draw(110)
    rows = slice(270, 300)  # the woods, where nothing drives or flies
    np.testing.assert_array_equal(there[rows, 10:], later[rows, :-10])
    np.testing.assert_array_equal(drawn.draw(PAN_PX + 30)[rows], drawn.draw(PAN_PX - 30)[rows])


def test_things_move_in_the_scene() -> None:
    drawn = valley()
    there, later = drawn.draw(PAN_PX - 100), drawn.draw(PAN_PX + 100)  # the same view, as the camera comes back
    moved = (there != later).any(axis=2)
    assert 0.002 < moved.mean() < 0.1
    assert moved[:200].any(), "in the sky"
    assert moved[400:].any(), "and on the road"


def test_the_scene_has_detail_at_full_size_nearly_everywhere_below_the_sky(scene: Pixels) -> None:
    tiles = [scene[y : y + 60, x : x + 60] for y in range(240, 540, 60) for x in range(0, 960, 60)]
    assert np.mean([detail(tile) > 8 for tile in tiles]) > 0.95


# ---- the damages


def test_an_undamaged_picture_is_the_scene_with_a_good_sensors_noise(scene: Pixels) -> None:
    difference = damaged("ok", scene).astype(float) - scene
    assert 0.8 < difference.std() < 2.5
    assert abs(difference.mean()) < 0.2


@pytest.mark.parametrize("label", ["defocus", "motion_blur"])
def test_a_blur_takes_the_detail_and_leaves_the_light(label: str, scene: Pixels) -> None:
    picture = damaged(label, scene)
    assert detail(picture, 0.5) < 0.4 * detail(damaged("ok", scene), 0.5)
    assert abs(float(picture.mean()) - float(scene.mean())) < 8
    assert likeness(picture, scene) > 0.95


def test_a_shaken_camera_blurs_along_its_path_and_a_lens_in_every_direction(scene: Pixels) -> None:
    def across_to_down(picture: Pixels) -> float:
        blurred = cv2.GaussianBlur(grey(picture), (0, 0), 1.5)  # without the sensor's noise
        return float(np.abs(np.diff(blurred, axis=1)).mean() / np.abs(np.diff(blurred, axis=0)).mean())

    untouched = across_to_down(scene)
    level = [across_to_down(damaged("motion_blur", scene, age)) / untouched for age in (0, 40)]  # nearly level strokes
    assert max(level) < 0.6
    assert across_to_down(damaged("defocus", scene)) / untouched > 0.7


def test_too_little_light_leaves_structure_and_too_much_clips(scene: Pixels) -> None:
    dark, bright = damaged("dark", scene), damaged("bright", scene)
    assert 5 < dark.mean() < 30
    assert likeness(dark, scene) > 0.9
    assert 0.4 < (bright == 255).mean() < 0.95
    assert likeness(bright, scene) > 0.3


def test_a_hand_slides_over_the_lens_and_leaves_no_structure(scene: Pixels) -> None:
    shares = [float((damaged("covered", scene, age).max(axis=2) < 60).mean()) for age in (0, 3, 6, 12)]
    assert shares == sorted(shares)
    assert shares[0] < 0.2
    assert shares[-1] == 1
    other = valley().draw(0)
    assert (damaged("covered", scene) == damaged("covered", other)).all(), "nothing of the scene is left"
    assert (
        0.8
        < (damaged("covered", scene).astype(float) - cv2.GaussianBlur(damaged("covered", scene), (0, 0), 5)).std()
        < 4
    )


def test_noise_is_strong_coloured_and_new_in_each_frame(scene: Pixels) -> None:
    one, other = (damaged("noise", scene, seed=seed).astype(float) - scene for seed in (1, 2))
    assert 15 < one.std() < 40
    blue, green, _ = (one[..., channel].ravel() for channel in range(3))
    assert abs(np.corrcoef(blue, green)[0, 1]) < 0.2
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.1


def test_compression_leaves_steps_at_the_edges_of_blocks(scene: Pixels) -> None:
    steps = np.abs(np.diff(grey(damaged("blocky", scene)), axis=1)).mean(axis=0)
    at_edges = np.arange(1, 960) % 8 == 0
    assert steps[at_edges].mean() > 1.3 * steps[~at_edges].mean()
    plain = np.abs(np.diff(grey(scene), axis=1)).mean(axis=0)
    assert plain[at_edges].mean() < 1.1 * plain[~at_edges].mean()


def test_without_a_signal_electronics_draw_first_bars_and_then_blue(scene: Pixels) -> None:
    bars, blue = damaged("no_signal", scene, age=0), damaged("no_signal", scene, age=54)
    assert len(np.unique(bars[100], axis=0)) == 7
    assert (bars[:300] == bars[0]).all()
    assert (blue == blue[0, 0]).all(axis=2).mean() > 0.9
    assert blue[0, 0, 0] > 150 > 60 > blue[0, 0, 2]
