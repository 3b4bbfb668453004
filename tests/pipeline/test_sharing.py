"""Several sources on one network, simulated on a clock moved by hand: fair shares whatever they offer, and no idle network."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest

from streamclf.channel import Inbox
from streamclf.testing import ManualClock

SIZES = [(1,), (1, 2, 4), (1, 2, 4, 8)]
FAR_S = 1e9


@dataclass(frozen=True)
class Shot:
    stream: str
    taken_s: float
    nbytes: int
    batch_key: object


@dataclass(frozen=True)
class Lens:
    """A source: live ones offer a frame each ``1 / rate_fps``, recorded ones as many as fit."""

    name: str
    rate_fps: float = 30
    phase: float = 0
    key: object = None
    nbytes: int = 10
    silent_s: tuple[float, float] = (0, 0)
    recorded: bool = False


@dataclass(frozen=True)
class Network:
    """``gain`` is the part of a single picture's ``picture_s`` that each further one of its batch saves."""

    picture_s: float
    sizes: tuple[int, ...] = (1,)
    gain: float = 0

    def pass_s(self, batch: int) -> float:
        return self.picture_s * (batch - self.gain * (batch - 1))


@dataclass
class Simulation:
    lenses: list[Lens]
    network: Network
    max_bytes: int = 10**6
    clock: ManualClock = field(default_factory=ManualClock)
    offered: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    taken: list[tuple[float, str]] = field(default_factory=list)
    batches: Counter[int] = field(default_factory=Counter)
    ages_s: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.inbox: Inbox[Shot] = Inbox(self.max_bytes, lambda stream, cause: self.dropped.update([stream]))
        self.by_name = {lens.name: lens for lens in self.lenses}
        self.shots: Counter[str] = Counter()
        for lens in self.lenses:
            if lens.recorded:
                self.inbox.add_lane(lens.name, "never", 16, is_live=False)
            else:
                self.inbox.add_lane(lens.name, "oldest", 2, is_live=True)

    def run(self, seconds: float) -> Counter[str]:
        """What was classified of each source; the network is never idle while a frame waits, as ``take`` would raise."""
        while self.clock() < seconds:
            self.offer_until(self.clock())
            if not any(lane.items for lane in self.inbox._lanes.values()):
                self.offer_until(min(map(self.due_s, self.lenses)))
            batch = self.inbox.take(self.network.sizes, 1, timeout_s=0).items
            started_s = self.clock()
            self.offer_until(started_s + self.network.pass_s(len(batch)))
            self.batches[len(batch)] += 1
            for shot in batch:
                self.taken.append((started_s, shot.stream))
                self.ages_s.append(started_s - shot.taken_s)
                self.inbox.release(shot.stream, shot.nbytes)
        return self.classified()

    def classified(self, from_s: float = 0, to_s: float = FAR_S) -> Counter[str]:
        """How many frames of each source were taken in that time."""
        return Counter(stream for when_s, stream in self.taken if from_s <= when_s < to_s)

    def due_s(self, lens: Lens) -> float:
        return FAR_S if lens.recorded else (lens.phase + self.shots[lens.name]) / lens.rate_fps

    def offer_until(self, end_s: float) -> None:
        while (due_s := self.due_s(lens := min(self.lenses, key=self.due_s))) <= end_s:
            self.clock.now_s = due_s
            self.shots[lens.name] += 1
            if not lens.silent_s[0] <= due_s < lens.silent_s[1]:
                self.offer(lens)
        self.clock.now_s = end_s
        for lens in self.lenses:
            while lens.recorded and self.offer(lens):
                pass

    def offer(self, lens: Lens) -> bool:
        try:
            self.inbox.put(Shot(lens.name, self.clock(), lens.nbytes, lens.key), timeout_s=0)
        except TimeoutError:
            return False
        self.offered[lens.name] += 1
        return True

    def fair(self) -> dict[str, float]:
        """What max-min fairness gives each source of all that was classified."""
        left = {name: FAR_S if lens.recorded else self.offered[name] for name, lens in self.by_name.items()}
        total, shares = float(len(self.taken)), {}
        for name in sorted(left, key=left.__getitem__):
            shares[name] = min(left[name], total / (len(left) - len(shares)))
            total -= shares[name]
        return shares

    def check_shares(self) -> None:
        """Within a tenth, and the few frames that a short time leaves over."""
        got, fair = self.classified(), self.fair()
        for name, share in fair.items():
            assert abs(got[name] - share) <= 0.1 * share + 3, (name, got, fair)


