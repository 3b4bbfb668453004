"""Results: order restored, slow readers press back, an end is told apart from a pause."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamclf.channel import Results
from streamclf.errors import ChannelClosed

DEADLINE_S = 5.0


@pytest.fixture
def results() -> Results[int]:
    return Results(max_items=4)


def test_nothing_yet_is_an_empty_list(results):
    assert results.poll(timeout_s=0) == []


def test_the_end_is_told_apart_from_nothing_yet(results):
    results.put(0, [1, 2])
    results.close()
    assert results.poll() == [1, 2]
    with pytest.raises(ChannelClosed):
        results.poll(DEADLINE_S)


def test_poll_gives_everything_ready_or_at_most_the_limit(results):
    results.put(0, [1, 2, 3])
    assert results.poll(limit=1) == [1]
    assert results.poll(limit=9) == [2, 3]
    results.put(1, [4, 5])
    assert results.poll() == [4, 5]


def test_batches_that_come_out_of_turn_are_handed_out_in_turn(results):
    results.put(2, [5])
    results.put(1, [3, 4])
    assert results.poll(timeout_s=0) == []
    results.put(0, [1, 2])
    assert results.poll() == [1, 2, 3, 4, 5]


def test_a_full_channel_presses_back_until_something_is_read(results, background):
    results.put(0, [1, 2, 3, 4])
    with pytest.raises(TimeoutError):
        results.put(1, [5], timeout_s=0)
    writer = background(lambda: results.put(1, [5]))
    assert results.poll() == [1, 2, 3, 4]
    writer.result()
    assert results.poll() == [5]


def test_lanes_ahead_of_their_turn_may_not_run_away(results):
    results.put(1, [2, 2])
    results.put(2, [3, 3])
    with pytest.raises(TimeoutError):
        results.put(3, [4], timeout_s=0)
    results.put(0, [1], timeout_s=0)  # whoever the others wait for always gets through
    assert results.poll() == [1, 2, 2, 3, 3]


def test_a_reader_that_waits_is_woken_by_the_batch_it_waits_for(results, background):
    reader = background(results.poll)
    results.put(1, [2])
    results.put(0, [1])
    assert reader.result() == [1, 2]


def test_a_lane_whose_turn_has_come_is_woken_however_few_results_there_are(background):
    results: Results[int] = Results(max_items=2)
    results.wake_at = 2
    results.put(2, [3, 3])
    writer = background(lambda: results.put(1, [2]))
    results.put(0, [1])
    writer.result()
    assert results.poll() == [1, 2, 3, 3]


def test_a_reader_that_waits_is_woken_by_the_end(results, background):
    reader = background(lambda: results.poll(DEADLINE_S))
    results.close()
    with pytest.raises(ChannelClosed):
        reader.result()


def test_a_lane_that_waits_for_a_failed_one_is_woken_by_the_close(results, background):
    """Ticket 0 will never come: its lane failed while the other one waits for room."""
    results.put(1, [2, 2, 2, 2])
    writer = background(lambda: results.put(2, [3]))
    results.close()
    with pytest.raises(ChannelClosed):
        writer.result()
    assert results.cancel() == [2, 2, 2, 2]


def test_nothing_can_be_put_after_the_close(results):
    """A reader that was told the end would never see it."""
    results.close()
    with pytest.raises(ChannelClosed):
        results.put(0, [1])
    assert results.cancel() == []


def test_cancel_returns_what_will_never_be_handed_out(results):
    results.put(0, [1, 2])
    results.put(2, [5])
    results.poll(limit=1)
    assert results.cancel() == [2, 5]
    assert results.cancel() == []
    with pytest.raises(ChannelClosed):
        results.poll(DEADLINE_S)
    with pytest.raises(ChannelClosed):
        results.put(1, [3])


@given(order=st.permutations(range(8)), sizes=st.lists(st.integers(0, 3), min_size=8, max_size=8), data=st.data())
def test_any_order_of_arrival_gives_the_order_of_tickets(order, sizes, data):
    results: Results[tuple[int, int]] = Results(max_items=100)
    seen = []
    for ticket in order:
        results.put(ticket, [(ticket, place) for place in range(sizes[ticket])])
        if data.draw(st.booleans()):
            seen += results.poll(timeout_s=0, limit=data.draw(st.integers(1, 3)))
    results.close()
    while True:
        try:
            seen += results.poll(timeout_s=0)
        except ChannelClosed:
            break
    assert seen == [(ticket, place) for ticket in range(8) for place in range(sizes[ticket])]


@given(tickets=st.lists(st.integers(0, 5), unique=True, max_size=6), reads=st.integers(0, 9))
def test_whatever_was_put_is_either_read_or_returned_by_cancel(tickets, reads):
    results: Results[int] = Results(max_items=100)
    for ticket in tickets:
        results.put(ticket, [ticket, ticket])
    read = results.poll(timeout_s=0, limit=reads) if reads else []
    assert sorted(read + results.cancel()) == sorted(2 * tickets)
