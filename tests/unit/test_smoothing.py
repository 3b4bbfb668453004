"""The steady label: independent of the frame rate, calm under noise, quick to follow what really changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamclf.prediction import UNKNOWN
from streamclf.vision.smoothing import LEAVE_RATIO, Smoother

LABELS = ("cat", "dog", "cup", "pen")
SMOOTH_S = 0.5


def says(label: str, probability: float = 0.9) -> np.ndarray:
    """(4,) float32: ``label`` is so probable, the others share the rest."""
    row = np.full(len(LABELS), (1 - probability) / (len(LABELS) - 1), np.float32)
    row[LABELS.index(label)] = probability
    return row


def play(scene, fps: float, seconds: float, smoother: Smoother | None = None) -> list[tuple[float, str]]:
    """The steady label's changes, (time, label), of ``scene(time) -> row``."""
    smoother = smoother or Smoother(LABELS, SMOOTH_S, 0.5)
    changes: list[tuple[float, str]] = []
    for index in range(round(seconds * fps)):
        steady = smoother.update(index / fps, scene(index / fps))
        if not changes or steady.label != changes[-1][1]:
            changes.append((index / fps, steady.label))
    return changes


def test_the_first_clear_frame_is_named_at_once():
    assert Smoother(LABELS, SMOOTH_S, 0.5).update(0.0, says("dog")).label == "dog"


def test_a_lasting_change_is_followed_within_a_second():
    changes = play(lambda t: says("cat" if t < 3 else "dog"), 30, 6)
    assert [label for _, label in changes] == ["cat", "dog"]
    assert 3.1 < changes[1][0] < 4.0


@pytest.mark.parametrize("slow", [5, 10, 24])
def test_the_frame_rate_does_not_matter(slow):
    def scene(t):
        if t < 2:
            return says("cat")
        return says("dog", 0.8) if t < 4 else says("cup", 0.3) if t < 6 else says("pen", 0.95)

    fast_changes, slow_changes = play(scene, 60, 8), play(scene, slow, 8)
    assert (
        [label for _, label in slow_changes] == [label for _, label in fast_changes] == ["cat", "dog", UNKNOWN, "pen"]
    )
    for (fast_s, _), (slow_s, _) in zip(fast_changes, slow_changes, strict=True):
        assert abs(fast_s - slow_s) <= 1 / slow + 1 / 60


def test_dropped_frames_do_not_matter():
    scene = [says("cat" if index < 90 else "dog") for index in range(300)]

    def steady_at_the_end(indices):
        smoother = Smoother(LABELS, SMOOTH_S, 0.5)
        return [(index, smoother.update(index / 30, scene[index]).label) for index in indices]

    every = dict(steady_at_the_end(range(300)))
    some = steady_at_the_end(index for index in range(300) if index % 7 in (0, 1, 4))
    assert sum(every[index] != label for index, label in some) <= 3


def test_single_wrong_frames_do_not_show():
    changes = play(lambda t: says("dog") if round(t * 30) % 15 == 7 else says("cat"), 30, 10)
    assert changes == [(0.0, "cat")]


def test_a_noisy_tie_does_not_flicker():
    """Two classes take turns at random: the steady label may settle on one, and stays there."""
    noise = np.random.default_rng(7)
    changes = play(lambda t: says(("cat", "dog")[noise.integers(2)], 0.6), 30, 60, Smoother(LABELS, SMOOTH_S, 0.2))
    assert len(changes) <= 3


def test_a_probability_that_hovers_at_the_threshold_does_not_flicker():
    changes = play(lambda t: says("cat", 0.5 + 0.08 * np.sin(40 * t)), 30, 20)
    assert [label for _, label in changes] in (["cat"], [UNKNOWN, "cat"])


def test_a_label_is_left_only_well_below_the_threshold():
    def labels(low):
        return [label for _, label in play(lambda t: says("cat", 0.9 if t < 2 else low), 30, 20)]

    assert labels(0.5 * LEAVE_RATIO + 0.01) == ["cat"]
    assert labels(0.5 * LEAVE_RATIO - 0.01) == ["cat", UNKNOWN]