RATES = [Lens(f"{rate} fps", rate, phase=0.37 * number % 1) for number, rate in enumerate((60, 30, 15, 5))]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("gain", [0, 0.2])
@pytest.mark.parametrize("picture_s", [0.010, 0.0125, 0.020, 0.025, 0.040, 0.070])
def test_who_offers_less_than_its_share_gets_all_of_it_and_the_rest_is_shared_equally(picture_s, gain, sizes):
    run = Simulation(RATES, Network(picture_s, sizes, gain))
    got = run.run(30)
    run.check_shares()
    equal = max(run.fair().values())
    for lens in RATES:
        if run.offered[lens.name] <= 0.9 * equal:
            assert run.offered[lens.name] - got[lens.name] <= 3, "its frames came first"


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("keys", ["aaab", "aabb", "abab", "abcd", "aaaaaaab"])
def test_pictures_of_another_shape_cost_nobody_its_share(keys, sizes):
    lenses = [Lens(f"camera-{n}", phase=0.19 * n % 1, key=key) for n, key in enumerate(keys)]
    run = Simulation(lenses, Network(0.025, sizes))
    run.run(30)
    run.check_shares()


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("key", [None, "other"])
def test_a_recorded_source_has_the_share_of_one_that_never_tires(key, sizes):
    run = Simulation([*RATES, Lens("clip", key=key, recorded=True)], Network(0.025, sizes))
    got = run.run(30)
    run.check_shares()
    assert run.dropped["clip"] == 0
    assert got["5 fps"] >= run.offered["5 fps"] - 3


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_who_was_silent_gets_its_share_again_and_no_more(sizes):
    lenses = [Lens(f"camera-{n}", phase=0.19 * n) for n in range(4)]
    lenses[0] = replace(lenses[0], silent_s=(10, 20))
    run = Simulation(lenses, Network(0.025, sizes))
    run.run(30)
    assert run.classified(10.2, 20)["camera-0"] == 0
    for stream in ("camera-1", "camera-2", "camera-3"):
        assert run.classified(10, 20)[stream] == pytest.approx(400 / 3, abs=4)
    for lens in lenses:
        assert run.classified(20, 21)[lens.name] == pytest.approx(10, abs=4), "no catching up"
        assert run.classified(20, 30)[lens.name] == pytest.approx(100, abs=4)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_large_pictures_that_use_up_the_megabytes_take_no_turns_from_small_ones(sizes):
    lenses = [Lens(f"4k-{n}", phase=0.19 * n, nbytes=25) for n in range(4)] + [Lens("small", phase=0.9, nbytes=1)]
    run = Simulation(lenses, Network(0.025, sizes), max_bytes=120)
    run.run(30)
    run.check_shares()


@pytest.mark.parametrize("seed", range(40))
def test_shares_are_fair_for_sources_drawn_by_lot(seed):
    lot = random.Random(seed)
    rates = (60, 50, 30, 25, 20, 15, 12, 10, 6, 5)
    lenses = [
        Lens(f"s{n}", lot.choice(rates), lot.random(), lot.choice("aab"), recorded=seed % 4 == n == 0)
        for n in range(lot.randint(2, 6))
    ]
    picture_s = lot.choice((0.010, 0.0125, 0.020, 0.025, 0.040, 0.070))
    run = Simulation(lenses, Network(picture_s, lot.choice(SIZES), lot.choice((0, 0.1, 0.2))))
    run.run(20)
    run.check_shares()


# ---- nothing is wasted


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("phases", [(0, 0, 0, 0), (0, 0.25, 0.5, 0.75), (0, 0.01, 0.5, 0.97)], ids=str)
def test_four_sources_use_the_network_as_well_as_a_single_fast_one(phases, sizes):
    network = Network(0.025, sizes)
    one = Simulation([Lens("fast", 1000)], network)
    four = Simulation([Lens(f"camera-{n}", phase=phase) for n, phase in enumerate(phases)], network)
    rates = [sum(run.run(30).values()) / run.clock() for run in (one, four)]
    assert rates[0] == pytest.approx(40, rel=0.01)
    assert rates[1] >= 0.95 * rates[0]


def test_batches_are_full_of_one_frame_of_each_source_once_all_of_them_wait():
    run = Simulation([Lens(f"camera-{n}", phase=0.25 * n) for n in range(4)], Network(0.025, (1, 2, 4)))
    run.run(30)
    assert run.batches[4] >= 0.99 * sum(run.batches.values())
    assert max(run.ages_s[8:]) <= 1 / 30 + 1e-9, "and of its newest"
