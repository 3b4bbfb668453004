"""Rates, percentiles and counts that can be trusted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamclf.stats import Percentiles, Rate, StatsBoard
from streamclf.testing import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1000.0)


def play(rate: Rate, clock: ManualClock, events: int, fps: float, batch: int = 1) -> None:
    """``events`` at ``fps``, the last one now."""
    for _ in range(events // batch):
        clock.advance(batch / fps)
        rate.add(batch)


# ---- rates


@pytest.mark.parametrize("fps", [0.2, 1.0, 7.5, 29.97, 60.0, 150.0])
def test_a_steady_rate_is_shown_exactly(fps, clock):
    rate = Rate(clock)
    play(rate, clock, 100, fps)
    assert rate.windowed_fps() == pytest.approx(fps)
    clock.advance(0.9 / fps)  # between two events nothing is late
    assert rate.windowed_fps() == pytest.approx(fps)


@pytest.mark.parametrize("fps", [500.0, 5000.0, 50000.0])
def test_a_very_high_rate_is_shown_within_a_percent(fps, clock):
    rate = Rate(clock)
    play(rate, clock, int(3 * fps), fps)
    assert rate.windowed_fps() == pytest.approx(fps, rel=0.01)
    assert rate.overall_fps() == pytest.approx(fps)


def test_memory_does_not_grow_with_the_rate_or_the_length_of_the_run(clock):
    rate = Rate(clock)
    play(rate, clock, 50_000, 5000)
    assert len(rate._recent) <= 2.0 / 0.005 + 2


@pytest.mark.parametrize("batch", [2, 4, 8])
def test_a_batch_is_no_burst(batch, clock):
    rate = Rate(clock)
    play(rate, clock, 80, 40, batch)
    assert rate.windowed_fps() == pytest.approx(40)
    assert rate.overall_fps() == pytest.approx(40)


def test_one_moment_is_no_rate(clock):
    rate = Rate(clock)
    assert (rate.windowed_fps(), rate.overall_fps()) == (None, None)
    rate.add(4)
    assert (rate.windowed_fps(), rate.overall_fps()) == (None, None)


def test_a_few_frames_within_half_a_second_are_no_rate(clock):
    rate = Rate(clock)
    play(rate, clock, 20, 481)
    assert (rate.windowed_fps(), rate.overall_fps()) == (None, None)
    clock.advance(2.1)
    assert rate.windowed_fps() == 0.0, "that nothing comes any more is known"
    rate.add()
    assert rate.overall_fps() == pytest.approx(20 / (19 / 481 + 2.1))


def test_the_rate_falls_to_zero_when_nothing_comes(clock):
    rate = Rate(clock)
    play(rate, clock, 300, 30)
    shown = []
    for _ in range(21):
        clock.advance(0.1)
        shown.append(rate.windowed_fps())
    assert shown == sorted(shown, reverse=True)
    assert shown[4] == pytest.approx(30 * 1.5 / 2, rel=0.05)
    assert shown[-1] == 0.0


def test_a_rate_below_one_a_window_does_not_flicker_to_zero(clock):
    rate = Rate(clock)
    play(rate, clock, 5, 0.25)
    for _ in range(39):
        clock.advance(0.1)
        assert rate.windowed_fps() == pytest.approx(0.25)
    clock.advance(5)
    assert rate.windowed_fps() == 0.0


def test_the_window_follows_a_change_of_rate(clock):
    rate = Rate(clock)
    play(rate, clock, 300, 30)
    play(rate, clock, 21, 10)
    assert rate.windowed_fps() == pytest.approx(10)


def test_after_a_pause_the_display_is_right_again_with_the_second_frame(clock):
    rate = Rate(clock)
    play(rate, clock, 60, 30)
    clock.advance(60)
    play(rate, clock, 2, 30)
    assert rate.windowed_fps() == pytest.approx(30)


def test_the_overall_rate_spans_n_minus_one_intervals(clock):
    rate = Rate(clock)
    clock.advance(100)  # loading the network is not part of it
    play(rate, clock, 11, 5)
    clock.advance(100)  # nor is what comes after the last frame
    assert rate.overall_fps() == pytest.approx(10 / 2.0)


@given(gaps=st.lists(st.integers(0, 3 * 10**9).map(lambda ns: ns / 1e9), max_size=60), wait=st.floats(0, 20))
def test_no_rhythm_gives_a_negative_infinite_or_impossible_rate(gaps, wait):
    clock = ManualClock()
    rate = Rate(clock)
    for gap in gaps:
        clock.advance(gap)
        rate.add()
    clock.advance(wait)
    assert 0 <= (rate.windowed_fps() or 0) <= max(1, len(gaps)) / 0.005
    assert 0 <= (rate.overall_fps() or 0) <= max(1, len(gaps)) / Rate.LEAST_S


# ---- percentiles


@given(st.lists(st.floats(0.01, 1e5), min_size=1, max_size=200), st.sampled_from([50, 95, 99]))
def test_a_percentile_is_a_measurement_within_a_percent(values, percent):
    percentiles = Percentiles()
    for value in values:
        percentiles.add(value)
    exact = sorted(values)[-(-len(values) * percent // 100) - 1]
    assert percentiles.percentile(percent) == pytest.approx(exact, rel=0.01)


def test_without_measurements_there_is_no_percentile():
    assert Percentiles().summary() == {"p50": None, "p95": None, "p99": None}


def test_zero_milliseconds_are_a_measurement():
    percentiles = Percentiles()
    percentiles.add(0.0)
    assert percentiles.summary()["p50"] == pytest.approx(0.0, abs=0.01)


def test_percentiles_take_constant_memory():
    percentiles = Percentiles()
    for value in range(1, 100_000):
        percentiles.add(value / 100)
    assert percentiles.count == 99_999
    assert len(percentiles._bins) < 1200


# ---- the board


@pytest.fixture
def board(clock) -> StatsBoard:
    board = StatsBoard(clock)
    board.add_stream("a", is_live=True)
    board.add_stream("b", is_live=False)
    return board


def test_every_number_of_a_stream_is_kept_apart(board, clock):
    for stream in "aab":
        board.captured(stream)
    board.classified("a", 1.0, 2.0, 4.0)
    board.dropped("a", "stale")
    board.corrupt("b", 3)
    board.ended("b", "failed", "b: gone")
    stats = board.snapshot("net", "cpu")
    assert (stats.captured, stats.classified, stats.dropped) == (3, 1, 1)
    assert (stats.streams["a"].captured, stats.streams["a"].dropped) == (2, {"stale": 1})
    assert (stats.streams["b"].corrupt, stats.streams["b"].ended, stats.streams["b"].error) == (3, "failed", "b: gone")
    assert stats.latency_ms["total"]["p50"] == pytest.approx(4.0, rel=0.01)
    assert (stats.model, stats.engine) == ("net", "cpu")


def test_a_snapshot_does_not_change_afterwards(board):
    before = board.snapshot()
    board.captured("a")
    board.dropped("a", "stale")
    assert (before.captured, before.dropped) == (0, 0)


def test_the_three_rates_are_told_apart(board, clock):
    for _ in range(10):
        clock.advance(0.1)
        board.captured("a")
        board.captured("b")
        board.forwarded(["a", "b"])
        board.written("a")
    stats = board.snapshot()
    assert stats.rates_fps == pytest.approx({"capture": 20.0, "classify": 20.0, "sink": 10.0})
    assert stats.streams["a"].rates_fps == pytest.approx({"capture": 10.0, "classify": 10.0, "sink": 10.0})
    assert stats.streams["b"].overall_fps == pytest.approx({"capture": 10.0, "classify": 10.0, "sink": None})


def test_the_peak_of_the_queue_is_kept(board):
    for nbytes in (1_000_000, 5_000_000, 2_000_000):
        board.queue_bytes(nbytes)
    assert board.snapshot().peak_queue_mb == 5.0


def test_a_stream_that_turns_out_finite_says_so(board):
    assert board.snapshot().streams["a"].is_live
    board.opened("a", is_live=False, frame_count=300)
    stream = board.snapshot().streams["a"]
    assert (stream.is_live, stream.frame_count) == (False, 300)


def test_closing_the_books_drops_what_is_unaccounted_for_and_ignores_what_comes_later(board):
    for _ in range(5):
        board.captured("a")
    board.classified("a", 1, 1, 1)
    board.dropped("a", "queue_full")
    board.ended("b", "eof")
    board.settle("stopped")
    board.captured("a")
    board.dropped("a", "failed")
    board.ended("a", "failed", "too late")
    stream = board.snapshot().streams["a"]
    assert (stream.captured, stream.classified) == (5, 1)
    assert stream.dropped == {"queue_full": 1, "stopped": 3}
    assert (stream.ended, board.snapshot().streams["b"].ended) == ("stopped", "eof")


def test_a_signal_handler_may_report_while_its_own_thread_is_in_here(board, background):
    def interrupted() -> None:
        with board._lock:
            board.dropped("a", "stopped")

    background(interrupted).result()
    assert board.snapshot().dropped == 1


def test_the_runs_time_stands_still_once_it_is_over(board, clock):
    clock.advance(3)
    board.finish()
    clock.advance(1000)
    assert board.snapshot().elapsed_s == 3
