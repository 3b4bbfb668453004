"""The costs of stages alone, and what they allow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from streamclf import trial_clip
from streamclf.frame import FitPlan
from streamclf.sources.video_file import VideoFileSource
from streamclf.stages import FITTED_FRAMES, FORWARD_S, LEAST_FORWARDS, forward_cost_s, limit_fps, reading_costs
from streamclf.testing import FakeEngine, FlatPicture, ManualClock, ScriptedSource
from streamclf.trial_clip import SIZE_WH, write_trial_clip

PLAN = FitPlan("stretch", (8, 8))


def test_the_limit_is_every_processor_at_work_all_the_time() -> None:
    assert limit_fps(reading_s=0.004, forward_s=0.006, processors=2) == pytest.approx(200)
    assert limit_fps(reading_s=0.0, forward_s=0.01, processors=3) == pytest.approx(300)


def test_a_network_that_may_use_fewer_processors_lowers_the_limit_only_where_it_is_what_takes_long() -> None:
    assert limit_fps(0.004, 0.006, 4, network_processors=1) == pytest.approx(1 / 0.006)
    assert limit_fps(0.009, 0.001, 2, network_processors=1) == pytest.approx(200)
    assert limit_fps(0.004, 0.006, 2, network_processors=2) == limit_fps(0.004, 0.006, 2)


def test_decoding_is_a_mean_and_fitting_a_median_and_neither_is_in_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock()
    fits = iter([0.5, 0.002, 0.002])  # the first one warms up

    def fit(picture: FlatPicture, plan: FitPlan) -> np.ndarray:
        clock.advance(next(fits))
        return np.full((8, 8, 3), picture.value, np.uint8)

    monkeypatch.setattr(FlatPicture, "fit", fit)
    decodes = [lambda span=span: clock.advance(span) for span in (0.0, 0.008, 0.001)]
    script = [step for number, decode in enumerate(decodes) for step in (decode, number)]
    source = ScriptedSource(script)
    reading = reading_costs(source, PLAN, clock=clock)
    assert reading.decode_s == pytest.approx(0.003)
    assert reading.fit_s == pytest.approx(0.002)
    assert [picture.shape for picture in reading.pictures] == [(1, 8, 8, 3)] * 3
    assert [picture[0, 0, 0, 0] for picture in reading.pictures] == [0, 1, 2]
    assert source.closed == 1


def test_no_more_frames_are_read_than_wanted_and_no_more_fitted_than_a_median_needs() -> None:
    source = ScriptedSource([*range(80), RuntimeError("read on")])
    assert len(reading_costs(source, PLAN, frames=80).pictures) == FITTED_FRAMES


def test_a_forward_pass_costs_the_median_after_one_to_warm_up() -> None:
    clock = ManualClock()
    spans = iter([9.0, 0.01, 0.03, 0.01, 0.7, 0.01])
    engine = FakeEngine(before_run=lambda batch: clock.advance(next(spans)))
    assert forward_cost_s(engine, [np.zeros((1, 8, 8, 3), np.uint8)] * 5, clock) == pytest.approx(0.01)


def test_a_slow_network_is_timed_on_few_pictures() -> None:
    clock = ManualClock()
    engine = FakeEngine(before_run=lambda batch: clock.advance(FORWARD_S))
    assert forward_cost_s(engine, [np.zeros((1, 8, 8, 3), np.uint8)] * 50, clock) == pytest.approx(FORWARD_S)
    assert len(engine.batches) == 1 + LEAST_FORWARDS


def test_the_clip_to_measure_with_is_as_long_as_asked_for_and_decodes_without_a_flaw(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial_clip, "DRAWN_FRAMES", 30)
    path = tmp_path / "trial.mp4"
    write_trial_clip(path, 61)
    source = VideoFileSource(path, "trial")
    frames = list(source)
    times = [frame.pts_s for frame in frames]
    assert source.info.description == "H.264 1280x720 at 25 fps"
    assert len(frames) == 3 * 30
    assert source.corrupt == 0
    assert np.diff(times) == pytest.approx(1 / 25)
    first, second, again = (frames[at].picture.bgr() for at in (0, 20, 30))
    assert first.shape == (SIZE_WH[1], SIZE_WH[0], 3)
    assert np.array_equal(first, again), "the same packets once more"
    assert np.abs(first.astype(int) - second).mean() > 3, "it moves"
    source.close()
