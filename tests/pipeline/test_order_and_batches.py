"""Several sources, several lanes, batches, paces and gaps: every frame gets its own answer, in its stream's order."""

from __future__ import annotations

import threading
from dataclasses import replace
from fractions import Fraction

import pytest

from streamclf.capture import Pace
from streamclf.channel import Inbox
from streamclf.frame import FitPlan, Frame
from streamclf.testing import FakeEngine, FakeInterpreter, FlatPicture, ManualClock, ScriptedSource
from tests.runs import (
    DEADLINE_S,
    HELD,
    QUEUED,
    check_laws,
    collect,
    drops,
    endings,
    indices,
    make_pipeline,
    wait,
    wait_for_blocked_put,
)


def run(pipeline):
    with pipeline:
        return list(collect(pipeline))


def batches(pipeline) -> list[int]:
    return [size for engine in pipeline._loader.engines for size in engine.batches]


# ---- order


@pytest.mark.parametrize("lanes", [1, 2, 4])
@pytest.mark.parametrize("best_batch", [1, 4])
def test_each_stream_keeps_its_order_and_each_frame_its_answer(lanes, best_batch):
    sources = [ScriptedSource(range(start, start + 60), name) for start, name in enumerate("abc")]
    pipeline = make_pipeline(*sources, lanes=lanes, engine=lambda: FakeEngine(best_batch=best_batch))
    seen = run(pipeline)
    check_laws(pipeline, seen)
    assert all(indices(seen, name) == list(range(60)) for name in "abc")


def test_a_lane_that_overtakes_another_does_not_change_the_order():
    """The lane with the first frame waits until another lane has answered all the others that may be held."""
    others = threading.Semaphore(0)

    def forward(batch):
        if batch[0, 0, 0, 0] == 100:
            assert all(others.acquire(timeout=DEADLINE_S) for _ in range(HELD))
        else:
            others.release()

    source = ScriptedSource([100, *range(40)], "clip")
    pipeline = make_pipeline(source, lanes=2, engine=lambda: FakeEngine(before_run=forward))
    seen = run(pipeline)
    check_laws(pipeline, seen)
    assert indices(seen, "clip") == list(range(41))


def test_several_sources_are_served_in_turn():
    """All wait while the network is busy with the very first frame; from then on each has its share."""
    full = threading.Event()
    pipeline = make_pipeline(
        *(ScriptedSource(range(40), name) for name in "abc"),
        engine=lambda: FakeEngine(before_run=lambda batch: wait(full)),
    )
    with pipeline:
        seen = pipeline.poll(0)
        for name in "abc":
            with pipeline._inbox._items:
                assert pipeline._inbox._items.wait_for(
                    lambda name=name: pipeline._inbox._lanes[name].pending is not None, DEADLINE_S
                )
        full.set()
        seen += collect(pipeline)
    check_laws(pipeline, seen)
    streams = [prediction.frame.stream for prediction in seen[1:40]]
    for start in range(0, 36, 3):
        assert set(streams[start : start + 3]) == set("abc")


# ---- batches


def test_recorded_batches_are_filled():
    pipeline = make_pipeline(ScriptedSource(range(43), "clip"), engine=lambda: FakeEngine(best_batch=4))
    check_laws(pipeline, run(pipeline))
    assert batches(pipeline) == [4] * 10 + [2, 1]


def test_batches_are_filled_from_several_sources():
    sources = [ScriptedSource(range(10), name) for name in "abc"]
    pipeline = make_pipeline(*sources, engine=lambda: FakeEngine(best_batch=4))
    check_laws(pipeline, run(pipeline))
    assert batches(pipeline) == [4] * 7 + [2]


def test_a_network_that_proved_only_single_pictures_gets_single_pictures():
    pipeline = make_pipeline(ScriptedSource(range(9), "clip"), engine=lambda: FakeEngine(batch_sizes=(1,)))
    check_laws(pipeline, run(pipeline))
    assert batches(pipeline) == [1] * 9


