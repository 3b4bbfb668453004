"""Every way a run can end, and the laws that hold on each: conservation, order, no thread left, an honest exception."""

from __future__ import annotations

import threading
import time
from fractions import Fraction

import pytest

from streamclf.errors import ChannelClosed, EngineError, SourceError, SourceNotFoundError, StageStuck
from streamclf.testing import FakeEngine, FakeInterpreter, FlatPicture, ScriptedSource
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


def notes(failure: BaseException) -> list[str]:
    return getattr(failure, "__notes__", [])


# ---- good ends


def test_the_end_of_a_file_delivers_every_frame():
    pipeline = make_pipeline(ScriptedSource(range(50), "clip"))
    with pipeline:
        seen = list(collect(pipeline))
    check_laws(pipeline, seen)
    assert indices(seen, "clip") == list(range(50))
    assert (endings(pipeline), drops(pipeline, "clip")) == ({"clip": "eof"}, {})


def test_an_empty_source_is_an_end_like_any_other():
    pipeline = make_pipeline(ScriptedSource([], "clip"))
    with pipeline:
        assert list(collect(pipeline)) == []
    check_laws(pipeline, [])


def test_a_limit_ends_each_source_by_itself():
    pipeline = make_pipeline(ScriptedSource(range(50), "a"), ScriptedSource(range(3), "b"), max_frames=7)
    with pipeline:
        seen = list(collect(pipeline))
    check_laws(pipeline, seen)
    assert (indices(seen, "a"), indices(seen, "b")) == (list(range(7)), [0, 1, 2])
    assert endings(pipeline) == {"a": "limit", "b": "eof"}


def test_a_frame_step_counts_what_it_leaves_out():
    pipeline = make_pipeline(ScriptedSource(range(50), "clip"), frame_step=3, max_frames=5)
    with pipeline:
        seen = list(collect(pipeline))
    check_laws(pipeline, seen)
    assert indices(seen, "clip") == [0, 3, 6, 9, 12]
    assert drops(pipeline, "clip") == {"frame_step": 8}


def test_a_target_rate_counts_what_it_leaves_out():
    pipeline = make_pipeline(ScriptedSource(range(50), "clip"), target_fps=Fraction(10), max_frames=5)
    with pipeline:
        seen = list(collect(pipeline))
    stats = check_laws(pipeline, seen)
    assert indices(seen, "clip") == [0, 3, 6, 9, 12]
    assert drops(pipeline, "clip") == {"frame_step": 8}
    assert (stats.streams["clip"].wanted, stats.streams["clip"].lost) == (5, 0)


# ---- the user quits


def test_a_stop_hands_out_what_was_classified_and_counts_the_rest():
    pipeline = make_pipeline(ScriptedSource(range(1000), "clip"))
    with pipeline:
        seen = pipeline.poll(limit=1)
        wait_for_blocked_put(pipeline, "clip", 1 + HELD + 1 + QUEUED)  # also the lane has one in hand
        pipeline.stop()
        seen += list(collect(pipeline))
    check_laws(pipeline, seen)
    assert indices(seen, "clip") == list(range(1 + HELD + 1))
    assert endings(pipeline) == {"clip": "stopped"}
    assert drops(pipeline, "clip") == {"stopped": QUEUED + 1}


def test_leaving_the_loop_early_ends_the_run():
    pipeline = make_pipeline(ScriptedSource(range(1000), "clip"))
    seen = []
    with pipeline:
        for prediction in pipeline:
            seen.append(prediction)
            if len(seen) == 5:
                break
    check_laws(pipeline, seen)
    assert endings(pipeline) == {"clip": "stopped"}
    assert set(drops(pipeline, "clip")) == {"stopped"}


def test_a_caller_that_stops_polling_stops_the_run_without_filling_the_memory():
    pipeline = make_pipeline(ScriptedSource(range(10_000), "clip"))
    with pipeline:
        seen = pipeline.poll(limit=1)
        wait_for_blocked_put(pipeline, "clip", 1 + HELD + 1 + QUEUED)
    stats = check_laws(pipeline, seen)
    assert stats.captured == 1 + HELD + 1 + QUEUED + 1


def test_a_stop_before_the_first_poll_runs_no_source():
    source = ScriptedSource(range(10), "clip")
    pipeline = make_pipeline(source, ScriptedSource([], "camera", is_live=True))
    with pipeline:
        pipeline.stop()
        with pytest.raises(ChannelClosed):
            pipeline.poll(DEADLINE_S)
    stats = check_laws(pipeline, [])
    assert stats.captured == 0
    assert endings(pipeline) == {"clip": "stopped", "camera": "stopped"}


