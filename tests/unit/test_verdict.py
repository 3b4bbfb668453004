"""How often a network was right about a scene whose truth is known."""

from __future__ import annotations

from streamclf.cli.verdict import Answers, judge
from streamclf.sources.synthetic import script
from tests.results import make_result

SEGMENTS = script(["ok", "dark", "noise"], 4)
"""Frames 0 to 3, 4 to 7, 8 to 11."""


def said(*labels: str) -> dict[int, str]:
    return dict(enumerate(labels))


def test_every_frame_counts_and_those_right_after_a_cut_are_told_apart() -> None:
    steady = said(*["ok"] * 5, *["dark"] * 5, *["noise"] * 2)  # one frame late, then two
    verdict = judge(steady, SEGMENTS, settle_frames=2)
    assert verdict["right"] == 0.75
    assert verdict["right_settled"] == 1.0
    assert verdict["settle_frames"] == 2
    assert (verdict["segments"], verdict["segments_right"], verdict["wrong_segments"]) == (3, 3, [])
    assert (verdict["changes"], verdict["true_changes"]) == (2, 2)


def test_a_segment_is_named_with_what_it_was_taken_for() -> None:
    steady = said(*["ok"] * 4, "dark", "dark", "covered", "covered", *["noise"] * 3, "ok")
    verdict = judge(steady, SEGMENTS, settle_frames=1)
    assert verdict["segments_right"] == 2
    assert verdict["wrong_segments"] == [{"label": "dark", "first_frame": 4, "said": "covered"}]
    assert (verdict["changes"], verdict["true_changes"]) == (4, 2)


def test_dropped_frames_and_segments_never_seen_count_nowhere() -> None:
    verdict = judge({0: "ok", 3: "ok", 5: "dark", 6: "ok"}, SEGMENTS, settle_frames=2)
    assert verdict["right"] == 0.75
    assert verdict["right_settled"] == 0.5
    assert (verdict["segments"], verdict["segments_right"]) == (2, 1)
    assert verdict["true_changes"] == 1


def test_nothing_at_all_is_no_share() -> None:
    verdict = judge({}, SEGMENTS, settle_frames=2)
    assert (verdict["right"], verdict["right_settled"], verdict["segments"]) == (None, None, 0)


def test_the_steady_label_of_each_frame_is_kept_by_its_index() -> None:
    answers = Answers()
    answers.write(make_result(index=3, steady=("dark", 0.8)))
    answers.write(make_result(index=7, steady=("unknown", 0.2)))
    assert answers.steady == {3: "dark", 7: "unknown"}
