"""Which frames of a stream are wanted: by indices and timestamps alone, without drift."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamclf.frame import Frame
from streamclf.testing import FlatPicture
from streamclf.thinning import Thinning

MILLI = Fraction(1, 1000)


def chosen(
    pts: Sequence[int | None], time_base: Fraction, target_fps: str, gaps: Sequence[int] = (), step: int = 1
) -> list[int]:
    """The indices of the frames that are wanted of those with these timestamps."""
    thinning = Thinning(step, Fraction(target_fps) if target_fps else None)
    frames = [
        Frame(FlatPicture(), "clip", index, ticks, time_base, 0.0, index in gaps) for index, ticks in enumerate(pts)
    ]
    return [frame.index for frame in frames if thinning.wants(frame)]


def test_every_nth_frame_is_by_index_whatever_the_times():
    assert chosen([0, 50, None, 51, 7, 900, 901], MILLI, "", step=3) == [0, 3, 6]


@pytest.mark.parametrize(
    ("target_fps", "indices"),
    [("10", range(0, 90, 3)), ("30", range(90)), ("60", range(90)), ("0.5", [0, 60]), ("12", [0, 3, 5, 8, 10])],
)
@pytest.mark.parametrize("time_base", [Fraction(1, 30), Fraction(1, 15360), Fraction(1, 90_000)], ids=str)
def test_the_first_frame_at_or_after_each_moment_is_wanted(target_fps, indices, time_base):
    count = 12 if target_fps == "12" else 90
    pts = [int(Fraction(number, 30) / time_base) for number in range(count)]
    assert chosen(pts, time_base, target_fps) == list(indices)


@pytest.mark.parametrize("rate", [Fraction(30), Fraction(30_000, 1001), Fraction(24_000, 1001), Fraction(25)], ids=str)
@pytest.mark.parametrize("share", [1, 2, 3, 5])
def test_times_rounded_to_milliseconds_choose_as_evenly_as_exact_ones(rate, share):
    pts = [round(number / rate / MILLI) for number in range(500)]
    assert chosen(pts, MILLI, str(rate / share)) == list(range(0, 500, share))


def test_a_frame_a_whole_millisecond_early_is_early():
    assert chosen([0, 99, 100, 199, 201], MILLI, "10") == [0, 2, 4]


def test_there_is_no_drift_in_a_day():
    """A tenth has no exact binary neighbour: sums of it would be off by a frame within hours."""
    day = range(0, 24 * 3600 * 30 + 1, 300)
    assert chosen(day, Fraction(1, 30), "0.1") == list(range(len(day)))
    assert chosen([*day, day[-1] + 299], Fraction(1, 30), "0.1")[-1] == len(day) - 1


def test_a_clip_that_starts_late_or_before_zero_is_chosen_from_as_any_other():
    pts = [40 * number for number in range(50)]
    wanted = chosen(pts, MILLI, "5")
    assert wanted == list(range(0, 50, 5))
    for start in (-81, 1, 7_777_777):
        assert chosen([start + ticks for ticks in pts], MILLI, "5") == wanted


def test_a_stretch_without_frames_is_not_made_up_for():
    assert chosen([0, 100, 200, 5130, 5160, 5190, 5220, 5290, 5310], MILLI, "10") == [0, 1, 2, 3, 6, 8]


def test_the_moments_are_counted_anew_after_a_gap_or_a_step_back():
    assert chosen([0, 50, 100, 150, 200, 250], MILLI, "10", gaps=[3]) == [0, 2, 3, 5]
    assert chosen([1000, 1050, 1100, 20, 70, 120], MILLI, "10") == [0, 2, 3, 5]


def test_frames_without_a_time_are_all_wanted():
    assert chosen([None] * 5, Fraction(1), "2") == [0, 1, 2, 3, 4]
    assert chosen([0, None, 10, 100], MILLI, "10") == [0, 1, 3]


steps = st.lists(st.integers(1, 5000), min_size=1, max_size=60)
rates = st.fractions(Fraction(1, 10), Fraction(200))


@given(steps=steps, target_fps=rates, start=st.integers(-1000, 10**9))
def test_on_a_variable_rate_one_frame_is_wanted_of_each_moment_that_has_one(steps, target_fps, start):
    time_base, pts = Fraction(1, 90_000), [start]
    for step in steps:
        pts.append(pts[-1] + step * 30)
    wanted = chosen(pts, time_base, str(target_fps))
    tick = time_base * target_fps
    spans = {}
    for index, ticks in enumerate(pts):
        # exactly at or after a moment, or less than a tick of the clock before it
        moments = {floor((ticks - start) * tick), -floor(-(ticks - start + 1) * tick) - 1}
        spans.setdefault(max(moments), index)
    assert wanted == list(spans.values())


@given(steps=steps, target_fps=rates)
def test_a_rate_above_the_sources_own_keeps_all(steps, target_fps):
    shortest = Fraction(1) / target_fps
    pts, time_base = [0], shortest / 10
    for step in steps:
        pts.append(pts[-1] + 10 + step)
    assert chosen(pts, time_base, str(target_fps)) == list(range(len(pts)))
