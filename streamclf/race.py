"""Which engine is the fastest for a network on this machine, among those that give the right answers: measured once, then remembered."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from streamclf.catalogue.expected import EXPECTED_NAME, read_expectation
from streamclf.catalogue.find import ResolvedModel, cache_folder
from streamclf.engine import Engine, EngineLoader, EngineName, EngineWish
from streamclf.errors import EngineError, StreamclfError
from streamclf.frame import FitPlan, Frame, Image
from streamclf.interpreter import Interpreter
from streamclf.machine import processor_name
from streamclf.prediction import Prediction
from streamclf.proof import usable_cpus
from streamclf.verify import compare

if TYPE_CHECKING:
    import numpy.typing as npt

log = logging.getLogger("streamclf")

SURE = 24
"""On so many pictures of the pool an engine has to be right: those of which the reference is surest. Where it wavers, any other
rounding says something else."""
TOLERANCE = 1e-3
"""How far a probability may be from the reference's in float32."""
ROUGH_TOLERANCE, ROUGH_MEAN = 0.25, 0.1
"""The same, and its mean over the pictures, in 16 bits and for int8 networks, whose layers are rounded in other places by each engine.
Measured: MobileNet V2 in bfloat16 0.06 and 0.02, int8 0.23 and 0.08, MobileNet V1 0.25 in bfloat16 0.21 and 0.04."""
ROUNDS, ROUND_S = 5, 0.1
"""Each contender is timed in so many rounds of so many seconds; the best one counts, since others only make slower."""


@dataclass(frozen=True, slots=True)
class Lap:
    """How one engine did. ``picture_ms`` is a forward pass of one picture by one lane (for recorded
    sources, of processor time); None where it is out, and ``problem`` says why."""

    engine: EngineName
    picture_ms: float | None
    arithmetic: str | None
    difference: float | None
    """The largest difference of a probability from the reference's, over the pictures; 0 for the reference itself."""
    problem: str | None


@dataclass(frozen=True, slots=True)
class Race:
    """The outcome, the reference's lap first."""

    winner: EngineName
    laps: tuple[Lap, ...]
    pictures: int


def run_race(
    contenders: Mapping[EngineName, Callable[[], EngineLoader]], model: ResolvedModel, wish: EngineWish
) -> Race:
    """Load each engine in turn, hold its answers against those of the first that is right itself, and time it.

    Raises:
        StreamclfError: nobody is left; the first one's reason.
    """
    interpreter = Interpreter(model, top_k=1)
    pictures = race_pictures(interpreter.plan)
    laps: list[Lap] = []
    failures: list[StreamclfError] = []
    truth: list[Prediction] | None = None
    for name, make_loader in contenders.items():
        try:
            with closing(make_loader().load()) as engine:
                answers = _answers(engine, interpreter, pictures)
                if truth is None:
                    problem, difference = _unexpected(engine, interpreter, model), 0.0
                    sure = surest(answers)
                    pictures = [pictures[place] for place in sure]
                    truth = None if problem else [answers[place] for place in sure]
                else:
                    problem, difference = disagreement(answers, truth, rough=engine.info.arithmetic != "float32")
                took = None if problem else _best_ms(engine, pictures, wish.live)
                laps.append(Lap(name, took, engine.info.arithmetic, difference, problem))
        except StreamclfError as error:
            failures.append(error)
            laps.append(Lap(name, None, None, None, str(error)))
    timed = [(lap.picture_ms, lap.engine) for lap in laps if lap.picture_ms is not None]
    if not timed:
        raise failures[0] if failures else EngineError(f"{model.card.name}: {laps[0].problem}")
    return Race(min(timed)[1], tuple(laps), len(pictures))


def surest(answers: Sequence[Prediction], count: int = SURE) -> list[int]:
    """The places of the ``count`` answers whose best class is the furthest ahead, in their order."""
    leads = [np.diff(np.partition(answer.probabilities, -2)[-2:])[0] for answer in answers]
    return sorted(sorted(range(len(answers)), key=lambda place: -leads[place])[:count])


def disagreement(answers: Sequence[Prediction], truth: Sequence[Prediction], rough: bool) -> tuple[str | None, float]:
    """Why ``answers`` are not those of ``truth`` (None if they are), and the largest difference of a probability.

    ``rough``: they were computed in fewer bits.
    """
    apart = [float(np.abs(a.probabilities - t.probabilities).max()) for a, t in zip(answers, truth, strict=True)]
    others = sum(a.top.class_id != t.top.class_id for a, t in zip(answers, truth, strict=True))
    most, mean = max(apart), sum(apart) / len(apart)
    problem = None
    if others:
        problem = f"another top-1 on {others} of {len(truth)} pictures"
    elif most > (ROUGH_TOLERANCE if rough else TOLERANCE):
        problem = (
            f"a probability is off by {most:.2g}, and at most {ROUGH_TOLERANCE if rough else TOLERANCE:g} is allowed"
        )
    elif mean > ROUGH_MEAN:
        problem = f"probabilities are off by {mean:.2g} in the mean, and at most {ROUGH_MEAN:g} is allowed"
    return problem, most


def race_pictures(plan: FitPlan) -> list[Image]:
    """87 pictures fitted to the network: the three reference pictures whole and in parts, some of them mirrored."""
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
    except (OSError, ValueError, KeyError, TypeError, RecursionError, ValidationError):
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
        "machine": [platform.machine(), processor_name(), usable_cpus()],
        "network": [model.card.name, *(file.sha256 or file.sha1 for file in model.card.files)],
        "card": hashlib.sha256(model.card.model_dump_json().encode()).hexdigest(),
        "wish": {"precision": wish.precision, "live": wish.live, "threads": wish.threads},
        "versions": dict(versions),
    }


def _place(model: ResolvedModel, wish: EngineWish, versions: Mapping[EngineName, str]) -> Path:
    of = json.dumps(_circumstances(model, wish, versions), sort_keys=True)
    return cache_folder() / "races" / f"{model.card.name}-{hashlib.sha256(of.encode()).hexdigest()[:12]}.json"


def _parts(picture: Image) -> Iterator[npt.NDArray[np.uint8]]:
    height, width = picture.shape[:2]
    for eighths in (8, 6, 4):
        part_h, part_w = height * eighths // 8, width * eighths // 8
        starts = (0, 1, 2) if eighths < 8 else (0,)  # left, middle, right
        for top, left in ((y, x) for y in starts for x in starts):
            y, x = (height - part_h) * top // 2, (width - part_w) * left // 2
            part = picture[y : y + part_h, x : x + part_w]
            yield part
            if eighths > 4:
                yield part[:, ::-1]


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


def _best_ms(engine: Engine, pictures: Sequence[Image], live: bool) -> float:
    # A live picture's answer is waited for. Over a file the processors are shared with the decoder and other lanes, and what counts is
    # what a picture takes of them; that is also the same beside other programs.
    clock = time.perf_counter if live else time.process_time
    best = float("inf")
    for _ in range(ROUNDS):
        started, count = clock(), 0
        while (span := clock() - started) < ROUND_S or not count:
            engine.run(pictures[count % len(pictures)][None])
            count += 1
        best = min(best, span / count)
    return best * 1e3
