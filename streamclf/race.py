"""Which engine is the fastest for a network on this machine, among those that give the right answers: measured once, then remembered."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from streamclf.catalogue.expected import EXPECTED_NAME, read_expectation
from streamclf.catalogue.find import ResolvedModel, cache_folder
from streamclf.engine import Engine, EngineLoader, EngineName, EngineWish, Precision
from streamclf.errors import EngineError, StreamclfError
from streamclf.frame import FitPlan, Frame, Image
from streamclf.interpreter import Interpreter
from streamclf.prediction import Prediction
from streamclf.proof import usable_cpus
from streamclf.verify import compare

if TYPE_CHECKING:
    import numpy.typing as npt

log = logging.getLogger("streamclf")

TOLERANCES: Mapping[Precision, float] = {"exact": 1e-3, "fast": 0.05}
"""How far a probability may be from the reference's."""
EIGHT_BIT_TOLERANCE = 0.15
"""The same for int8 networks: runtimes round in different places, and each step is a 256th of a layer's range."""
NEAR = 0.05
"""Another top-1 is the same where the reference holds it for as probable, but for this part: a tie."""
ROUNDS, ROUND_S = 5, 0.1
"""Each contender is timed in so many rounds of so many seconds; the best one counts, since others only make slower."""


@dataclass(frozen=True, slots=True)
class Lap:
    """How one engine did. ``picture_ms`` is a forward pass of one picture by one lane; None where it is out, and ``problem`` says why."""

    engine: EngineName
    picture_ms: float | None
    difference: float | None
    """The largest difference of a probability from the reference's."""
    problem: str | None


@dataclass(frozen=True, slots=True)
class Race:
    """The outcome, the reference's lap first."""

    winner: EngineName
    laps: tuple[Lap, ...]
    pictures: int


def run_race(contenders: Mapping[EngineName, EngineLoader], model: ResolvedModel, wish: EngineWish) -> Race:
    """Load each engine in turn, hold its answers against those of the first that is right itself, and time it.

    Raises:
        StreamclfError: nobody is left; the first one's reason.
    """
    interpreter = Interpreter(model, top_k=1)
    pictures = race_pictures(interpreter.plan)
    laps: list[Lap] = []
    failures: list[StreamclfError] = []
    truth: list[Prediction] | None = None
    for name, loader in contenders.items():
        try:
            with closing(loader.load()) as engine:
                answers = _answers(engine, interpreter, pictures)
                # quantised networks are computed differently everywhere; which of them is quantised, an engine says itself
                tolerance = EIGHT_BIT_TOLERANCE if engine.info.arithmetic == "int8" else TOLERANCES[wish.precision]
                if truth is None:
                    problem, difference = _unexpected(engine, interpreter, model), 0.0
                else:
                    problem, difference = disagreement(answers, truth, tolerance)
                took = None if problem else _best_ms(engine, pictures)
                laps.append(Lap(name, took, difference, problem))
                if problem is None and truth is None:
                    truth = answers
        except StreamclfError as error:
            failures.append(error)
            laps.append(Lap(name, None, None, str(error)))
    timed = [(lap.picture_ms, lap.engine) for lap in laps if lap.picture_ms is not None]
    if not timed:
        raise failures[0] if failures else EngineError(f"{model.card.name}: {laps[0].problem}")
    return Race(min(timed)[1], tuple(laps), len(pictures))


def disagreement(
    answers: Sequence[Prediction], truth: Sequence[Prediction], tolerance: float
) -> tuple[str | None, float]:
    """Why ``answers`` are not those of ``truth`` (None if they are), and the largest difference of a probability."""
    apart = [float(np.abs(a.probabilities - t.probabilities).max()) for a, t in zip(answers, truth, strict=True)]
    others = sum(not _same_top(a, t) for a, t in zip(answers, truth, strict=True))
    problem = None
    if others:
        problem = f"another top-1 on {others} of {len(truth)} pictures"
    elif max(apart) > tolerance:
        problem = f"a probability is off by {max(apart):.2g}, and at most {tolerance:g} is allowed"
    return problem, max(apart)


def race_pictures(plan: FitPlan) -> list[Image]:
    """24 pictures fitted to the network: each of the three reference pictures whole, and in parts, mirrored, darker, brighter."""
    from streamclf.vision.preprocess import fit_image
    from streamclf.vision.reference import REFERENCE_PICTURES, reference_picture

    return [
        fit_image(np.ascontiguousarray(part), plan)
        for name in REFERENCE_PICTURES
        for part in _parts(reference_picture(name))
    ]


