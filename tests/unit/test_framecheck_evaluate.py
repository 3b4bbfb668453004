"""The evaluation of framecheck: what it counts, and the test's own damage."""

from itertools import pairwise

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("framecheck_path")


@pytest.fixture
def measures():
    import evaluate_measures

    return evaluate_measures


@pytest.fixture
def damage():
    import second_damage

    return second_damage


@pytest.fixture
def pixels():
    import second_pixels

    return second_pixels


@pytest.fixture
def frames():
    import second_frames

    return second_frames


@pytest.fixture
def scene():
    """A detailed frame of 97 by 131 pixels: odd, as compression dislikes it."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(20, 230, (25, 33, 3), np.uint8)
    return np.ascontiguousarray(np.repeat(np.repeat(coarse, 4, 0), 4, 1)[:97, :131])


def calibration(measures, confidence, is_right, weights=None):
    confidence = np.array(confidence, float)
    weights = np.ones(len(confidence)) if weights is None else np.array(weights, float)
    return measures.calibration_error(confidence, np.array(is_right, bool), weights)


def test_confidence_that_comes_true_has_no_calibration_error(measures):
    assert calibration(measures, [0.75] * 4 + [1.0] * 3, [True, True, True, False, True, True, True]) == pytest.approx(
        0
    )


def test_calibration_error_is_the_gap_of_each_bin_by_its_weight(measures):
    confidence, is_right = [0.9, 0.9, 0.5, 0.5], [True, False, True, True]
    assert calibration(measures, confidence, is_right) == pytest.approx(0.5 * 0.4 + 0.5 * 0.5)
    assert calibration(measures, confidence, is_right, [3, 3, 1, 1]) == pytest.approx(0.75 * 0.4 + 0.25 * 0.5)


def test_too_sure_in_one_bin_does_not_make_up_for_too_modest_in_another(measures):
    assert calibration(measures, [1.0, 0.5], [False, True]) == pytest.approx(0.75)


def test_confusion_has_the_truth_in_rows(measures):
    table = measures.confusion(np.array([0, 0, 2]), np.array([0, 1, 1]), 3)
    assert table.tolist() == [[1, 1, 0], [0, 0, 0], [0, 1, 0]]


def test_every_class_counts_the_same_however_many_frames_it_has(measures):
    probabilities = np.array([[0.9, 0.1]] * 6 + [[0.8, 0.2]] + [[0.1, 0.9]])
    of = measures.figures(np.array([0] * 6 + [1, 1]), probabilities, clean=0)
    assert of.recall == (1.0, 0.5)
    assert of.top1 == 0.75
    assert of.false_alarms == 0.0
    assert of.frames == 8


def test_clean_frames_called_damaged_are_false_alarms_whatever_they_are_called(measures):
    probabilities = np.eye(3)[[0, 1, 2, 0]]
    of = measures.figures(np.zeros(4, int), probabilities, clean=0)
    assert of.false_alarms == 0.5


def test_a_requirement_that_was_not_measured_is_not_reached(measures):
    assert not measures.Requirement("top-1", float("nan"), 0.96, at_least=True).is_reached
    assert not measures.Requirement("alarms", float("nan"), 0.02, at_least=False).is_reached
    assert measures.Requirement("top-1", 0.96, 0.96, at_least=True).is_reached


@pytest.mark.parametrize(
    ("said", "places"),
    [
        ("aaaa", []),
        ("??aa", []),
        ("aabb", [2]),
        ("aa??bb", [4]),
        ("aa??aa", [2, 4]),
        ("aba", [1, 2]),
        ("aa??", [2]),
        ("????", []),
        ("", []),
    ],
)
def test_unknown_counts_as_a_change_only_where_it_is_a_flicker(measures, said, places):
    assert measures.changes([measures.UNKNOWN if letter == "?" else letter for letter in said]) == places


def test_each_true_change_allows_one_change_of_the_steady_label(measures):
    assert measures.surplus_changes(list("aaaabbbb"), [0, 3]) == 0
    assert measures.surplus_changes(list("aaaabcbb"), [0, 3]) == 2
    assert measures.surplus_changes(list("abaabbbb"), [0, 4]) == 2


def test_severities_stay_inside_their_ranges_and_reach_both_ends(damage):
    rng = np.random.default_rng(1)
    for name, span in damage.RANGES.items():
        for lines in (224, 1080):
            low, high = span.bounds(lines)
            drawn = [span.draw(rng, lines) for _ in range(400)]
            assert low <= min(drawn) <= low + 0.1 * (high - low), name
            assert high - 0.1 * (high - low) <= max(drawn) <= high, name


def test_small_frames_have_a_least_severity_in_pixels(damage):
    span = damage.RANGES["defocus: radius of disc or polygon"]
    assert span.bounds(224) == (1.6, pytest.approx(8.96))
    assert span.bounds(1080) == (pytest.approx(5.94), pytest.approx(43.2))


def test_nothing_is_tested_between_unnoticed_and_evident(damage):
    ranges = damage.RANGES
    for unnoticed, evident in (
        ("unnoticed: radius of disc", "defocus: radius of disc or polygon"),
        ("unnoticed: path", "motion_blur: path"),
        ("unnoticed: noise sigma", "noise: sigma"),
    ):
        for lines in (224, 360, 720, 1080):
            assert ranges[unnoticed].bounds(lines)[1] < ranges[evident].bounds(lines)[0]


@pytest.mark.parametrize("label", ["ok", "defocus", "motion_blur", "dark", "bright", "noise", "blocky"])
def test_a_frame_through_the_camera_keeps_its_shape_and_the_given_one_is_left_alone(damage, scene, label):
    given = scene.copy()
    for number in range(6):
        taken = damage.shot(given, label, np.random.default_rng(number), lambda image: None)
        assert taken.image.shape == scene.shape
        assert taken.image.dtype == np.uint8
    np.testing.assert_array_equal(given, scene)


def test_the_same_seed_gives_the_same_frame_and_another_seed_another(damage, scene):
    first, again, other = (
        damage.shot(scene, "noise", np.random.default_rng(seed), lambda image: None).image for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_kernels_move_no_light_and_reach_as_far_as_they_say(pixels):
    rng = np.random.default_rng(2)
    for kernel in (pixels.disc(4.0), pixels.polygon(4.0, 6, 0.3), pixels.path_kernel(9.0, 0.0, 0.0, rng)):
        assert kernel.sum() == pytest.approx(1, abs=1e-4)
        assert kernel.min() >= 0
    across = np.flatnonzero(pixels.path_kernel(20.0, 0.0, 0.0, rng).sum(0) > 1e-3)
    assert np.ptp(across) + 1 == pytest.approx(20, abs=2)


@pytest.mark.parametrize("kind", ["white", "colour", "soft", "sharpened", "shot", "raw"])
def test_noise_has_the_strength_that_was_asked_for(pixels, kind):
    grey = np.full((96, 128, 3), 120, np.uint8)
    field = pixels.noise_field(grey, kind, np.random.default_rng(5))
    assert np.sqrt(np.mean(field**2)) == pytest.approx(1, abs=0.01)


def test_dark_and_bright_come_to_the_level_that_was_drawn(pixels, scene):
    for seed in range(8):
        dark, way = pixels.darkened(scene, 40.0, np.random.default_rng(seed))
        assert np.percentile(pixels.luma(dark), 98) == pytest.approx(40, abs=3), way
        bright, way = pixels.brightened(scene, 0.6, np.random.default_rng(seed))
        assert (pixels.luma(bright) >= 250).mean() == pytest.approx(0.6, abs=0.08), way


def test_a_lower_quality_changes_more(scene):
    import second_codec as codec

    errors = [np.abs(codec.jpeg(scene, quality).astype(int) - scene).mean() for quality in (90, 50, 5)]
    assert errors == sorted(errors)
    errors = [
        np.abs(codec.x264([scene] * 3, "ultrafast", qp=qp).last.astype(int) - scene).mean() for qp in (20, 35, 50)
    ]
    assert all(first < second for first, second in pairwise(errors))
    full, starved = (codec.x264([scene] * 4, "ultrafast", qp=44), codec.x264([scene] * 4, "ultrafast", bits=1000))
    assert starved.bits < full.bits


def test_a_blurred_frame_has_nothing_sharp(pixels, frames, scene):
    assert frames.sharpness(scene) > 5 * frames.sharpness(pixels.blurred(scene, pixels.disc(6.0)))


def test_a_constant_picture_has_no_life_and_a_covered_lens_has():
    from second_frames import has_life
    from second_scenes import stamp

    black = np.zeros((224, 300, 3), np.uint8)
    stamp(black, np.random.default_rng(0))
    assert not has_life(black)
    rng = np.random.default_rng(1)
    assert has_life(np.clip(rng.normal(12, 1.5, (224, 300, 3)), 0, 255).astype(np.uint8))
    slope = np.linspace(90, 100, 300).astype(np.uint8)[None, :, None]
    assert has_life(np.ascontiguousarray(np.broadcast_to(slope, (224, 300, 3))))


def test_no_signal_covers_and_clean_scenes_have_the_frames_size(scene):
    from second_scenes import HARD
    from second_screens import COVERS, NO_SIGNAL

    rng = np.random.default_rng(6)
    for make in NO_SIGNAL:
        assert make(scene.shape[:2], rng)[0].shape == scene.shape
    for cover in COVERS:
        assert cover(scene, rng).shape == scene.shape
    for make in HARD:
        made = make(scene, rng)
        assert (made.shape, made.dtype) == (scene.shape, np.uint8), make.__name__


def test_labels_are_those_of_the_network_in_their_order():
    from second_damage import EVIDENT
    from second_frames import LABELS

    assert LABELS == (
        "ok", "defocus", "motion_blur", "dark", "bright", "covered", "noise", "blocky", "no_signal",
    )  # fmt: skip
    assert {"ok", "covered", "no_signal"} | set(EVIDENT) == set(LABELS)


def test_pictures_of_the_evaluation_show_every_size(measures):
    from evaluate_pictures import confusion_picture, wrong_picture

    right = np.diag([10] * 9)
    one, four = confusion_picture({224: right}), confusion_picture(dict.fromkeys((224, 360, 720, 1080), right))
    assert four.shape == (2 * one.shape[0], one.shape[1], 3)
    wrong = right.copy()
    wrong[0, 5] = 3
    assert (confusion_picture({224: wrong}) != one).any()
    assert wrong_picture([]).ndim == 3