def test_a_run_that_is_never_polled_closes_what_it_opened():
    pipeline = make_pipeline(ScriptedSource(range(10), "clip"))
    with pipeline:
        pass
    check_laws(pipeline, [])


def test_a_stop_comes_through_while_the_capture_thread_is_blocked():
    at_work, go_on = threading.Event(), threading.Event()

    def forward(batch):
        at_work.set()
        wait(go_on)

    pipeline = make_pipeline(ScriptedSource(range(100), "clip"), engine=lambda: FakeEngine(before_run=forward))
    with pipeline:
        assert pipeline.poll(0) == []
        wait(at_work)
        wait_for_blocked_put(pipeline, "clip", 1 + QUEUED)
        pipeline.stop()
        go_on.set()
        seen = list(collect(pipeline))
    check_laws(pipeline, seen)
    assert indices(seen, "clip") == [0], "the batch in hand is still answered"
    assert drops(pipeline, "clip") == {"stopped": QUEUED + 1}


def test_stopping_from_a_signal_handler_does_not_wait_for_its_own_thread():
    gate = threading.Event()
    pipeline = make_pipeline(
        ScriptedSource(range(100), "clip"), engine=lambda: FakeEngine(before_run=lambda batch: wait(gate))
    )
    with pipeline:
        assert pipeline.poll(0) == []
        wait_for_blocked_put(pipeline, "clip", 1 + QUEUED)
        gate.set()

        def interrupted() -> None:
            with pipeline._inbox._items, pipeline._results._changed:
                pipeline.stop()

        thread = threading.Thread(target=interrupted, daemon=True)
        thread.start()
        thread.join(DEADLINE_S)
        assert not thread.is_alive()


def test_an_interrupt_in_the_body_goes_through_and_counts_as_a_stop():
    pipeline = make_pipeline(ScriptedSource(range(1000), "clip"))
    seen = []

    def body() -> None:
        with pipeline:
            for prediction in pipeline:
                seen.append(prediction)
                if len(seen) == 3:
                    raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        body()
    check_laws(pipeline, seen)
    assert endings(pipeline) == {"clip": "stopped"}
    assert set(drops(pipeline, "clip")) == {"stopped"}


def test_an_interrupt_in_the_middle_of_a_poll_loses_no_frame_from_the_accounts(monkeypatch):
    pipeline = make_pipeline(ScriptedSource(range(20), "clip"))
    deliver = pipeline._deliver
    delivered = []

    def interrupted(answered):
        if len(delivered) == 2:
            raise KeyboardInterrupt
        delivered.append(deliver(answered))
        return delivered[-1]

    monkeypatch.setattr(pipeline, "_deliver", interrupted)

    def body() -> None:
        with pipeline:
            while True:
                pipeline.poll()

    with pytest.raises(KeyboardInterrupt):
        body()
    stream = pipeline.stats.streams["clip"]
    assert stream.classified == 2
    assert stream.captured == stream.classified + sum(stream.dropped.values())


@pytest.mark.parametrize("goes_on", [False, True])
def test_an_interrupt_while_answers_are_interpreted_loses_none_of_them(goes_on, monkeypatch):
    """Two lanes, so that several are interpreted together. Whoever catches it may leave in good order, or go on."""
    interrupts = iter([False, True])

    def predictions(interpreter, frames, outputs):
        if next(interrupts, False):
            raise KeyboardInterrupt
        return honest(interpreter, frames, outputs)

    honest = FakeInterpreter.predictions
    monkeypatch.setattr(FakeInterpreter, "predictions", predictions)
    pipeline = make_pipeline(ScriptedSource(range(100), "clip"), lanes=2)
    seen = []
    with pipeline:
        with pytest.raises(KeyboardInterrupt):
            seen.extend(collect(pipeline))
        if goes_on:
            seen += collect(pipeline)
    check_laws(pipeline, seen)
    if goes_on:
        assert indices(seen, "clip") == list(range(100))


@pytest.mark.parametrize("limit", [0, -1])
def test_nothing_at_most_is_no_limit(limit):
    with make_pipeline(ScriptedSource(range(3), "clip")) as pipeline, pytest.raises(ValueError, match="at least 1"):
        pipeline.poll(limit=limit)