def test_a_queue_shorter_than_a_batch_does_not_stall():
    pipeline = make_pipeline(
        ScriptedSource(range(20), "clip"), engine=lambda: FakeEngine(best_batch=4), recorded_queue_frames=2
    )
    check_laws(pipeline, run(pipeline))
    assert max(batches(pipeline)) == 2


def test_pictures_of_different_shapes_never_share_a_batch(monkeypatch):
    monkeypatch.setattr(FakeInterpreter, "plan", FitPlan("short_side", (8, 8)))  # the input follows the picture's shape
    sources = [
        ScriptedSource(range(20), "wide", size_wh=(96, 48)),
        ScriptedSource(range(20), "tall", size_wh=(48, 96)),
        ScriptedSource(range(20), "wide too", size_wh=(192, 96)),
    ]
    shapes = set()
    pipeline = make_pipeline(
        *sources, engine=lambda: FakeEngine(best_batch=4, before_run=lambda batch: shapes.add(batch.shape[1:]))
    )
    seen = run(pipeline)
    check_laws(pipeline, seen)
    assert shapes == {(8, 16, 3), (16, 8, 3)}
    assert len(seen) == 60
    assert max(batches(pipeline)) == 4


# ---- live and recorded


def test_a_live_source_gives_its_newest_frame_and_counts_the_rest():
    at_work, all_captured = threading.Event(), threading.Event()

    def forward(batch):
        at_work.set()
        wait(all_captured)

    script = [0, lambda: wait(at_work), *range(1, 100), all_captured.set]
    pipeline = make_pipeline(
        ScriptedSource(script, "camera", is_live=True), engine=lambda: FakeEngine(before_run=forward)
    )
    seen = run(pipeline)
    check_laws(pipeline, seen)
    assert indices(seen, "camera") == [0, 99]
    assert drops(pipeline, "camera") == {"queue_full": 97, "stale": 1}


@pytest.mark.parametrize(
    ("drop", "classified"), [("oldest", [0, 99]), ("newest", [0, 1, 2]), ("never", list(range(100)))]
)
def test_the_user_may_choose_what_a_full_live_queue_drops(drop, classified):
    at_work, go_on = threading.Event(), threading.Event()

    def forward(batch):
        at_work.set()
        wait(go_on)

    open_gate = [] if drop == "never" else [go_on.set]
    source = ScriptedSource([0, lambda: wait(at_work), *range(1, 100), *open_gate], "camera", is_live=True)
    pipeline = make_pipeline(source, drop=drop, engine=lambda: FakeEngine(before_run=forward))
    with pipeline:
        seen = pipeline.poll(0)
        if drop == "never":
            wait_for_blocked_put(pipeline, "camera", 3)
            go_on.set()
        seen += collect(pipeline)
    check_laws(pipeline, seen)
    assert indices(seen, "camera") == classified


def test_a_recorded_source_loses_nothing_beside_a_live_one():
    at_work = threading.Event()
    camera = ScriptedSource([0, lambda: wait(at_work), *range(1, 200)], "camera", is_live=True)
    pipeline = make_pipeline(
        ScriptedSource(range(100), "clip"),
        camera,
        engine=lambda: FakeEngine(best_batch=4, before_run=lambda batch: at_work.set()),
    )
    seen = run(pipeline)
    stats = check_laws(pipeline, seen)
    assert indices(seen, "clip") == list(range(100))
    assert drops(pipeline, "clip") == {}
    assert stats.streams["camera"].captured == 200
    assert (stats.streams["camera"].is_live, stats.streams["clip"].is_live) == (True, False)


