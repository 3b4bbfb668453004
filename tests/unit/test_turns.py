"""Turns: who is next where several sources share one network."""

from __future__ import annotations

import pytest

from streamclf.turns import Turns


@pytest.fixture
def turns() -> Turns:
    turns = Turns()
    for stream in "abc":
        turns.add(stream)
    return turns


def serve(turns: Turns, *streams: str, times: int = 1) -> None:
    """Each has a frame and is served."""
    for _ in range(times):
        for stream in streams:
            turns.waits(stream)
            turns.order()
            turns.served(stream)


def come(turns: Turns, *streams: str) -> None:
    """Each has a frame, and the network asks who is next."""
    for stream in streams:
        turns.waits(stream)
    turns.order()


def test_who_waits_longest_is_next_among_equals(turns):
    for stream in "cab":
        turns.waits(stream)
        turns.waits(stream)
    assert turns.order() == ["c", "a", "b"]


def test_who_does_not_wait_is_not_asked(turns):
    assert turns.order() == []
    turns.waits("b")
    assert turns.order() == ["b"]
    turns.served("b")
    assert turns.order() == []


def test_who_was_served_least_is_next_also_if_it_came_last(turns):
    for stream in "abc":
        turns.waits(stream)
    for stream in "bc":
        turns.served(stream)
        turns.waits(stream)
    assert turns.order() == ["a", "b", "c"]
    turns.served("b")
    turns.waits("b")
    assert turns.order() == ["a", "c", "b"]


def test_nobody_saves_up_turns_while_it_has_nothing_to_offer(turns):
    serve(turns, "a", "b", times=100)
    turns.waits("c")
    turns.waits("a")
    assert turns.order() == ["c", "a"]
    turns.served("c")
    turns.waits("b")
    turns.waits("c")
    assert turns.order() == ["a", "b", "c"]


def test_who_lost_a_frame_is_first_for_a_while_though_it_comes_last(turns):
    serve(turns, "a", "b", "c", times=100)
    turns.lost("c")
    firsts = 0
    for _ in range(100):
        serve(turns, "a", "b")
        come(turns, "a", "b")
        come(turns, "c")
        firsts += turns.order()[0] == "c"
        for stream in "abc":
            turns.served(stream)
    assert firsts == Turns.FAVOURED_TURNS


def test_who_lost_frames_is_favoured_by_a_few_turns_and_not_by_all_it_lost(turns):
    serve(turns, "a", "b", "c", times=100)
    for _ in range(50):
        turns.lost("c")
    serve(turns, "a", "b", times=100)
    come(turns, "a", "b")
    come(turns, "c")
    had = 0
    while turns.order()[0] == "c":
        turns.served("c")
        turns.waits("c")
        had += 1
    assert had == Turns.LEAD


def test_a_batch_is_not_lengthened_by_who_is_far_ahead_of_its_first(turns):
    serve(turns, "a", times=10)
    turns.lost("c")
    for stream in "abc":
        turns.waits(stream)
    assert turns.order() == ["c", "b", "a"]
    assert turns.company(["c", "b", "a"]) == ["c"]
    assert turns.company(["b", "a"]) == ["b", "a"]