# ---- a source fails


def test_a_source_that_fails_does_not_end_the_others():
    pipeline = make_pipeline(
        ScriptedSource([0, 1, 2, SourceError("a: the cable is out")], "a"), ScriptedSource(range(40), "b")
    )
    seen = []
    with pytest.raises(SourceError, match="a: the cable is out") as failure, pipeline:
        seen.extend(collect(pipeline))
    stats = check_laws(pipeline, seen)
    assert notes(failure.value) == ["in stage: capture a"]
    assert (indices(seen, "a"), indices(seen, "b")) == ([0, 1, 2], list(range(40)))
    assert endings(pipeline) == {"a": "failed", "b": "eof"}
    assert stats.streams["a"].error == "a: the cable is out"
    assert stats.dropped == 0


def test_of_two_failing_sources_the_first_is_raised_and_the_other_is_told():
    first_is_out = threading.Event()
    first = ScriptedSource([0, OSError("first")], "a")
    second = ScriptedSource([0, first_is_out, ValueError("second")], "b")
    pipeline = make_pipeline(first, second)
    seen = []

    def body() -> None:
        with pipeline:
            deadline = time.monotonic() + DEADLINE_S
            while not pipeline.failures and time.monotonic() < deadline:
                seen.extend(pipeline.poll(0))
            first_is_out.set()
            seen.extend(collect(pipeline))

    with pytest.raises(OSError, match="first") as failure:
        body()
    check_laws(pipeline, seen)
    assert notes(failure.value) == ["in stage: capture a", "also: ValueError: second, in stage: capture b"]
    assert [type(problem) for problem in pipeline.failures] == [OSError, ValueError]


def test_a_camera_that_cannot_be_opened_is_its_own_affair():
    camera = ScriptedSource([0], "camera", is_live=True)
    camera.open_error = SourceNotFoundError("camera: there is none")
    pipeline = make_pipeline(camera, ScriptedSource(range(9), "clip"))
    seen = []
    with pytest.raises(SourceNotFoundError) as failure, pipeline:
        seen.extend(collect(pipeline))
    check_laws(pipeline, seen)
    assert notes(failure.value) == ["in stage: capture camera"]
    assert indices(seen, "clip") == list(range(9))
    assert endings(pipeline) == {"camera": "failed", "clip": "eof"}


def test_a_file_that_cannot_be_opened_fails_before_anything_runs():
    good, bad = ScriptedSource(range(5), "good"), ScriptedSource(range(5), "bad")
    bad.open_error = SourceNotFoundError("bad: no such file")
    pipeline = make_pipeline(good, bad, ScriptedSource(range(5), "never reached"))
    with pytest.raises(SourceNotFoundError) as failure, pipeline:
        pytest.fail("entered")
    check_laws(pipeline, [])
    assert notes(failure.value) == ["in stage: open bad"]
    assert pipeline._loader.engines == []
    assert set(endings(pipeline).values()) == {"failed"}


def test_a_picture_that_cannot_be_fitted_is_counted(monkeypatch):
    def fit(self, plan):
        if self.value == 3:
            raise MemoryError("too large")
        return original(self, plan)

    original = FlatPicture.fit
    monkeypatch.setattr(FlatPicture, "fit", fit)
    pipeline = make_pipeline(ScriptedSource(range(9), "pictures"), ScriptedSource([5] * 9, "clip"))
    seen = []
    with pytest.raises(MemoryError) as failure, pipeline:
        seen.extend(collect(pipeline))
    check_laws(pipeline, seen)
    assert notes(failure.value) == ["in stage: capture pictures"]
    assert (indices(seen, "pictures"), len(indices(seen, "clip"))) == ([0, 1, 2], 9)
    assert drops(pipeline, "pictures") == {"failed": 1}


def test_a_source_that_cannot_be_closed_is_a_failure():
    source = ScriptedSource(range(5), "clip")

    class Stubborn:
        def __getattr__(self, name):
            return getattr(source, name)

        def __iter__(self):
            return iter(source)

        def close(self):
            source.close()
            raise SourceError("clip: will not close")

    pipeline = make_pipeline(Stubborn())
    seen = []
    with pytest.raises(SourceError, match="will not close") as failure, pipeline:
        seen.extend(collect(pipeline))
    check_laws(pipeline, seen)
    assert notes(failure.value) == ["in stage: capture clip"]
    assert len(seen) == 5


