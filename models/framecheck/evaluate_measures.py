"""What the evaluation counts: pure functions of answers and truths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that must be reached: ``value`` at least or at most ``limit``, both shares of 1 unless ``unit`` says otherwise."""

    what: str
    value: float
    limit: float
    at_least: bool
    unit: str = "%"

    @property
    def is_reached(self) -> bool:
        """A value that could not be measured is not reached."""
        return bool(self.value >= self.limit if self.at_least else self.value <= self.limit)

    def __str__(self) -> str:
        value, limit = (f"{100 * v:.1f} %" if self.unit == "%" else f"{v:g}" for v in (self.value, self.limit))
        return f"{'pass' if self.is_reached else 'MISS'}  {self.what}: {value} ({'at least' if self.at_least else 'at most'} {limit})"

    def as_json(self) -> dict[str, Any]:
        """For the report."""
        return {
            "what": self.what,
            "value": self.value,
            "limit": self.limit,
            "at_least": self.at_least,
            "reached": self.is_reached,
        }


def calibration_error(confidence: Floats, is_right: npt.NDArray[np.bool_], weights: Floats, bins: int = 15) -> float:
    """Expected calibration error: over bins of equal width, how far mean confidence is from the share that is right.

    All (N,), ``confidence`` in [0, 1]; a bin counts by its weight.
    """
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gap = np.bincount(place, weights * (confidence - is_right), bins)
    return float(np.abs(gap).sum() / weights.sum())


def confusion(truth: Ints, said: Ints, classes: int) -> Ints:
    """(classes, classes): how often the class of the row was called that of the column."""
    return np.bincount(truth * classes + said, minlength=classes * classes).reshape(classes, classes).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one size: shares of 1; every class counts the same, however many frames it has."""

    frames: int
    top1: float
    recall: tuple[float, ...]
    false_alarms: float
    """Clean frames called damaged."""
    calibration_error: float
    confusion: Ints

    def as_json(self, labels: Sequence[str]) -> dict[str, Any]:
        """For the report."""
        return {
            "frames": self.frames,
            "top1": self.top1,
            "recall": dict(zip(labels, self.recall, strict=True)),
            "clean_called_damaged": self.false_alarms,
            "calibration_error": self.calibration_error,
            "confusion": self.confusion.tolist(),
        }


def figures(truth: Ints, probabilities: Floats, clean: int) -> Figures:
    """Of ``truth`` (N,) and ``probabilities`` (N, classes); ``clean`` is the class without damage."""
    classes = probabilities.shape[1]
    said = probabilities.argmax(1)
    table = confusion(truth, said, classes)
    counts = np.bincount(truth, minlength=classes)
    recall = table.diagonal() / np.maximum(1, counts)
    error = calibration_error(probabilities.max(1), said == truth, 1 / counts[truth])
    return Figures(
        len(truth), float(recall[counts > 0].mean()), tuple(recall.tolist()), float(1 - recall[clean]), error, table
    )


def changes(steady: Sequence[str]) -> list[int]:
    """Where a steady label changes, as places in the sequence.

    Not counted: "unknown" before the first label, and "unknown" on the way from one label to another. From a label to
    "unknown" and back to the same is two changes.
    """
    runs: list[tuple[str, int]] = []
    for place, label in enumerate(steady):
        if not runs or runs[-1][0] != label:
            runs.append((label, place))
    if runs and runs[0][0] == UNKNOWN:
        runs = runs[1:]
    kept = [
        run
        for i, run in enumerate(runs)
        if run[0] != UNKNOWN or i + 1 == len(runs) or (i > 0 and runs[i - 1][0] == runs[i + 1][0])
    ]
    return [place for _, place in kept[1:]]


def surplus_changes(steady: Sequence[str], starts: Sequence[int]) -> int:
    """Changes beyond one for each part that begins at ``starts`` (the first is where the sequence begins, and may have none)."""
    places = changes(steady)
    ends = [*starts[1:], len(steady)]
    within = [sum(start <= place < end for place in places) for start, end in zip(starts, ends, strict=True)]
    return sum(max(0, count - (number > 0)) for number, count in enumerate(within))