def test_a_stream_that_turns_out_finite_loses_nothing():
    class Remote(ScriptedSource):
        def open(self):
            super().open()
            self.is_live = False

    remote = Remote(range(300), "remote", is_live=True)
    pipeline = make_pipeline(remote, engine=lambda: FakeEngine(best_batch=4))
    assert pipeline.is_live(remote)
    seen = run(pipeline)
    stats = check_laws(pipeline, seen)
    assert indices(seen, "remote") == list(range(300))
    assert not pipeline.is_live(remote)
    assert (stats.streams["remote"].is_live, stats.streams["remote"].frame_count) == (False, 300)


# ---- a file at its own pace


@pytest.fixture
def paced(monkeypatch) -> ManualClock:
    """A clock that a paced source's waits move on, so that no time passes."""
    clock = ManualClock(500.0)
    monkeypatch.setattr(Inbox, "wait_cancelled", lambda inbox, seconds: clock.advance(max(0.0, seconds)))
    return clock


def test_a_file_played_like_a_camera_comes_at_its_own_pace(paced):
    source = ScriptedSource(range(60), "clip", rate=Fraction(30), clock=paced)
    captured_s = []
    pipeline = make_pipeline(source, clock=paced, realtime=True, drop="never")
    for prediction in run(pipeline):
        captured_s.append(prediction.frame.captured_s)
    assert captured_s == pytest.approx([500 + index / 30 for index in range(60)])
    assert pipeline.stats.overall_fps["capture"] == pytest.approx(30)


def test_a_file_played_like_a_camera_drops_like_one(paced):
    all_captured = threading.Event()
    source = ScriptedSource([*range(50), all_captured.set], "clip", clock=paced)
    pipeline = make_pipeline(
        source, clock=paced, realtime=True, engine=lambda: FakeEngine(before_run=lambda batch: wait(all_captured))
    )
    seen = run(pipeline)
    stats = check_laws(pipeline, seen)
    assert stats.streams["clip"].is_live
    assert stats.captured == 50
    assert indices(seen, "clip")[-1] == 49
    assert len(seen) <= 2


def test_pictures_have_no_pace_and_none_is_dropped(paced):
    class Pictures(ScriptedSource):
        @property
        def info(self):
            return replace(super().info, is_pictures=True)

    pipeline = make_pipeline(Pictures(range(100), "pictures"), clock=paced, realtime=True)
    seen = run(pipeline)
    check_laws(pipeline, seen)
    assert len(seen) == 100
    assert paced.now_s == 500


def test_a_paced_source_that_waits_for_long_ends_at_once_when_stopped():
    class Sparse(ScriptedSource):
        def __iter__(self):
            for frame in super().__iter__():
                yield replace(frame, pts=frame.pts * 10**6)

    pipeline = make_pipeline(Sparse(range(9), "clip"), realtime=True)
    with pipeline:
        seen = pipeline.poll(DEADLINE_S)
        pipeline.stop()
        seen += collect(pipeline)
    check_laws(pipeline, seen)
    assert indices(seen, "clip") == [0]
    assert endings(pipeline) == {"clip": "stopped"}


def test_the_pace_is_the_streams_own_and_starts_anew_after_a_gap():
    clock = ManualClock(100.0)
    pace = Pace(clock, 0.1)

    def frame(pts, after_gap=False):
        return Frame(FlatPicture(), "clip", 0, pts, Fraction(1, 10), 0.0, after_gap)

    assert pace.due_in_s(frame(70)) == 0
    assert pace.due_in_s(frame(75)) == pytest.approx(0.5)
    clock.advance(2)
    assert pace.due_in_s(frame(80)) == pytest.approx(-1.0), "late, and not waited for"
    assert pace.due_in_s(frame(5000, after_gap=True)) == 0
    assert pace.due_in_s(frame(5003)) == pytest.approx(0.3)
    assert pace.due_in_s(frame(None)) < 0, "without a time it is due at once"


