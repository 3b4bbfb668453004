"""The Inbox: what waits, what is dropped and counted, who is served, who is woken."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest

from streamclf.channel import Inbox
from streamclf.errors import ChannelClosed

SIZES = (1, 2, 4)
DEADLINE_S = 5.0


@dataclass(frozen=True)
class Thing:
    stream: str
    index: int
    nbytes: int = 10
    batch_key: object = None


class Drops:
    """Counts what an Inbox drops."""

    def __init__(self) -> None:
        self.by_cause: Counter[tuple[str, str]] = Counter()

    def __call__(self, stream: str, cause: str) -> None:
        self.by_cause[stream, cause] += 1


@pytest.fixture
def drops() -> Drops:
    return Drops()


@pytest.fixture
def inbox(drops: Drops) -> Inbox[Thing]:
    return Inbox(max_bytes=1000, on_drop=drops)


def put(inbox: Inbox[Thing], stream: str, *indices: int, nbytes: int = 10, key: object = None) -> None:
    for index in indices:
        inbox.put(Thing(stream, index, nbytes, key), timeout_s=0)


def take(inbox: Inbox[Thing], fill_to: int = 1, sizes: tuple[int, ...] = SIZES) -> list[tuple[str, int]]:
    return [(item.stream, item.index) for item in inbox.take(sizes, fill_to, timeout_s=0).items]


def wait_for_blocked_put(inbox: Inbox[Thing], stream: str) -> None:
    with inbox._items:
        assert inbox._items.wait_for(lambda: inbox._lanes[stream].pending is not None, DEADLINE_S)


# ---- recorded lanes


def test_a_recorded_lane_hands_out_everything_in_order_and_then_ends(inbox, drops):
    inbox.add_lane("clip", "never", 16, is_live=False)
    put(inbox, "clip", *range(7))
    inbox.close_lane("clip")
    assert [take(inbox, 4) for _ in range(3)] == [
        [("clip", 0), ("clip", 1), ("clip", 2), ("clip", 3)],
        [("clip", 4), ("clip", 5)],
        [("clip", 6)],
    ]
    with pytest.raises(ChannelClosed):
        take(inbox)
    assert not drops.by_cause


def test_a_recorded_batch_waits_until_it_is_full(inbox):
    inbox.add_lane("clip", "never", 16, is_live=False)
    put(inbox, "clip", 0, 1, 2)
    with pytest.raises(TimeoutError):
        take(inbox, fill_to=4)
    put(inbox, "clip", 3)
    assert len(take(inbox, fill_to=4)) == 4


def test_a_batch_goes_as_it_is_once_a_lane_is_full(inbox, background):
    inbox.add_lane("clip", "never", 2, is_live=False)
    put(inbox, "clip", 0, 1)
    writer = background(lambda: inbox.put(Thing("clip", 2)))
    batch = inbox.take(SIZES, fill_to=4, timeout_s=DEADLINE_S)
    assert [item.index for item in batch.items] == [0, 1]
    writer.result()
    inbox.close_lane("clip")
    assert take(inbox, 4) == [("clip", 2)]


def test_a_lane_that_has_room_again_is_not_called_full(inbox, background):
    inbox.add_lane("clip", "never", 3, is_live=False)
    put(inbox, "clip", 0, 1, 2)
    writer = background(lambda: inbox.put(Thing("clip", 3)))
    wait_for_blocked_put(inbox, "clip")
    with inbox._items:  # the writer cannot wake up in here
        assert inbox._ready(fill_to=4)
        assert len(take(inbox, fill_to=2)) == 2
        assert not inbox._ready(fill_to=2)
    writer.result()
    assert take(inbox, fill_to=2) == [("clip", 2), ("clip", 3)]


def test_a_lane_that_was_full_once_waits_for_full_batches_again(inbox, background):
    inbox.add_lane("clip", "never", 2, is_live=False)
    put(inbox, "clip", 0, 1)
    writer = background(lambda: inbox.put(Thing("clip", 2)))
    wait_for_blocked_put(inbox, "clip")
    assert len(take(inbox, fill_to=2)) == 2
    writer.result()
    put(inbox, "clip", 3)
    with pytest.raises(TimeoutError):
        take(inbox, fill_to=4)


def test_a_put_that_finds_no_room_in_time_counts_nothing(inbox, drops):
    inbox.add_lane("clip", "never", 1, is_live=False)
    put(inbox, "clip", 0)
    with pytest.raises(TimeoutError):
        put(inbox, "clip", 1)
    assert not drops.by_cause
    assert take(inbox) == [("clip", 0)]


@pytest.mark.parametrize("sizes", [(1,), (1, 2), (1, 4), (1, 2, 4, 8)])
def test_only_proven_sizes_are_used(sizes, inbox):
    inbox.add_lane("clip", "never", 16, is_live=False)
    put(inbox, "clip", *range(7))
    inbox.close_lane("clip")
    taken = []
    while len(taken) < 7:
        batch = take(inbox, fill_to=8, sizes=sizes)
        assert len(batch) in sizes
        taken += batch
    assert taken == [("clip", index) for index in range(7)]


def test_pictures_of_another_shape_wait_for_a_batch_of_their_own(inbox):
    inbox.add_lane("clip", "never", 16, is_live=False)
    put(inbox, "clip", 0, 1, key="wide")
    put(inbox, "clip", 2, key="tall")
    put(inbox, "clip", 3, key="wide")
    inbox.close_lane("clip")
    batches = [inbox.take(SIZES, 4, timeout_s=0) for _ in range(3)]
    assert [[item.index for item in batch.items] for batch in batches] == [[0, 1], [2], [3]]
    assert [batch.ticket for batch in batches] == [0, 1, 2]


def test_a_lane_of_another_shape_is_next_in_turn(inbox):
    inbox.add_lane("a", "never", 16, is_live=False)
    inbox.add_lane("b", "never", 16, is_live=False)
    put(inbox, "a", 0, 1, 2, 3, key="wide")
    put(inbox, "b", 0, 1, 2, 3, key="tall")
    assert take(inbox, 2) == [("a", 0), ("a", 1)]
    assert take(inbox, 2) == [("b", 0), ("b", 1)]
    assert take(inbox, 2) == [("a", 2), ("a", 3)]


def test_recorded_sources_are_served_in_turn(inbox):
    for stream in "abc":
        inbox.add_lane(stream, "never", 16, is_live=False)
        put(inbox, stream, 0, 1, 2, 3)
    assert take(inbox, 4) == [("a", 0), ("b", 0), ("c", 0), ("a", 1)]
    assert take(inbox, 1) == [("b", 1)]
    assert take(inbox, 1) == [("c", 1)]
    assert take(inbox, 1) == [("a", 2)]


# ---- live lanes


def test_a_full_live_lane_drops_its_oldest(inbox, drops):
    inbox.add_lane("camera", "oldest", 2, is_live=True)
    put(inbox, "camera", 0, 1, 2, 3)
    assert drops.by_cause == {("camera", "queue_full"): 2}
    assert take(inbox) == [("camera", 3)]
    assert drops.by_cause == {("camera", "queue_full"): 2, ("camera", "stale"): 1}


def test_a_live_batch_never_waits(inbox):
    inbox.add_lane("camera", "oldest", 2, is_live=True)
    put(inbox, "camera", 0)
    assert take(inbox, fill_to=4) == [("camera", 0)]


def test_a_live_batch_holds_one_frame_of_each_source_the_newest(inbox, drops):
    for stream in "abcd":
        inbox.add_lane(stream, "oldest", 2, is_live=True)
        put(inbox, stream, 0, 1)
    assert take(inbox) == [("a", 1), ("b", 1), ("c", 1), ("d", 1)]
    assert drops.by_cause == {(stream, "stale"): 1 for stream in "abcd"}


def test_who_was_left_out_of_a_live_batch_is_first_in_the_next(inbox):
    for stream in "abc":
        inbox.add_lane(stream, "oldest", 2, is_live=True)
        put(inbox, stream, 0)
    assert take(inbox) == [("a", 0), ("b", 0)]
    put(inbox, "a", 1)
    put(inbox, "b", 1)
    assert take(inbox) == [("c", 0), ("a", 1)]


def test_a_live_lane_may_keep_the_oldest_if_the_user_says_so(inbox, drops):
    inbox.add_lane("camera", "newest", 2, is_live=True)
    put(inbox, "camera", 0, 1, 2, 3)
    assert [take(inbox), take(inbox)] == [[("camera", 0)], [("camera", 1)]]
    assert drops.by_cause == {("camera", "queue_full"): 2}


def test_a_recorded_lane_that_may_drop_is_not_thinned_out_further(inbox, drops):
    inbox.add_lane("clip", "oldest", 4, is_live=False)
    put(inbox, "clip", *range(6))
    assert take(inbox, 4) == [("clip", 2), ("clip", 3), ("clip", 4), ("clip", 5)]
    assert drops.by_cause == {("clip", "queue_full"): 2}


def test_beside_a_live_source_a_recorded_one_gives_one_frame_at_a_time_and_loses_none(inbox, drops):
    inbox.add_lane("clip", "never", 16, is_live=False)
    inbox.add_lane("camera", "oldest", 2, is_live=True)
    put(inbox, "clip", 0, 1, 2, 3)
    put(inbox, "camera", 0, 1)
    assert take(inbox, 4) == [("clip", 0), ("camera", 1)]
    assert take(inbox, 4) == [("clip", 1)]
    inbox.close_lane("camera")
    assert take(inbox, 2) == [("clip", 2), ("clip", 3)]
    assert drops.by_cause == {("camera", "stale"): 1}


def test_a_stream_that_turns_out_finite_loses_nothing_from_then_on(inbox, drops):
    inbox.add_lane("remote", "oldest", 2, is_live=True)
    inbox.set_lane("remote", "never", 4, is_live=False)
    put(inbox, "remote", 0, 1, 2, 3)
    assert len(take(inbox, 4)) == 4
    assert not drops.by_cause


# ---- bytes


def test_bytes_count_until_they_are_released(drops):
    seen: list[int] = []
    inbox: Inbox[Thing] = Inbox(1000, drops, seen.append)
    inbox.add_lane("clip", "never", 16, is_live=False)
    put(inbox, "clip", 0, nbytes=300)
    put(inbox, "clip", 1, nbytes=500)
    assert len(take(inbox, 2)) == 2
    assert inbox.held_bytes == 800
    with pytest.raises(TimeoutError):
        put(inbox, "clip", 2, nbytes=300)
    inbox.release("clip", 300)
    put(inbox, "clip", 2, nbytes=300)
    inbox.release("clip", 500)
    inbox.cancel("stopped")
    assert inbox.held_bytes == 0
    assert seen == [300, 800, 800]


def test_a_release_wakes_a_put_that_waits_for_bytes(inbox, background):
    inbox.add_lane("clip", "never", 16, is_live=False)
    put(inbox, "clip", 0, nbytes=900)
    assert take(inbox) == [("clip", 0)]
    writer = background(lambda: inbox.put(Thing("clip", 1, 900)))
    wait_for_blocked_put(inbox, "clip")
    inbox.release("clip", 900)
    writer.result()
    assert take(inbox) == [("clip", 1)]


def test_one_frame_always_fits(inbox):
    inbox.add_lane("pictures", "never", 16, is_live=False)
    put(inbox, "pictures", 0, nbytes=10**9)
    assert take(inbox) == [("pictures", 0)]


def test_a_second_huge_frame_waits_until_the_first_is_let_go(inbox):
    inbox.add_lane("pictures", "never", 16, is_live=False)
    put(inbox, "pictures", 0, nbytes=5000)
    take(inbox)
    with pytest.raises(TimeoutError):
        put(inbox, "pictures", 1, nbytes=5000)
    inbox.release("pictures", 5000)
    put(inbox, "pictures", 1, nbytes=5000)


def test_a_greedy_neighbour_starves_nobody(inbox):
    inbox.add_lane("greedy", "never", 1000, is_live=False)
    inbox.add_lane("modest", "never", 1000, is_live=False)
    put(inbox, "greedy", *range(100))
    with pytest.raises(TimeoutError):
        put(inbox, "greedy", 100)
    put(inbox, "modest", 0, nbytes=500)
    assert take(inbox, 2) == [("greedy", 0), ("modest", 0)]


def test_a_live_source_over_the_budget_drops_what_comes_while_one_is_out(inbox, drops):
    inbox.add_lane("camera", "oldest", 2, is_live=True)
    put(inbox, "camera", 0, nbytes=5000)
    take(inbox)
    put(inbox, "camera", 1, nbytes=5000)
    assert drops.by_cause == {("camera", "queue_full"): 1}
    inbox.release("camera", 5000)
    put(inbox, "camera", 2, nbytes=5000)
    assert take(inbox) == [("camera", 2)]


def test_the_newest_takes_a_waiting_frames_place_also_when_bytes_are_short(inbox, drops):
    inbox.add_lane("camera", "oldest", 2, is_live=True)
    inbox.add_lane("clip", "never", 16, is_live=False)
    put(inbox, "camera", 0, nbytes=400)
    put(inbox, "clip", 0, nbytes=600)
    put(inbox, "camera", 1, nbytes=400)
    assert drops.by_cause == {("camera", "queue_full"): 1}
    assert take(inbox) == [("camera", 1), ("clip", 0)]


def test_a_waiting_frame_gives_way_to_a_newer_one_even_while_a_neighbour_is_over_the_budget(inbox, drops):
    inbox.add_lane("camera", "oldest", 2, is_live=True)
    inbox.add_lane("pictures", "never", 16, is_live=False)
    put(inbox, "camera", 0, nbytes=300)
    assert take(inbox) == [("camera", 0)]
    put(inbox, "camera", 1, nbytes=300)
    put(inbox, "pictures", 0, nbytes=5000)
    put(inbox, "camera", 2, nbytes=300)
    assert drops.by_cause == {("camera", "queue_full"): 1}
    assert take(inbox) == [("pictures", 0), ("camera", 2)]


def test_a_stream_blocked_by_its_own_bytes_does_not_hold_up_the_others(inbox, background):
    """Its frame is out at a slow sink; a neighbour's single frame must not wait for a fuller batch."""
    inbox.add_lane("huge", "never", 16, is_live=False)
    inbox.add_lane("small", "never", 16, is_live=False)
    put(inbox, "huge", 0, nbytes=5000)
    assert take(inbox) == [("huge", 0)]
    writer = background(lambda: inbox.put(Thing("huge", 1, 5000)))
    wait_for_blocked_put(inbox, "huge")
    put(inbox, "small", 0)
    assert take(inbox, fill_to=4) == [("small", 0)]
    inbox.release("huge", 5000)
    writer.result()


