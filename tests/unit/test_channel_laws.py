"""The Inbox under any sequence of calls: nothing is lost, doubled, reordered or kept beyond its bounds."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from streamclf.channel import DropPolicy, Inbox
from streamclf.errors import ChannelClosed

STREAMS = ("a", "b", "c")
LARGEST = 50


@dataclass(frozen=True)
class Thing:
    stream: str
    index: int
    nbytes: int
    batch_key: int


@dataclass
class Lane:
    """What the law says of one lane."""

    policy: DropPolicy
    max_frames: int
    is_live: bool
    closed: bool = False
    offered: int = 0
    waiting: int = 0
    taken: int = 0
    last_taken: int = -1

    @property
    def newest_only(self) -> bool:
        return self.is_live and self.policy == "oldest"


lanes = st.builds(Lane, st.sampled_from(["oldest", "newest", "never"]), st.integers(1, 4), st.booleans())


class InboxLaws(RuleBasedStateMachine):
    @initialize(
        lanes=st.lists(lanes, min_size=3, max_size=3),
        max_bytes=st.integers(1, 200),
        sizes=st.sampled_from([(1,), (1, 2), (1, 2, 4)]),
    )
    def start(self, lanes: list[Lane], max_bytes: int, sizes: tuple[int, ...]) -> None:
        self.lanes = dict(zip(STREAMS, lanes, strict=True))
        self.max_bytes, self.sizes = max_bytes, sizes
        self.dropped: Counter[str] = Counter()
        self.causes: set[tuple[str, str]] = set()
        self.peak = 0
        self.out: deque[Thing] = deque()
        self.tickets = 0
        self.inbox: Inbox[Thing] = Inbox(max_bytes, self.on_drop, self.on_bytes)
        for stream, lane in self.lanes.items():
            self.inbox.add_lane(stream, lane.policy, lane.max_frames, lane.is_live)

    def on_drop(self, stream: str, cause: str) -> None:
        self.dropped[stream] += 1
        self.causes.add((stream, cause))

    def on_bytes(self, nbytes: int) -> None:
        self.peak = max(self.peak, nbytes)

    @rule(stream=st.sampled_from(STREAMS), nbytes=st.integers(0, LARGEST), key=st.integers(0, 1))
    def put(self, stream: str, nbytes: int, key: int) -> None:
        lane, before = self.lanes[stream], self.dropped[stream]
        item = Thing(stream, lane.offered, nbytes, key)
        try:
            self.inbox.put(item, timeout_s=0)
        except TimeoutError:
            assert lane.policy == "never"
            assert self.dropped[stream] == before
            return
        except ChannelClosed:
            assert lane.closed or self.inbox.cancelled
            assert self.dropped[stream] == before + 1
        lane.offered += 1
        lane.waiting += 1 - (self.dropped[stream] - before)

    @rule(fill_to=st.integers(1, 4))
    def take(self, fill_to: int) -> None:
        live = any(lane.is_live and not lane.closed for lane in self.lanes.values())
        before = Counter(self.dropped)
        waiting = sum(lane.waiting for lane in self.lanes.values())
        try:
            batch = self.inbox.take(self.sizes, fill_to, timeout_s=0)
        except TimeoutError:
            assert not waiting or (not live and waiting < fill_to)
            assert not self.inbox.cancelled
            assert not all(lane.closed for lane in self.lanes.values())
            return
        except ChannelClosed:
            assert not waiting
            assert self.inbox.cancelled or all(lane.closed for lane in self.lanes.values())
            return
        assert batch.ticket == self.tickets
        self.tickets += 1
        assert len(batch.items) in self.sizes
        assert len(batch.items) <= fill_to or live
        assert len({item.batch_key for item in batch.items}) == 1
        if live:
            assert len({item.stream for item in batch.items}) == len(batch.items)
        for item in batch.items:
            lane = self.lanes[item.stream]
            assert item.index > lane.last_taken
            if not lane.newest_only:
                assert self.dropped[item.stream] == before[item.stream]
            lane.last_taken = item.index
            lane.taken += 1
            lane.waiting -= 1
        for stream, count in self.dropped.items():
            self.lanes[stream].waiting -= count - before[stream]
        for item in batch.items:
            lane = self.lanes[item.stream]
            assert not lane.newest_only or not lane.waiting, "what waits behind the newest is older"
        self.out.extend(batch.items)

    @precondition(lambda self: self.out)
    @rule(position=st.integers(0, 99))
    def release(self, position: int) -> None:
        self.out.rotate(position)
        item = self.out.popleft()
        self.inbox.release(item.stream, item.nbytes)

    @rule(stream=st.sampled_from(STREAMS))
    def close_lane(self, stream: str) -> None:
        self.inbox.close_lane(stream)
        self.lanes[stream].closed = True

    @rule(cause=st.sampled_from(["stopped", "failed"]), sure=st.integers(0, 9))
    def cancel(self, cause: str, sure: int) -> None:
        if sure:
            return  # rarely, or nothing else would be tried
        before = Counter(self.dropped)
        self.inbox.cancel(cause)
        for stream, lane in self.lanes.items():
            assert self.dropped[stream] - before[stream] == lane.waiting
            lane.waiting = 0

    @invariant()
    def every_frame_is_somewhere(self) -> None:
        for stream, lane in self.lanes.items():
            assert lane.offered == lane.waiting + lane.taken + self.dropped[stream]
            assert len(self.inbox._lanes[stream].items) == lane.waiting <= lane.max_frames

    @invariant()
    def bytes_are_what_is_held(self) -> None:
        waiting = sum(item.nbytes for lane in self.inbox._lanes.values() for item in lane.items)
        assert self.inbox.held_bytes == waiting + sum(item.nbytes for item in self.out)

    @invariant()
    def bytes_are_bounded(self) -> None:
        """One frame a lane always fits; nothing else goes beyond the budget."""
        assert self.peak <= self.max_bytes + len(STREAMS) * LARGEST

    @invariant()
    def never_means_never(self) -> None:
        for stream, cause in self.causes:
            lane = self.lanes[stream]
            assert lane.policy != "never" or cause in ("stopped", "failed")
            assert lane.newest_only or cause != "stale"


TestInboxLaws = InboxLaws.TestCase
TestInboxLaws.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
