"""How often a network was right about a scene whose truth is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from streamclf.sink import Result
from streamclf.stats import RunStats

if TYPE_CHECKING:
    from streamclf.sources.synthetic import Segment


class Answers:
    """A sink that keeps the steady label of every frame of one stream."""

    needs_picture = False
    wants_stop = False

    def __init__(self) -> None:
        self.steady: dict[int, str] = {}
        """By the frame's index, in order."""

    def write(self, result: Result) -> None:
        """Kept."""
        prediction = result.prediction
        self.steady[prediction.frame.index] = (prediction.steady or prediction.top).label

    def tick(self, stats: RunStats) -> None:
        """Numbers are of no interest here."""

    def close(self) -> None:
        """Nothing is open."""


def judge(steady: Mapping[int, str], segments: Sequence[Segment], settle_frames: int) -> dict[str, Any]:
    """How often the ``steady`` labels, by frame index in order, are those of ``segments``.

    Shares are in [0, 1], None without such a frame; ``right_settled`` leaves out the first ``settle_frames`` after each cut. A
    segment is right if most of its settled frames are; one without any is not counted. Frames without an answer (dropped, or
    after the run was ended) count nowhere.
    """
    true = {
        index: segment.label for segment in segments for index in range(segment.start, segment.stop) if index in steady
    }
    right, settled, wrong, seen = [], [], [], 0
    for segment in segments:
        said = [(index, steady[index]) for index in range(segment.start, segment.stop) if index in steady]
        late = [label for index, label in said if index >= segment.start + settle_frames]
        right += [label == segment.label for _, label in said]
        settled += [label == segment.label for label in late]
        if late:
            seen += 1
            most = Counter(late).most_common(1)[0][0]
            if most != segment.label:
                wrong.append({"label": segment.label, "first_frame": segment.start, "said": most})
    return {
        "right": _share(right),
        "right_settled": _share(settled),
        "settle_frames": settle_frames,
        "segments": seen,
        "segments_right": seen - len(wrong),
        "wrong_segments": wrong,
        "changes": _changes(list(steady.values())),
        "true_changes": _changes(list(true.values())),
    }


def _share(right: Sequence[bool]) -> float | None:
    return round(sum(right) / len(right), 4) if right else None


def _changes(labels: Sequence[str]) -> int:
    return sum(one != other for one, other in pairwise(labels))