def lateness(pts_s, read_s, interval_s=1 / 30):
    """How many seconds late a paced source gets each frame, if reading the frames takes ``read_s``; and how early it reads them."""
    clock = ManualClock(100.0)
    pace = Pace(clock, interval_s)
    late_s, early_s = [], []
    for number, (pts, took_s) in enumerate(zip(pts_s, read_s, strict=True)):
        clock.advance(max(0.0, pace.rest_s()))
        begun_s = clock()
        clock.advance(took_s)
        pace.took(took_s)
        ticks = Frame(FlatPicture(), "clip", number, round(pts * 90_000), Fraction(1, 90_000), 0.0)
        due_s = pace.due_in_s(ticks)
        late_s.append(max(0.0, -due_s))
        early_s.append(clock() + due_s - begun_s)
        clock.advance(max(0.0, due_s))
    return late_s, early_s


def test_the_next_frame_is_read_just_in_time():
    late_s, early_s = lateness([n / 30 for n in range(300)], [0.006] * 300)
    assert max(late_s) == 0
    assert max(early_s[1:]) == pytest.approx(1.5 * 0.006 + 0.004, abs=1e-4)


def test_a_key_frame_is_late_by_what_it_takes_longer_and_delays_no_other():
    late_s, early_s = lateness([n / 30 for n in range(1000)], [0.028 if n % 250 == 0 else 0.006 for n in range(1000)])
    assert [n for n, late in enumerate(late_s) if late] == [250, 500, 750]
    assert max(late_s) < 0.028 - 0.006
    assert max(early_s[40:]) < 0.018, "nor is the network disturbed for long"


def test_a_hole_delays_no_later_frame():
    still = [0.0, 3.0, *(3 + n / 30 for n in range(1, 300))]
    late_s, _ = lateness(still, [0.004] * len(still))
    assert max(late_s) < 0.005


def test_two_frames_a_tick_apart_are_soon_forgotten():
    twice = sorted([n / 30 for n in range(600)] + [10 / 30 + 1 / 90_000])
    _, early_s = lateness(twice, [0.004] * len(twice))
    assert early_s[13] > 0.03
    assert max(early_s[400:]) < 0.015


# ---- gaps


class Gappy(ScriptedSource):
    """The frames of ``gaps`` come right after one."""

    gaps: tuple[int, ...] = ()

    def __iter__(self):
        for frame in super().__iter__():
            yield replace(frame, after_gap=frame.index in self.gaps)


def test_a_gap_starts_the_steady_label_anew():
    source = Gappy([1] * 30 + [2] * 30, "clip")
    source.gaps = (30,)
    pipeline = make_pipeline(source)
    seen = run(pipeline)
    assert [prediction.steady.label for prediction in seen] == ["class-1"] * 30 + ["class-2"] * 30
    assert [prediction.frame.index for prediction in seen if prediction.frame.after_gap] == [30]


def test_a_gap_is_not_forgotten_when_its_first_frame_is_dropped():
    source = Gappy([1] * 31 + [2] * 29, "clip")
    source.gaps = (31,)
    pipeline = make_pipeline(source, frame_step=10)
    seen = run(pipeline)
    assert indices(seen, "clip") == [0, 10, 20, 30, 40, 50]
    assert [prediction.steady.label for prediction in seen] == ["class-1"] * 4 + ["class-2"] * 2
    assert [prediction.frame.index for prediction in seen if prediction.frame.after_gap] == [40]


def test_pictures_without_a_time_have_no_steady_label():
    class Timeless(ScriptedSource):
        def __iter__(self):
            for frame in super().__iter__():
                yield replace(frame, pts=None)

    assert [prediction.steady for prediction in run(make_pipeline(Timeless(range(3), "pictures")))] == [None] * 3


# ---- pictures and bytes


@pytest.mark.parametrize("is_live", [False, True])
def test_pictures_are_kept_for_whoever_polls(is_live):
    pipeline = make_pipeline(ScriptedSource([7], "clip", is_live=is_live))
    (prediction,) = run(pipeline)
    assert prediction.frame.image.shape == (48, 64, 3)
    assert prediction.frame.image.max() == 7