def remembered_race(model: ResolvedModel, wish: EngineWish, versions: Mapping[EngineName, str]) -> Race | None:
    """What was found out before on this machine with these files and libraries; None if nothing was."""
    try:
        content = json.loads(_place(model, wish, versions).read_bytes())
        return TypeAdapter(Race).validate_python(content["race"])
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        return None


def write_race(race: Race, model: ResolvedModel, wish: EngineWish, versions: Mapping[EngineName, str]) -> None:
    """Remember it; where that is not possible, the next run measures again."""
    path = _place(model, wish, versions)
    text = json.dumps({"of": _circumstances(model, wish, versions), "race": asdict(race)}, indent=2)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".part", delete=False, encoding="utf-8") as file:
            file.write(text)
        os.replace(file.name, path)
    except OSError as error:
        log.warning("the fastest engine cannot be remembered (%s); the next run measures again", error)
        with suppress(OSError, UnboundLocalError):
            os.unlink(file.name)


def _circumstances(model: ResolvedModel, wish: EngineWish, versions: Mapping[EngineName, str]) -> dict[str, Any]:
    """Everything that the outcome depends on."""
    return {
        "machine": [platform.machine(), _processor(), usable_cpus()],
        "network": [model.card.name, *(file.sha256 or file.sha1 for file in model.card.files)],
        "card": hashlib.sha256(model.card.model_dump_json().encode()).hexdigest(),
        "wish": {"precision": wish.precision, "live": wish.live, "threads": wish.threads},
        "versions": dict(versions),
    }


def _place(model: ResolvedModel, wish: EngineWish, versions: Mapping[EngineName, str]) -> Path:
    of = json.dumps(_circumstances(model, wish, versions), sort_keys=True)
    return cache_folder() / "races" / f"{model.card.name}-{hashlib.sha256(of.encode()).hexdigest()[:12]}.json"


@lru_cache
def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith(("model name", "Model")):
                return line.partition(":")[2].strip()
    return platform.processor()


def _parts(picture: Image) -> Iterator[npt.NDArray[np.uint8]]:
    height, width = picture.shape[:2]
    yield picture
    yield picture[:, ::-1]
    yield np.asarray(picture * np.float32(0.6), np.uint8)
    yield np.asarray(picture * np.float32(0.6) + 100, np.uint8)
    for top, left in ((0, 0), (0, width // 3), (height // 3, 0), (height // 3, width // 3)):
        yield picture[top : top + height * 2 // 3, left : left + width * 2 // 3]


def _answers(engine: Engine, interpreter: Interpreter, pictures: Sequence[Image]) -> list[Prediction]:
    return [interpreter.predictions([_frame(picture)], engine.run(picture[None]))[0] for picture in pictures]


def _frame(picture: Image) -> Frame:
    from streamclf.vision.picture import BgrPicture

    return Frame(BgrPicture(picture), "race", 0, None, Fraction(1), 0.0)


def _unexpected(engine: Engine, interpreter: Interpreter, model: ResolvedModel) -> str | None:
    """Why the reference itself is wrong, by the card's published expectation; None if it is right, or nothing is published."""
    from streamclf.vision.preprocess import fit_image
    from streamclf.vision.reference import REFERENCE_PICTURES, reference_picture

    expectation = read_expectation(model.folder / EXPECTED_NAME)
    if expectation is None or not set(expectation.pictures) <= set(REFERENCE_PICTURES):
        return None
    predictions = {}
    for name in expectation.pictures:
        picture = reference_picture(name)
        frame = replace(_frame(picture), origin=name)
        fitted = fit_image(picture, interpreter.plan)
        predictions[name] = interpreter.predictions([frame], engine.run(fitted[None]))[0]
    problems = compare(expectation, predictions, model.card.output.threshold or 0.0).problems
    return problems[0] if problems else None


def _same_top(answer: Prediction, truth: Prediction) -> bool:
    if not answer.scores or not truth.scores:  # a detector that finds nothing
        return not answer.scores and not truth.scores
    return bool(truth.probabilities[answer.top.class_id] >= truth.top.probability * (1 - NEAR))


def _best_ms(engine: Engine, pictures: Sequence[Image]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        started, count = time.perf_counter(), 0
        while (span := time.perf_counter() - started) < ROUND_S or not count:
            engine.run(pictures[count % len(pictures)][None])
            count += 1
        best = min(best, span / count)
    return best * 1e3
