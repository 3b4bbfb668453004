"""Proves that a network's card and files are right: the files' digests, the labels, batches, and its answers to drawn pictures, which
have to be those that another engine gave."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from streamclf.catalogue.expected import (
    EXPECTED_NAME,
    Expectation,
    ExpectedBox,
    labels_digest,
    read_expectation,
)
from streamclf.catalogue.find import ModelEntry, ResolvedModel, checked_file, find_card, find_model, is_here
from streamclf.classifier import Classifier
from streamclf.errors import CardError, ConfigError, ModelFileError, StreamclfError, UnknownModelError
from streamclf.loading import reference_engine
from streamclf.prediction import Box, Prediction
from streamclf.proof import BATCH_SIZES

Outcome: TypeAlias = Literal["pass", "unproven", "fail", "not here"]
"""``unproven``: nothing is wrong, but no expected answers are written down that its own could be held against."""
Corners: TypeAlias = tuple[float, float, float, float]

RUNS_A_PICTURE = 5
"""For the time of a forward pass."""
SAME_PLACE = 0.9
"""Two boxes are of the same thing if their intersection over union is at least this."""
_FLOOR = 1e-5
"""Probabilities below it are all the same: nothing."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How far a network's answers are from the expected ones, in the expectation's own measure, and in sentences where too far."""

    difference: float
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found out about one network; what was not reached is None or empty."""

    name: str
    outcome: Outcome
    problems: tuple[str, ...] = ()
    """A sentence for each failure; of a network that is not here, what is missing."""
    pictures: int = 0
    """How many answers were compared."""
    made_by: str | None = None
    """The engine that gave the expected answers; None where nothing is written down."""
    difference: float | None = None
    tolerance: float | None = None
    batch_sizes: tuple[int, ...] = ()
    """Pictures at once that give the answers of single ones."""
    picture_ms: float | None = None
    """The forward pass of a single picture: the median of ``runs`` on this machine, whatever else it was doing."""
    runs: int = 0
    threads: int | None = None


def verify(name_or_folder: str | Path) -> Verdict:
    """Try a network out. A fault of the network is in the verdict, never raised.

    Raises:
        UnknownModelError: there is no such network.
        ConfigError: there is no folder ``STREAMCLF_MIRROR`` to look into.
    """
    name = str(name_or_folder)
    try:
        entry = find_card(name_or_folder)
        name = entry.name
        missing = _missing(entry)
        if missing is not None:
            return Verdict(name, "not here", (missing,))
        model = find_model(entry.folder)
        return _tried(model, read_expectation(entry.folder / EXPECTED_NAME))
    except (UnknownModelError, ConfigError):
        raise
    except StreamclfError as problem:
        return Verdict(name, "fail", (str(problem),))


def can_be_tried(entry: ModelEntry) -> bool:
    """Whether the network's files are here: if not, ``verify`` says "not here". Raises ModelFileError where a wrong one is."""
    return _missing(entry) is None


def compare(expectation: Expectation, predictions: Mapping[str, Prediction], threshold: float = 0.0) -> Comparison:
    """Hold predictions, by picture, against what is expected of them. ``threshold`` is the detector's: a box may come or go there."""
    if expectation.classes is not None:
        return _compare_classes(expectation, predictions)
    differences, problems = [0.0], list[str]()
    for picture, expected in (expectation.boxes or {}).items():
        found = predictions[picture].boxes or ()
        for difference, problem in _box_differences(expected, found, expectation.tolerance, threshold):
            differences.append(difference)
            if problem:
                problems.append(f"{picture}: {problem}")
    return Comparison(max(differences), tuple(problems))


def label_problem(expectation: Expectation, labels: Sequence[str]) -> str | None:
    """Why ``labels`` are not the list that the expected answers were written with; None if they are."""
    if labels_digest(labels) == expectation.labels_sha256:
        return None
    known = {row[0]: row[1] for rows in (expectation.classes or expectation.boxes or {}).values() for row in rows}
    now = {number: labels[number] if number < len(labels) else "nothing" for number in known}
    wrong = next(
        (
            f": class {number} is {now[number]!r}, not {known[number]!r}"
            for number in known
            if now[number] != known[number]
        ),
        "",
    )
    return f"its label list is not the one of the expected answers{wrong}"


def _missing(entry: ModelEntry) -> str | None:
    """What is not here of the network's files, and how to get it. Raises ModelFileError where what is here is not the right thing."""
    absent = [file for file in entry.card.files if not is_here(file, entry.folder)]
    for file in entry.card.files if absent else ():
        if file not in absent:
            checked_file(file, entry.card, entry.folder)
    for file in absent:
        try:
            checked_file(file, entry.card, entry.folder)
        except ModelFileError as sentence:
            return str(sentence)
    return None