# ---- ends


def test_cancel_counts_what_waits_and_wakes_everybody(inbox, drops, background):
    inbox.add_lane("clip", "never", 2, is_live=False)
    inbox.add_lane("idle", "never", 2, is_live=False)
    put(inbox, "clip", 0, 1)
    writer = background(lambda: inbox.put(Thing("clip", 2)))
    sleeper = background(lambda: inbox.wait_cancelled(1e6))
    wait_for_blocked_put(inbox, "clip")
    inbox.cancel("failed")
    with pytest.raises(ChannelClosed):
        writer.result()
    assert sleeper.result() is True
    assert drops.by_cause == {("clip", "failed"): 3}
    assert inbox.held_bytes == 0


def test_cancel_wakes_a_waiting_take(inbox, background):
    inbox.add_lane("clip", "never", 2, is_live=False)
    reader = background(lambda: inbox.take(SIZES))
    inbox.cancel("stopped")
    with pytest.raises(ChannelClosed):
        reader.result()


def test_the_first_cause_of_a_cancellation_stays(inbox, drops):
    inbox.add_lane("clip", "never", 2, is_live=False)
    assert inbox.cancelled is None
    inbox.cancel("failed")
    inbox.cancel("stopped")
    assert inbox.cancelled == "failed"
    with pytest.raises(ChannelClosed):
        put(inbox, "clip", 0)
    assert drops.by_cause == {("clip", "failed"): 1}


def test_the_end_of_the_last_lane_wakes_a_waiting_take(inbox, background):
    inbox.add_lane("a", "never", 2, is_live=False)
    inbox.add_lane("b", "oldest", 2, is_live=True)
    reader = background(lambda: inbox.take(SIZES, fill_to=4))
    inbox.close_lane("a")
    assert not reader.is_done
    inbox.close_lane("b")
    with pytest.raises(ChannelClosed):
        reader.result()


def test_the_end_of_a_live_lane_still_gives_its_newest_frame(inbox, drops):
    inbox.add_lane("camera", "oldest", 2, is_live=True)
    put(inbox, "camera", 0, 1)
    inbox.close_lane("camera")
    assert take(inbox, 4) == [("camera", 1)]
    assert drops.by_cause == {("camera", "stale"): 1}
    with pytest.raises(ChannelClosed):
        take(inbox)


def test_a_paced_source_waits_no_longer_than_told(inbox):
    assert inbox.wait_cancelled(-1.0) is False
    inbox.cancel("stopped")
    assert inbox.wait_cancelled(1e6) is True