@pytest.mark.parametrize("is_live", [False, True])
def test_without_pictures_only_their_size_is_left(is_live):
    pipeline = make_pipeline(ScriptedSource([7], "clip", is_live=is_live))
    pipeline.pictures = False
    (prediction,) = run(pipeline)
    check_laws(pipeline, [prediction])
    assert prediction.frame.picture.size_wh == (64, 48)
    with pytest.raises(ValueError, match="let go"):
        prediction.frame.image  # noqa: B018


def test_without_pictures_only_the_networks_inputs_count_as_queued():
    def peak_mb(pictures):
        gate = threading.Event()
        source = ScriptedSource(range(100), "clip", size_wh=(640, 480))
        pipeline = make_pipeline(source, engine=lambda: FakeEngine(before_run=lambda batch: wait(gate)))
        with pipeline:
            pipeline.pictures = pictures
            assert pipeline.poll(0) == []
            gate.set()
            wait_for_blocked_put(pipeline, "clip", HELD + 1 + QUEUED)
        return pipeline.stats.peak_queue_mb

    fitted = 8 * 8 * 3 / 1e6
    assert peak_mb(False) == pytest.approx((HELD + 1 + QUEUED) * fitted)
    assert peak_mb(True) == pytest.approx((HELD + 1 + QUEUED) * (fitted + 640 * 480 * 3 / 1e6))


def test_large_pictures_stay_within_the_megabytes_wherever_they_are():
    """Waiting, being classified and waiting for a slow sink are one budget."""
    nbytes = 1000 * 1000 * 3 + 8 * 8 * 3
    gate = threading.Event()
    source = ScriptedSource(range(50), "pictures", size_wh=(1000, 1000))
    pipeline = make_pipeline(
        source, queue_bytes=4 * nbytes, engine=lambda: FakeEngine(before_run=lambda batch: wait(gate))
    )
    with pipeline:
        assert pipeline.poll(0) == []
        gate.set()
        wait_for_blocked_put(pipeline, "pictures", 4)
        assert pipeline._inbox.held_bytes == 4 * nbytes
        seen = list(collect(pipeline))
    stats = check_laws(pipeline, seen)
    assert len(seen) == 50
    assert stats.peak_queue_mb == pytest.approx(4 * nbytes / 1e6)


def test_pictures_larger_than_the_megabytes_go_through_one_by_one_from_every_source():
    sources = [ScriptedSource(range(20), name, size_wh=(400, 300)) for name in "abc"]
    pipeline = make_pipeline(*sources, queue_bytes=1, engine=lambda: FakeEngine(best_batch=4))
    seen = run(pipeline)
    stats = check_laws(pipeline, seen)
    assert len(seen) == 60
    assert stats.peak_queue_mb <= 3 * (400 * 300 * 3 + 8 * 8 * 3) / 1e6


# ---- times


def test_latencies_are_where_the_time_went():
    clock = ManualClock(10.0)
    source = ScriptedSource([lambda: clock.advance(1.0), 0], "clip", clock=clock)
    pipeline = make_pipeline(
        source, clock=clock, engine=lambda: FakeEngine(before_run=lambda batch: clock.advance(0.07))
    )
    (prediction,) = run(pipeline)
    assert prediction.latency.infer_ms == pytest.approx(70)
    assert prediction.latency.queue_ms == 0
    assert prediction.latency.total_ms == pytest.approx(70)
    assert pipeline.stats.latency_ms["infer"]["p99"] == pytest.approx(70, rel=0.01)


def test_whoever_writes_counts_the_sink_rate():
    clock = ManualClock()
    pipeline = make_pipeline(ScriptedSource(range(11), "clip"), clock=clock)
    with pipeline:
        for prediction in collect(pipeline):
            clock.advance(0.1)
            pipeline.written(prediction)
    assert pipeline.stats.overall_fps["sink"] == pytest.approx(10)
    assert pipeline.stats.streams["clip"].overall_fps["sink"] == pytest.approx(10)
