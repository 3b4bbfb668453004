"""The two channels between threads: the Inbox, the only place that drops, and Results, which restores order.

``put`` and ``take`` are the only waits of a pipeline. Nothing but items goes through; an end is :class:`ChannelClosed`.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, Literal, Protocol, TypeAlias, TypeVar

from streamclf.errors import ChannelClosed
from streamclf.stats import Cancellation, DropCause
from streamclf.turns import Turns

DropPolicy: TypeAlias = Literal["oldest", "newest", "never"]


class Item(Protocol):
    """What can wait in an Inbox."""

    @property
    def stream(self) -> str:
        """Whose lane it waits in."""

    @property
    def nbytes(self) -> int:
        """What it holds while it waits."""

    @property
    def batch_key(self) -> object:
        """Only items of equal keys share a batch (pictures of one shape)."""


T = TypeVar("T", bound=Item)
R = TypeVar("R")
OnDrop: TypeAlias = Callable[[str, DropCause], None]


@dataclass(slots=True)
class _Lane(Generic[T]):
    policy: DropPolicy
    max_frames: int
    is_live: bool
    items: deque[T] = field(default_factory=deque)
    held: int = 0
    """Bytes of this stream from put to release, so also what is being classified or waits for a sink."""
    closed: bool = False
    pending: T | None = None
    """What a blocked put holds."""

    @property
    def newest_only(self) -> bool:
        """A live lane answers about now: what is older than the newest is stale."""
        return self.is_live and self.policy == "oldest"


@dataclass(frozen=True, slots=True)
class Batch(Generic[T]):
    """Items taken together. ``ticket`` counts batches from 0 and orders their results."""

    ticket: int
    items: list[T]


class Inbox(Generic[T]):
    """One bounded lane per source, one lock, bounded in frames per lane and in bytes over all.

    Bytes count from ``put`` until ``release``, so what is being classified or waits for a sink is counted too. A stream that
    holds nothing may put one item whatever its size, so that neither a large picture nor a greedy neighbour can block it.
    """

    def __init__(self, max_bytes: int, on_drop: OnDrop, on_bytes: Callable[[int], None] = lambda nbytes: None):
        self._max_bytes, self._on_drop, self._on_bytes = max_bytes, on_drop, on_bytes
        self._lanes: dict[str, _Lane[T]] = {}
        self._turns = Turns()
        lock = threading.RLock()
        self._room = threading.Condition(lock)
        """Who puts waits here, and whoever waits for the end. Woken only when somebody may go on: each needless waking costs a
        switch of threads, and there were fifteen of them a frame."""
        self._items = threading.Condition(lock)
        """Who takes waits here. An item wakes one of them: all want the same of the queue."""
        self.by_halves = False
        """Wake who waits for room only once half of its lane is empty: it then decodes several frames in a row, and disturbs the
        network less often. To be settled before anything is put."""
        self._bytes = 0
        self._tickets = 0
        self._cancelled: Cancellation | None = None

    def add_lane(self, stream: str, policy: DropPolicy, max_frames: int, is_live: bool) -> None:
        """A lane for one source. Before anything is put or taken."""
        self._lanes[stream] = _Lane(policy, max_frames, is_live)
        self._turns.add(stream)

    def set_lane(self, stream: str, policy: DropPolicy, max_frames: int, is_live: bool) -> None:
        """Change a lane's nature: a stream that turns out to be finite becomes a recorded one."""
        with self._room:
            lane = self._lanes[stream]
            lane.policy, lane.max_frames, lane.is_live = policy, max_frames, is_live
            self._wake_all()

    def put(self, item: T, timeout_s: float | None = None) -> None:
        """Add ``item`` to its stream's lane. Full: wait (``never``), or drop by the lane's policy.

        Raises:
            ChannelClosed: cancelled, or the lane is closed; the item is counted as dropped.
            TimeoutError: still full after ``timeout_s``; the item is not counted.
        """
        with self._room:
            lane = self._lanes[item.stream]
            if lane.policy == "never" and not self._fits(lane, item):
                self._wait_for_room(lane, item, timeout_s)
            if self._ended(lane):
                self._on_drop(item.stream, self._cancelled or "stopped")
                raise ChannelClosed(f"{item.stream}: the queue is closed")
            fits = self._fits(lane, item)
            while not fits and lane.policy == "oldest" and lane.items:
                self._discard(lane, "queue_full")
                fits = self._fits(lane, item) or not lane.items  # a waiting item's place always goes to a newer one
            if not fits:
                self._drop(item, "queue_full")
                return
            lane.items.append(item)
            self._turns.waits(item.stream)
            self._hold(lane, item.nbytes)
            self._on_bytes(self._bytes)
            self._items.notify()

    def take(self, sizes: tuple[int, ...], fill_to: int = 1, timeout_s: float | None = None) -> Batch[T]:
        """The next items, as many as one of ``sizes`` (ascending, with 1) allows, of the lanes whose turn it is.

        While a live lane is open a batch never waits and holds at most one item per lane: the newest of a live one; what is
        older there is dropped as stale. Recorded lanes alone wait for ``fill_to`` items, but never for a lane that cannot grow.

        Raises:
            ChannelClosed: cancelled, or every lane is closed and empty.
            TimeoutError: nothing came within ``timeout_s``.
        """
        with self._items:
            if not self._items.wait_for(lambda: self._ready(fill_to), timeout_s):
                raise TimeoutError(f"no frame within {timeout_s} s")
            if not any(lane.items for lane in self._lanes.values()):
                raise ChannelClosed("every source has ended")
            items = self._collect(sizes, fill_to)
            self._tickets += 1
            self._wake_putters()
            return Batch(self._tickets - 1, items)

    def release(self, stream: str, nbytes: int) -> None:
        """So many bytes that were taken from ``stream``'s lane are no longer held."""
        with self._room:
            self._hold(self._lanes[stream], -nbytes)
            self._wake_putters()

    def wait_cancelled(self, timeout_s: float) -> bool:
        """Wait until the run is cancelled, at most ``timeout_s``; True if it is. What a paced source waits with."""
        with self._room:
            return self._room.wait_for(lambda: self._cancelled is not None, max(0.0, timeout_s))

    @property
    def cancelled(self) -> Cancellation | None:
        """Why the run was cancelled; None while it was not."""
        return self._cancelled

    @property
    def held_bytes(self) -> int:
        """What was put and neither dropped nor released."""
        return self._bytes

    def close_lane(self, stream: str) -> None:
        """This source has ended: what waits is still handed out."""
        with self._room:
            self._lanes[stream].closed = True
            self._wake_all()

    def cancel(self, cause: Cancellation) -> None:
        """Discard and count what waits; wake and refuse everybody from now on. The first cause stays."""
        with self._room:
            if self._cancelled is None:
                self._cancelled = cause
            for lane in self._lanes.values():
                while lane.items:
                    self._discard(lane, self._cancelled)
            self._wake_all()

    def _wake_all(self) -> None:
        self._room.notify_all()
        self._items.notify_all()

    def _wake_putters(self) -> None:
        if any(
            lane.pending is not None
            and (not self.by_halves or len(lane.items) <= lane.max_frames // 2)
            and self._fits(lane, lane.pending)
            for lane in self._lanes.values()
        ):
            self._room.notify_all()

    def _ended(self, lane: _Lane[T]) -> bool:
        return self._cancelled is not None or lane.closed

    def _fits(self, lane: _Lane[T], item: T) -> bool:
        if not lane.items and not lane.held:
            return True
        return len(lane.items) < lane.max_frames and self._bytes + item.nbytes <= self._max_bytes

    def _wait_for_room(self, lane: _Lane[T], item: T, timeout_s: float | None) -> None:
        lane.pending = item
        self._items.notify_all()  # a batch that waits to be filled must go now
        try:
            if not self._room.wait_for(lambda: self._ended(lane) or self._fits(lane, item), timeout_s):
                raise TimeoutError(f"{item.stream}: no room in the queue after {timeout_s} s")
        finally:
            lane.pending = None

    def _hold(self, lane: _Lane[T], nbytes: int) -> None:
        lane.held += nbytes
        self._bytes += nbytes

    def _discard(self, lane: _Lane[T], cause: DropCause) -> None:
        item = lane.items.popleft()
        self._hold(lane, -item.nbytes)
        self._drop(item, cause)

    def _drop(self, item: T, cause: DropCause) -> None:
        self._turns.lost(item.stream)
        self._on_drop(item.stream, cause)

    def _ready(self, fill_to: int) -> bool:
        lanes = self._lanes.values()
        if all(self._ended(lane) for lane in lanes):
            return True
        waiting = sum(len(lane.items) for lane in lanes)
        return waiting >= max(fill_to, 1) or (waiting > 0 and any(self._presses(lane) for lane in lanes))

    def _presses(self, lane: _Lane[T]) -> bool:
        """Whether a batch should go as it is: a live lane never waits, and a full one cannot grow."""
        full = lane.pending is not None and not self._fits(lane, lane.pending)
        return full or (lane.is_live and not lane.closed)

    def _collect(self, sizes: tuple[int, ...], fill_to: int) -> list[T]:
        live = any(lane.is_live and not lane.closed for lane in self._lanes.values())
        limit = sizes[-1] if live else max(size for size in sizes if size <= max(fill_to, 1))
        offers = self._offers(limit, once=live)
        items = []
        for stream, _ in offers[: max(size for size in sizes if size <= len(offers))]:
            self._turns.served(stream)
            lane = self._lanes[stream]
            while lane.newest_only and len(lane.items) > 1:
                self._discard(lane, "stale")
            items.append(lane.items.popleft())
            if lane.items:
                self._turns.waits(stream)
        return items

    def _offers(self, limit: int, once: bool) -> list[tuple[str, T]]:
        """Up to ``limit`` items of one batch key, a round at a time over the lanes, each as (stream, item)."""
        offers: list[tuple[str, T]] = []
        turn = self._turns.order()
        queues = {
            stream: self._candidates(self._lanes[stream], once)
            for stream in (self._turns.company(turn) if once else turn)
        }
        while queues:
            for stream, queue in list(queues.items()):
                item = next(queue, None)
                if item is None or (offers and item.batch_key != offers[0][1].batch_key):
                    del queues[stream]  # no later item of this lane may overtake the one that does not fit
                    continue
                offers.append((stream, item))
                if len(offers) == limit:
                    return offers
        return offers

    @staticmethod
    def _candidates(lane: _Lane[T], once: bool) -> Iterator[T]:
        if lane.newest_only:
            return iter(list(lane.items)[-1:])
        return iter(list(lane.items)[: 1 if once else None])


class Results(Generic[R]):
    """A bounded, blocking channel of results that hands out batches in the order of their tickets.

    A lane that finishes out of turn leaves its results and goes on, until ``max_items`` are held.
    """

    LINGER_S = 0.02
    """Results that are fewer than ``wake_at`` are found by the reader within this time."""

    def __init__(self, max_items: int):
        self.max_items = max_items
        self.wake_at = 1
        """So many results wake the reader. Where nobody waits for a single one, several together cost fewer switches of threads.
        Both to be settled before anything is put."""
        self._waiting = 0
        """How many wait in ``put``: one of them may be the next in turn now."""
        self._early: dict[int, list[R]] = {}
        self._ready: deque[R] = deque()
        self._next_ticket = 0
        self._changed = threading.Condition()
        self._closed = False

    def put(self, ticket: int, results: list[R], timeout_s: float | None = None) -> None:
        """Deliver the results of batch ``ticket`` (each ticket once). Waits while full; the next in turn only for its reader.

        Raises:
            ChannelClosed: closed or cancelled; the results are not taken.
            TimeoutError: still full after ``timeout_s``; the results are not taken.
        """
        with self._changed:
            self._waiting += 1
            try:
                if not self._changed.wait_for(lambda: self._closed or self._admits(ticket), timeout_s):
                    raise TimeoutError(f"no room for results after {timeout_s} s")
            finally:
                self._waiting -= 1
            if self._closed:
                raise ChannelClosed("the results are no longer wanted")
            self._early[ticket] = results
            while (batch := self._early.pop(self._next_ticket, None)) is not None:
                self._ready.extend(batch)
                self._next_ticket += 1
            # what came out of turn is of no use to the reader yet
            if len(self._ready) >= self.wake_at or self._waiting:
                self._changed.notify_all()

    def poll(self, timeout_s: float | None = None, limit: int | None = None) -> list[R]:
        """What is ready, in order, at most ``limit``; waits for at least one. ``[]`` means nothing yet.

        Raises:
            ChannelClosed: ended, and everything was handed out.
        """
        with self._changed:
            self._wait_for_ready(timeout_s)
            if not self._ready and self._closed:
                raise ChannelClosed("the run has ended")
            count = len(self._ready) if limit is None else min(limit, len(self._ready))
            results = [self._ready.popleft() for _ in range(count)]
            self._changed.notify_all()
            return results

    def _wait_for_ready(self, timeout_s: float | None) -> None:
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._ready and not self._closed:
            left_s = None if deadline_s is None else deadline_s - time.monotonic()
            if left_s is not None and left_s <= 0:
                return
            linger_s = self.LINGER_S if self.wake_at > 1 else None
            waits_s = [wait_s for wait_s in (left_s, linger_s) if wait_s is not None]
            self._changed.wait(min(waits_s, default=None))

    def close(self) -> None:
        """Refuse everything from now on; what is next in turn is still handed out."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def cancel(self) -> list[R]:
        """Close, and return what was held and will never be handed out, for counting."""
        with self._changed:
            self._closed = True
            held = [*self._ready, *(result for batch in self._early.values() for result in batch)]
            self._ready.clear()
            self._early.clear()
            self._changed.notify_all()
            return held

    def _admits(self, ticket: int) -> bool:
        if ticket == self._next_ticket:
            return len(self._ready) < self.max_items
        return len(self._ready) + sum(map(len, self._early.values())) < self.max_items