def test_a_source_that_hangs_is_named_and_its_frames_are_counted():
    hung, never = threading.Event(), threading.Event()
    source = ScriptedSource([0, 1, 2, hung.set, never, 3], "camera", is_live=True)
    pipeline = make_pipeline(source, join_timeout_s=0.05)
    seen = []

    def body() -> None:
        with pipeline:
            seen.extend(pipeline.poll(0))
            wait(hung)
            pipeline.stop()
            seen.extend(collect(pipeline))

    try:
        with pytest.raises(StageStuck, match=r"streamclf capture camera: did not end within 0\.05 s"):
            body()
        before = pipeline.stats.streams["camera"]
        assert before.ended == "stopped"
        assert before.captured == 3 == before.classified + sum(before.dropped.values())
    finally:
        never.set()
    for thread in pipeline._threads:
        thread.join(DEADLINE_S)
    check_laws(pipeline, seen)
    assert pipeline.stats.streams["camera"] == before, "what the thread does later changes no number"


# ---- the engine fails


def test_a_network_that_cannot_be_loaded_fails_before_any_source_runs():
    def load():
        raise EngineError("net: not a network")

    source = ScriptedSource(range(5), "clip")
    pipeline = make_pipeline(source, engine=load)
    with pytest.raises(EngineError) as failure, pipeline:
        pytest.fail("entered")
    stats = check_laws(pipeline, [])
    assert notes(failure.value) == ["in stage: classify"]
    assert (stats.captured, endings(pipeline)) == (0, {"clip": "failed"})


def test_a_second_lane_that_cannot_load_ends_the_first_one():
    made = []

    def load():
        if made:
            raise EngineError("net: no memory for a second one")
        made.append(FakeEngine())
        return made[-1]

    pipeline = make_pipeline(ScriptedSource(range(5), "clip"), engine=load, lanes=3)
    with pytest.raises(EngineError), pipeline:
        pytest.fail("entered")
    check_laws(pipeline, [])
    assert made[0].closed == 1


def test_a_network_that_fails_stops_the_run_at_once():
    def forward(batch):
        if batch[0, 0, 0, 0] == 5:
            raise EngineError("net: forward failed")

    endless = ScriptedSource([value % 6 for value in range(10_000)], "clip")
    pipeline = make_pipeline(endless, engine=lambda: FakeEngine(before_run=forward))
    seen = []
    with pytest.raises(EngineError, match="forward failed") as failure, pipeline:
        seen.extend(collect(pipeline))
    stats = check_laws(pipeline, seen)
    assert notes(failure.value) == ["in stage: classify"]
    assert indices(seen, "clip") == [0, 1, 2, 3, 4]
    assert endings(pipeline) == {"clip": "failed"}
    assert drops(pipeline, "clip") == {"failed": stats.captured - 5}


def test_a_lane_that_fails_frees_the_one_that_waits_for_its_turn(monkeypatch):
    """The second lane has run ahead until it may hold no more results, and waits for a batch that will never come."""
    ahead = threading.Event()

    def forward(batch):
        if batch[0, 0, 0, 0] == 0:
            wait(ahead)
            raise EngineError("net: forward failed")

    pipeline = make_pipeline(
        ScriptedSource([0] + [1] * 99, "clip"), lanes=2, engine=lambda: FakeEngine(before_run=forward)
    )
    admits = pipeline._results._admits

    def admits_or_tells(ticket):
        if not admits(ticket):
            ahead.set()  # the second lane holds the results' lock until it waits
            return False
        return True

    monkeypatch.setattr(pipeline._results, "_admits", admits_or_tells)
    seen = []

    def body() -> None:
        with pipeline:
            seen.extend(collect(pipeline))

    with pytest.raises(EngineError):
        body()
    check_laws(pipeline, seen)
    assert seen == []
    assert set(drops(pipeline, "clip")) == {"failed"}


@pytest.mark.parametrize("lanes", [1, 2])
def test_frames_before_one_whose_answer_makes_no_sense_still_go_out(lanes, monkeypatch):
    """With two lanes several answers are looked at together."""
    predictions = FakeInterpreter.predictions

    def checked(interpreter, frames, outputs):
        if any(frame.index == 30 for frame in frames):
            raise EngineError("net: the network produced NaN")
        return predictions(interpreter, frames, outputs)

    monkeypatch.setattr(FakeInterpreter, "predictions", checked)
    pipeline = make_pipeline(ScriptedSource(range(100), "clip"), lanes=lanes)
    seen = []

    def body() -> None:
        with pipeline:
            seen.extend(collect(pipeline))

    with pytest.raises(EngineError, match="NaN") as failure:
        body()
    stats = check_laws(pipeline, seen)
    assert notes(failure.value) == ["in stage: classify"]
    assert indices(seen, "clip") == list(range(30))
    assert drops(pipeline, "clip") == {"failed": stats.captured - 30}


