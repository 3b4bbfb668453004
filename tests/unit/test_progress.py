"""A run's progress: how far it is, also where frames are left out."""

from __future__ import annotations

import pytest

from streamclf.cli.progress import LINE_EVERY_S, ProgressSink
from streamclf.stats import StatsBoard
from streamclf.testing import ManualClock


def line(capsys: pytest.CaptureFixture[str], captured: int, wanted: int, max_frames: int | None = None) -> str:
    """What is said of a clip of 1000 frames after so many."""
    clock = ManualClock()
    board = StatsBoard(clock)
    board.add_stream("clip", is_live=False)
    board.opened("clip", False, 1000)
    for number in range(captured):
        board.captured("clip")
        if number >= wanted:
            board.dropped("clip", "frame_step")
    progress = ProgressSink(max_frames, bar=False, clock=clock)
    clock.advance(LINE_EVERY_S)
    progress.tick(board.snapshot())
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("captured", "wanted", "max_frames", "words"),
    [
        (91, 91, None, "91 of 1000 frames"),
        (91, 10, None, "91 of 1000 frames"),
        (91, 91, 100, "91 of 100 frames"),
        (91, 10, 50, "91 of 455 frames"),
        (41, 5, 5, "41 of 41 frames"),
        (91, 10, 500, "91 of 1000 frames"),
        (0, 0, 50, "0 of 50 frames"),
    ],
)
def test_the_end_is_where_the_wanted_frames_will_be_reached(capsys, captured, wanted, max_frames, words):
    assert words in line(capsys, captured, wanted, max_frames)
