"""Frames that are not wanted: which they are does not depend on the machine, and they cost only their decoding."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace
from fractions import Fraction

import pytest

from streamclf.channel import Inbox
from streamclf.testing import FakeEngine, FlatPicture, ManualClock, ScriptedSource
from tests.runs import check_laws, collect, drops, indices, make_pipeline

RATE = Fraction(30)
TENTHS = list(range(0, 60, 3))


def run(pipeline):
    with pipeline:
        return list(collect(pipeline))


@pytest.fixture
def paced(monkeypatch) -> ManualClock:
    """A clock that a paced source's waits move on, so that no time passes."""
    clock = ManualClock(500.0)
    monkeypatch.setattr(Inbox, "wait_cancelled", lambda inbox, seconds: clock.advance(max(0.0, seconds)))
    return clock


@pytest.mark.parametrize("lanes", [1, 2])
@pytest.mark.parametrize("pause_s", [0.0, 0.4])
def test_the_same_frames_are_chosen_however_slow_the_source_and_the_network_are(pause_s, lanes):
    clock = ManualClock()
    script = [step for value in range(60) for step in (lambda: clock.advance(pause_s), value)]
    source = ScriptedSource(script, "clip", clock=clock)
    engine = lambda: FakeEngine(best_batch=4, before_run=lambda batch: clock.advance(pause_s))  # noqa: E731
    pipeline = make_pipeline(source, clock=clock, lanes=lanes, engine=engine, target_fps=Fraction(10))
    seen = run(pipeline)
    check_laws(pipeline, seen)
    assert indices(seen, "clip") == TENTHS


def test_a_live_source_is_thinned_out_before_its_queue():
    source = ScriptedSource(range(60), "camera", is_live=True)
    pipeline = make_pipeline(source, target_fps=Fraction(10), drop="never")
    seen = run(pipeline)
    check_laws(pipeline, seen)
    assert indices(seen, "camera") == TENTHS
    assert drops(pipeline, "camera") == {"frame_step": 40}


def test_a_file_played_like_a_camera_gives_the_same_frames_at_their_own_times(paced):
    source = ScriptedSource(range(60), "clip", rate=RATE, clock=paced)
    pipeline = make_pipeline(source, clock=paced, realtime=True, drop="never", target_fps=Fraction(10))
    seen = run(pipeline)
    check_laws(pipeline, seen)
    assert indices(seen, "clip") == TENTHS
    captured_s = [prediction.frame.captured_s for prediction in seen]
    assert captured_s == pytest.approx([500 + index / 30 for index in TENTHS])
    assert pipeline.stats.overall_fps["capture"] == pytest.approx(30)


@pytest.mark.parametrize("is_live", [False, True])
@pytest.mark.parametrize("options", [{"frame_step": 3}, {"target_fps": Fraction(10)}], ids=str)
def test_a_frame_that_is_not_wanted_is_not_looked_at_and_does_not_touch_the_queue(options, is_live, monkeypatch):
    touched: Counter[int] = Counter()
    puts = []
    put = Inbox.put
    monkeypatch.setattr(Inbox, "put", lambda inbox, item: (puts.append(item.frame.index), put(inbox, item)))

    class Watched(FlatPicture):
        def fit(self, plan):
            touched[self.value] += 1
            return super().fit(plan)

        @property
        def nbytes(self):
            touched[self.value] += 1
            return super().nbytes

        def bgr(self):
            touched[self.value] += 1
            return super().bgr()

    class Source(ScriptedSource):
        def __iter__(self):
            for frame in super().__iter__():
                yield replace(frame, picture=Watched(frame.index))

    pipeline = make_pipeline(Source(range(60), "clip", is_live=is_live), drop="never", **options)
    assert indices(run(pipeline), "clip") == puts == sorted(touched) == TENTHS


def test_each_source_is_thinned_out_on_its_own_time():
    sources = [
        ScriptedSource(range(60), "slow", rate=Fraction(15)),
        ScriptedSource(range(60), "fast", rate=Fraction(60)),
    ]
    pipeline = make_pipeline(*sources, target_fps=Fraction(5))
    seen = run(pipeline)
    assert (indices(seen, "slow"), indices(seen, "fast")) == (list(range(0, 60, 3)), list(range(0, 60, 12)))


def test_a_gap_between_chosen_frames_starts_the_steady_label_anew_at_once():
    class Gappy(ScriptedSource):
        def __iter__(self):
            for frame in super().__iter__():
                yield replace(frame, after_gap=frame.index == 31)

    pipeline = make_pipeline(Gappy([1] * 31 + [2] * 29, "clip"), target_fps=Fraction(3))
    seen = run(pipeline)
    assert indices(seen, "clip") == [0, 10, 20, 30, 31, 41, 51]
    assert [prediction.steady.label for prediction in seen] == ["class-1"] * 4 + ["class-2"] * 3


def test_pictures_have_no_time_so_all_are_taken_and_that_is_said_once(caplog):
    class Pictures(ScriptedSource):
        @property
        def info(self):
            return replace(super().info, is_pictures=True)

        def __iter__(self):
            for frame in super().__iter__():
                yield replace(frame, pts=None)

    with caplog.at_level(logging.WARNING, "streamclf"):
        pipeline = make_pipeline(
            Pictures(range(20), "holiday"), ScriptedSource(range(60), "clip"), target_fps=Fraction(10)
        )
        seen = run(pipeline)
    assert indices(seen, "holiday") == list(range(20))
    assert indices(seen, "clip") == TENTHS
    (line,) = caplog.messages
    assert line.startswith("holiday: these pictures have no time, so target-fps takes all of them")
