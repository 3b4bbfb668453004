"""Cameras against a slower network, simulated step by step on a clock moved by hand: no thread, no chance, no waiting."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamclf.channel import Inbox
from streamclf.testing import ManualClock

CAMERA_S = 1 / 30
FORWARD_S = 0.070
PICTURE = 1920 * 1080 * 3


@dataclass(frozen=True)
class Shot:
    stream: str
    taken_s: float
    nbytes: int = PICTURE
    batch_key: object = None


@dataclass
class Simulation:
    """Cameras with the given phases (0 to 1 of a frame) before one network that takes ``forward_s`` a pass."""

    phases: list[float]
    sizes: tuple[int, ...] = (1,)
    forward_s: float = FORWARD_S
    clock: ManualClock = field(default_factory=ManualClock)
    captured: Counter[str] = field(default_factory=Counter)
    classified: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    ages_s: list[float] = field(default_factory=list)
    peak: int = 0

    def __post_init__(self) -> None:
        self.inbox: Inbox[Shot] = Inbox(256 * 10**6, lambda stream, cause: self.dropped.update([stream]), self.note)
        self.names = [f"camera-{number}" for number in range(len(self.phases))]
        self.due = {name: phase * CAMERA_S for name, phase in zip(self.names, self.phases, strict=True)}
        for name in self.names:
            self.inbox.add_lane(name, "oldest", 2, is_live=True)

    def note(self, nbytes: int) -> None:
        self.peak = max(self.peak, nbytes)

    def shoot_until(self, end_s: float) -> None:
        while (due := min(self.due.items(), key=lambda item: item[1]))[1] <= end_s:
            name, self.clock.now_s = due
            self.inbox.put(Shot(name, self.clock()), timeout_s=0)
            self.captured[name] += 1
            self.due[name] += CAMERA_S
        self.clock.now_s = end_s

    def run(self, seconds: float) -> None:
        self.shoot_until(min(self.due.values()))
        while self.clock() < seconds:
            batch = self.inbox.take(self.sizes, 1, timeout_s=0)
            self.shoot_until(self.clock() + self.forward_s)
            for shot in batch.items:
                self.ages_s.append(self.clock() - shot.taken_s)
                self.classified[shot.stream] += 1
                self.inbox.release(shot.stream, shot.nbytes)
            if not any(lane.items for lane in self.inbox._lanes.values()):
                self.shoot_until(min(self.due.values()))
        self.inbox.cancel("stopped")


phases = st.floats(0, 1, allow_nan=False)


@settings(deadline=None)
@given(phase=phases, forward_s=st.floats(CAMERA_S, 1.0))
def test_no_frame_older_than_two_passes_is_classified(phase, forward_s):
    run = Simulation([phase], forward_s=forward_s)
    run.run(20)
    assert max(run.ages_s) <= 2 * forward_s + 1e-9


@settings(max_examples=25, deadline=None)
@given(phases=st.lists(phases, min_size=4, max_size=4), sizes=st.sampled_from([(1,), (1, 2), (1, 2, 4)]))
def test_four_overloaded_cameras_each_get_their_share_of_fresh_frames(phases, sizes):
    run = Simulation(phases, sizes)
    run.run(30)
    shares = [run.classified[name] for name in run.names]
    assert max(shares) - min(shares) <= 0.1 * sum(shares) / 4
    assert max(run.ages_s) <= 2 * FORWARD_S + 1e-9


@settings(max_examples=25, deadline=None)
@given(phases=st.lists(phases, min_size=1, max_size=5))
def test_what_is_captured_is_classified_or_dropped_and_memory_does_not_grow(phases):
    run = Simulation(phases)
    run.run(20)
    assert run.captured == run.classified + run.dropped
    assert run.inbox.held_bytes == 0
    assert run.peak <= (2 * len(phases) + 1) * PICTURE


@pytest.mark.parametrize("cameras", [1, 4])
def test_a_network_that_is_fast_enough_drops_nothing(cameras):
    run = Simulation([number / cameras for number in range(cameras)], forward_s=CAMERA_S / cameras / 2)
    run.run(10)
    assert sum(run.dropped.values()) <= cameras, "but what waits at the end"
    assert max(run.ages_s) <= CAMERA_S