def _tried(model: ResolvedModel, expectation: Expectation | None) -> Verdict:
    from streamclf.vision.reference import REFERENCE_PICTURES, reference_picture

    pictures = expectation.pictures if expectation else tuple(REFERENCE_PICTURES)
    unknown = next((picture for picture in pictures if picture not in REFERENCE_PICTURES), None)
    if unknown is not None:
        path = model.folder / EXPECTED_NAME
        raise CardError(f"{path}: there is no reference picture {unknown!r}; there are {', '.join(REFERENCE_PICTURES)}")
    problems, difference = list[str](), None
    outcome: Outcome = "unproven" if expectation is None else "pass"
    with Classifier(model, batch=max(BATCH_SIZES), engine=reference_engine(model)) as classifier:
        runs = [
            (picture, classifier.classify(reference_picture(picture)))
            for picture in pictures
            for _ in range(RUNS_A_PICTURE)
        ]
        info = classifier.info
    if expectation is not None:
        wrong_label = label_problem(expectation, model.labels)
        comparison = compare(expectation, dict(runs), model.card.output.threshold or 0.0)
        difference = comparison.difference
        problems = [*([wrong_label] if wrong_label else []), *_shortened(comparison.problems)]
    times = [prediction.latency.infer_ms for _, prediction in runs if prediction.latency]
    return Verdict(
        model.card.name,
        "fail" if problems else outcome,
        tuple(problems),
        pictures=len(pictures) if expectation else 0,
        made_by=expectation.made_by if expectation else None,
        difference=difference,
        tolerance=expectation.tolerance if expectation else None,
        batch_sizes=info.batch_sizes,
        picture_ms=statistics.median(times),
        runs=len(times),
        threads=info.threads,
    )


def _compare_classes(expectation: Expectation, predictions: Mapping[str, Prediction]) -> Comparison:
    """All classes of all pictures in one number: a single one says little, where a network hesitates between many."""
    ratios = []
    for picture, rows in (expectation.classes or {}).items():
        every = predictions[picture].probabilities
        for class_id, label, expected in rows:
            found = float(every[class_id]) if class_id < len(every) else 0.0
            ratio = math.log(max(found, _FLOOR) / max(expected, _FLOOR))
            ratios.append((ratio, f"{label!r} of the picture {picture!r} is {found:.1%}, not {expected:.1%}"))
    factor = math.exp(math.sqrt(statistics.fmean(ratio * ratio for ratio, _ in ratios)))
    if factor <= expectation.tolerance:
        return Comparison(factor, ())
    _, worst = max(ratios, key=lambda each: abs(each[0]))
    return Comparison(
        factor,
        (
            f"its answers are not those of {expectation.made_by}: probabilities differ by a factor of {factor:.2f}, at most "
            f"{expectation.tolerance:g} is allowed (most of all, {worst}); its card's [input] is wrong, or its {EXPECTED_NAME} is of other weights",
        ),
    )


def _box_differences(
    expected: Sequence[ExpectedBox], found: Sequence[Box], tolerance: float, threshold: float
) -> Iterator[tuple[float, str | None]]:
    """How far each box is from its like, and a sentence where that is too far, or where it has none."""
    sure = threshold + tolerance
    for class_id, label, score, corners in expected:
        alike = [box for box in found if box.class_id == class_id and shared(box.box_xyxy, corners) >= SAME_PLACE]
        what = f"{label!r} {_place(corners)} has the score {score:.3f}"
        if alike:
            there = min((box.probability for box in alike), key=lambda probability: abs(probability - score))
            far = abs(there - score)
            yield far, f"{what}, here {there:.3f}" if far > tolerance else None
        elif score >= sure:
            yield score, f"{what}, and is not found here"
    for box in found:
        known = any(
            class_id == box.class_id and shared(box.box_xyxy, corners) >= SAME_PLACE
            for class_id, _, _, corners in expected
        )
        if not known and box.probability >= sure:
            yield (
                box.probability,
                f"{box.label!r} {_place(box.box_xyxy)} should not be found (score {box.probability:.3f})",
            )


def _place(corners: Corners) -> str:
    return "at ({:.0f}, {:.0f}) to ({:.0f}, {:.0f})".format(*corners)


def _shortened(problems: Sequence[str], most: int = 3) -> list[str]:
    rest = len(problems) - most
    return [*problems[:most], *([f"and {rest} more differences of this kind"] if rest > 0 else [])]


def shared(one: Corners, other: Corners) -> float:
    """Intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    inside = max(0.0, width) * max(0.0, height)
    areas = sum((corners[2] - corners[0]) * (corners[3] - corners[1]) for corners in (one, other))
    return inside / (areas - inside) if areas > inside else 0.0