def test_a_network_that_cannot_be_closed_is_a_failure():
    class Stubborn(FakeEngine):
        def close(self):
            super().close()
            raise EngineError("net: will not close")

    pipeline = make_pipeline(ScriptedSource(range(5), "clip"), engine=Stubborn)
    seen = []
    with pytest.raises(EngineError, match="will not close"), pipeline:
        seen.extend(collect(pipeline))
    check_laws(pipeline, seen)
    assert len(seen) == 5


def test_a_network_that_hangs_is_named_and_its_batch_is_counted():
    hung, never = threading.Event(), threading.Event()

    def forward(batch):
        hung.set()
        never.wait()

    pipeline = make_pipeline(
        ScriptedSource(range(100), "clip"), engine=lambda: FakeEngine(before_run=forward), join_timeout_s=0.05
    )

    def body() -> None:
        with pipeline:
            assert pipeline.poll(0) == []
            wait(hung)
            wait_for_blocked_put(pipeline, "clip", 1 + QUEUED)

    try:
        with pytest.raises(StageStuck, match="streamclf classify 0"):
            body()
        assert pipeline.stats.captured == 1 + QUEUED + 1
        assert drops(pipeline, "clip") == {"stopped": 1 + QUEUED + 1}
    finally:
        never.set()
    for thread in pipeline._threads:
        thread.join(DEADLINE_S)
    check_laws(pipeline, [])
    assert pipeline.stats.dropped == 1 + QUEUED + 1


# ---- whoever polls fails


def test_a_sink_that_fails_stops_the_run_and_goes_through_in_its_own_type():
    pipeline = make_pipeline(ScriptedSource(range(1000), "clip"))
    seen = []

    def body() -> None:
        with pipeline:
            for prediction in pipeline:
                seen.append(prediction)
                if len(seen) == 4:
                    raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left") as failure:
        body()
    check_laws(pipeline, seen)
    assert notes(failure.value) == ["in stage: consumer"]
    assert endings(pipeline) == {"clip": "failed"}
    assert set(drops(pipeline, "clip")) == {"failed"}


def test_a_sink_that_fails_after_a_source_failed_says_both():
    pipeline = make_pipeline(ScriptedSource([0, OSError("the cable is out")], "clip"))

    def body() -> None:
        with pipeline:
            seen.extend(collect(pipeline))
            raise ValueError("wrong place")

    seen = []
    with pytest.raises(ValueError, match="wrong place") as failure:
        body()
    check_laws(pipeline, seen)
    assert notes(failure.value) == ["in stage: consumer", "also: OSError: the cable is out, in stage: capture clip"]


def test_a_failure_with_a_stuck_thread_says_so():
    hung, never = threading.Event(), threading.Event()
    pipeline = make_pipeline(ScriptedSource([hung.set, never], "clip"), join_timeout_s=0.05)

    def body() -> None:
        with pipeline:
            pipeline.poll(0)
            wait(hung)
            raise ValueError("mine")

    try:
        with pytest.raises(ValueError, match="mine") as failure:
            body()
        assert notes(failure.value)[1].startswith("also: StageStuck: streamclf capture clip")
    finally:
        never.set()


# ---- odd starts


def test_a_thread_that_cannot_start_ends_the_run(monkeypatch):
    start = threading.Thread.start

    def refuse(thread):
        if thread.name == "streamclf capture b":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    pipeline = make_pipeline(ScriptedSource(range(99), "a"), ScriptedSource(range(99), "b"))
    with pytest.raises(RuntimeError, match="can't start"), pipeline:
        pipeline.poll()
    check_laws(pipeline, [])


def test_two_sources_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two sources have one name"):
        make_pipeline(ScriptedSource([], "clip"), ScriptedSource([], "clip"))


def test_polling_without_entering_is_refused_instead_of_waiting_for_ever():
    with pytest.raises(ValueError, match="with statement"):
        list(make_pipeline(ScriptedSource([0], "clip")))