def test_another_class_has_to_be_clearly_better():
    def labels(cat, dog):
        row = np.array([cat, dog, 0.0, 0.0], np.float32)
        return [label for _, label in play(lambda t: says("cat") if t < 2 else row, 30, 20, Smoother(LABELS, 0.5, 0.2))]

    assert labels(0.36, 0.64) == ["cat"]
    assert labels(0.30, 0.70) == ["cat", "dog"]


def test_a_label_stays_for_a_while_once_shown():
    changes = play(lambda t: says(LABELS[int(t / 0.2) % 4], 1.0), 60, 20, Smoother(LABELS, SMOOTH_S, 0.1))
    stays = np.diff([at for at, _ in changes])
    assert len(stays) > 3
    assert stays.min() >= SMOOTH_S - 1e-6


def test_below_the_threshold_it_is_unknown_with_the_best_average_as_its_probability():
    steady = Smoother(LABELS, SMOOTH_S, 0.5).update(0.0, says("cat", 0.4))
    assert (steady.class_id, steady.label) == (-1, UNKNOWN)
    assert steady.probability == pytest.approx(0.4)


def test_after_a_gap_it_starts_anew():
    smoother = Smoother(LABELS, SMOOTH_S, 0.5)
    for index in range(60):
        smoother.update(index / 30, says("cat"))
    steady = smoother.update(2.0, says("dog"), after_gap=True)
    assert (steady.label, steady.probability) == ("dog", pytest.approx(0.9))


def test_a_step_back_in_time_starts_anew():
    smoother = Smoother(LABELS, SMOOTH_S, 0.5)
    smoother.update(100.0, says("cat"))
    assert smoother.update(0.0, says("dog")).label == "dog"


def test_a_long_silence_counts_as_much_as_it_lasted():
    smoother = Smoother(LABELS, SMOOTH_S, 0.5)
    smoother.update(0.0, says("cat"))
    assert smoother.update(60.0, says("dog")).label == "dog"


def test_two_frames_of_one_timestamp_are_no_error():
    smoother = Smoother(LABELS, SMOOTH_S, 0.5)
    smoother.update(1.0, says("cat"))
    assert smoother.update(1.0, says("dog")).label == "cat"


def test_without_smoothing_the_steady_label_is_the_raw_one():
    smoother = Smoother(LABELS, 0.0, 0.5)
    labels = [
        smoother.update(index / 30, says(label, p)).label
        for index, (label, p) in enumerate([("cat", 0.9), ("dog", 0.9), ("dog", 0.45), ("cup", 0.5), ("cat", 0.51)])
    ]
    assert labels == ["cat", "dog", UNKNOWN, "cup", "cat"]


def test_the_networks_own_array_is_left_alone():
    row = says("cat")
    row.setflags(write=False)
    smoother = Smoother(LABELS, SMOOTH_S, 0.5)
    smoother.update(0.0, row)
    smoother.update(0.1, says("dog"))
    assert np.array_equal(row, says("cat"))


rows = st.lists(st.floats(0.001, 1), min_size=4, max_size=4).map(
    lambda odds: (np.array(odds) / sum(odds)).astype(np.float32)
)
frames = st.lists(st.tuples(st.floats(0.001, 1.0), rows), min_size=1, max_size=80)


@given(frames=frames, threshold=st.floats(0, 1), smooth_s=st.sampled_from([0.0, 0.2, 1.0]))
def test_whatever_comes_the_answer_is_a_label_with_a_probability(frames, threshold, smooth_s):
    smoother, now = Smoother(LABELS, smooth_s, threshold), 0.0
    for gap, row in frames:
        now += gap
        steady = smoother.update(now, row)
        assert 0 <= steady.probability <= 1 + 1e-6
        assert steady.label == (UNKNOWN if steady.class_id < 0 else LABELS[steady.class_id])


@given(frames=frames, threshold=st.floats(0, 1))
def test_no_label_stays_shorter_than_the_time_constant(frames, threshold):
    smoother, now = Smoother(LABELS, SMOOTH_S, threshold), 0.0
    shown: str | None = None
    since = -1.0
    for gap, row in frames:
        now += gap
        label = smoother.update(now, row).label
        if label != shown:
            assert shown in (None, UNKNOWN) or now - since >= SMOOTH_S
            shown, since = label, now
