from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamclf.sources._timeline import Timeline

MILLISECONDS = Fraction(1, 1000)


def place(*stamps: int | None, rate: Fraction | None = Fraction(10)) -> list[int]:
    timeline = Timeline(MILLISECONDS, rate)
    return [timeline.place(pts) for pts in stamps]


def test_growing_timestamps_are_kept_exactly() -> None:
    assert place(-40, 0, 33, 67, 5000) == [-40, 0, 33, 67, 5000]


def test_missing_ones_are_continued_at_the_declared_rate_without_drift() -> None:
    assert place(*[None] * 7, rate=Fraction(30)) == [0, 33, 67, 100, 133, 167, 200]
    assert place(500, None, None, 900) == [500, 600, 700, 900]


def test_a_repeated_or_slightly_earlier_one_is_continued() -> None:
    assert place(0, 100, 100, 90, 500) == [0, 100, 200, 300, 500]


def test_a_clock_that_starts_anew_goes_on_from_where_it_was() -> None:
    assert place(9000, 9100, 0, 40, 80) == [9000, 9100, 9200, 9240, 9280]


def test_without_a_rate_time_still_grows() -> None:
    assert place(None, None, 0, rate=None) == [0, 1, 2]


def test_the_length_is_from_first_to_last() -> None:
    timeline = Timeline(MILLISECONDS, None)
    assert timeline.length == 0
    timeline.place(1000)
    timeline.place(1500)
    assert timeline.length == 500


@given(
    st.lists(st.none() | st.integers(-(2**40), 2**40), min_size=2, max_size=50),
    st.none() | st.fractions(Fraction(1, 100), 1000),
    st.sampled_from([Fraction(1, 90_000), MILLISECONDS, Fraction(1, 25), Fraction(1)]),
)
def test_time_always_grows(stamps: list[int | None], rate: Fraction | None, time_base: Fraction) -> None:
    timeline = Timeline(time_base, rate)
    placed = [timeline.place(pts) for pts in stamps]
    assert placed == sorted(set(placed))


@pytest.mark.parametrize("rate", [Fraction(30_000, 1001), Fraction(24), Fraction(7, 3)])
def test_an_hour_without_timestamps_is_an_hour_long(rate: Fraction) -> None:
    timeline = Timeline(MILLISECONDS, rate)
    for _ in range(round(3600 * rate) + 1):
        timeline.place(None)
    assert timeline.length == pytest.approx(3_600_000, abs=float(1000 / rate))
