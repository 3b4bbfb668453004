"""Measure framecheck on frames it has never seen, damaged by other code than that which it was trained with.

python models/framecheck/evaluate.py                          # everything: about five minutes on two cores
python models/framecheck/evaluate.py --only generated --frames-per-class 40 --split val
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
import photos
from card_figures import TOLERANCE, compare, enter
from evaluate_clips import clips
from evaluate_ffmpeg import find_ffmpeg
from evaluate_measures import Figures, Requirement, figures
from evaluate_pictures import confusion_picture, wrong_picture
from second_damage import RANGES
from second_frames import LABELS, SIZES, VISIBLE, sample

from streamclf import Classifier, StreamclfError
from streamclf.catalogue.card import CARD_NAME
from streamclf.catalogue.find import find_model

T = TypeVar("T")
HERE = Path(__file__).parent
CLEAN = LABELS.index("ok")
FRAMES_PER_CLASS = {224: 150, 360: 150, 720: 100, 1080: 100}
CLEAN_TIMES = 3
"""So many times as many clean frames: their limit of 2 % is the finest, and every class counts the same anyway."""
TOP1, RECALL, FALSE_ALARMS, CALIBRATION = 0.96, 0.92, 0.02, 0.03
"""What is to be reached at each size."""


@dataclass(frozen=True, slots=True)
class Task:
    """One frame to make and to classify; everything about it follows from this."""

    label: str
    lines: int
    number: int
    seed: int
    split: photos.Split


@dataclass(frozen=True, slots=True)
class Answer:
    """What the network said of a frame."""

    task: Task
    probabilities: tuple[float, ...]
    photo: str
    what: str
    redrawn: int

    @property
    def said(self) -> str:
        """The most probable class."""
        return LABELS[int(np.argmax(self.probabilities))]


_classifier: Classifier | None = None


def _start(model: str) -> None:
    global _classifier
    _classifier = Classifier(model)
    cv2.setNumThreads(1)


def _answer(task: Task) -> Answer:
    assert _classifier is not None
    made = sample(task.label, task.lines, task.number, task.seed, task.split)
    probabilities = _classifier.classify(made.image).probabilities
    return Answer(task, tuple(float(p) for p in probabilities), made.photo, made.what, made.redrawn)


def answers(tasks: list[Task], model: str, workers: int) -> list[Answer]:
    """One for each task, in order; the frames are made and classified in ``workers`` processes."""
    context = multiprocessing.get_context("spawn")  # cv2's and av's threads do not survive a fork
    with ProcessPoolExecutor(workers, context, _start, (model,)) as pool:
        return list(progress(pool.map(_answer, tasks, chunksize=8), len(tasks), "generated frames"))


def progress(items: Iterator[T], count: int, what: str) -> Iterator[T]:
    """The items, with a line about how far they are on standard error."""
    begun = time.monotonic()
    for number, item in enumerate(items, 1):
        if number % 20 == 0 or number == count:
            end = "\n" if number == count else ""
            print(
                f"\r{what}: {number} of {count}, {time.monotonic() - begun:.0f} s", end=end, file=sys.stderr, flush=True
            )
        yield item


def all_tasks(per_class: int | None, seed: int, split: photos.Split) -> list[Task]:
    """The frames of a whole evaluation, large ones first so that both workers end together."""
    return [
        Task(label, lines, number, seed, split)
        for lines in sorted(SIZES, reverse=True)
        for label in LABELS
        for number in range((per_class or FRAMES_PER_CLASS[lines]) * (CLEAN_TIMES if label == "ok" else 1))
    ]


def figures_by_size(given: list[Answer]) -> dict[int, Figures]:
    """Lines of the frame to figures."""
    by_size = {}
    for lines in SIZES:
        own = [answer for answer in given if answer.task.lines == lines]
        truth = np.array([LABELS.index(answer.task.label) for answer in own], np.int64)
        by_size[lines] = figures(truth, np.array([answer.probabilities for answer in own]), CLEAN)
    return by_size


def requirements(by_size: dict[int, Figures]) -> list[Requirement]:
    """What each size must reach."""
    wanted = []
    for lines, of in by_size.items():
        worst = int(np.argmin(of.recall))
        wanted += [
            Requirement(f"{lines} lines: top-1", of.top1, TOP1, True),
            Requirement(f"{lines} lines: lowest recall ({LABELS[worst]})", of.recall[worst], RECALL, True),
            Requirement(f"{lines} lines: clean called damaged", of.false_alarms, FALSE_ALARMS, False),
            Requirement(f"{lines} lines: calibration error", of.calibration_error, CALIBRATION, False),
        ]
    return wanted


def show_ranges() -> None:
    """The severities of the test's damage, and the photographs left out."""
    print("Severities of the test's damage (H: lines of the frame; px: its own pixels)")
    for name, span in RANGES.items():
        print(f"  {name:42} {span}")
    print("A draw is thrown away, and another made, where a viewer would not agree:")
    for rule in VISIBLE:
        print(f"  {rule}")
    print("Photographs left out, looked at one by one:")
    for name, reason in photos.LEFT_OUT.items():
        print(f"  {name}: {reason}")


def show_figures(by_size: dict[int, Figures], given: list[Answer]) -> None:
    """Recall by class and size, and the confusion of each size."""
    print("\nGenerated frames: recall in %; top-1 is the mean over the classes, so that each counts the same")
    print(f"  {'':14}" + "".join(f"{lines:>8}" for lines in by_size))
    for number, label in enumerate(LABELS):
        print(f"  {label:14}" + "".join(f"{100 * of.recall[number]:8.1f}" for of in by_size.values()))
    for name, value in (
        ("top-1", lambda of: of.top1),
        ("false alarms", lambda of: of.false_alarms),
        ("calibration", lambda of: of.calibration_error),
    ):
        print(f"  {name:14}" + "".join(f"{100 * value(of):8.1f}" for of in by_size.values()))
    print(f"  {'frames':14}" + "".join(f"{of.frames:8}" for of in by_size.values()))
    sources = [len(photos.photos(given[0].task.split, lines)) for lines in by_size]
    print(f"  {'photographs':14}" + "".join(f"{count:8}" for count in sources))
    for lines, of in by_size.items():
        print(
            f"\nConfusion at {lines} lines: rows are the truth\n  {'':12}"
            + "".join(f"{label[:8]:>9}" for label in LABELS)
        )
        for label, row in zip(LABELS, of.confusion, strict=True):
            print(f"  {label:12}" + "".join(f"{count or '.':>9}" for count in row))
    thrown = {label: [a.redrawn for a in given if a.task.label == label] for label in LABELS}
    print("\nDraws thrown away because the damage could not be seen, or the picture was not clean, a frame:")
    print("  " + ", ".join(f"{label} {np.mean(counts):.2f}" for label, counts in thrown.items()))


def generated(options: argparse.Namespace) -> tuple[list[Answer], dict[int, Figures], list[Requirement]]:
    """The part on generated frames: the answers, the figures of each size, and what is to be reached."""
    show_ranges()
    given = answers(all_tasks(options.frames_per_class, options.seed, options.split), options.model, options.workers)
    by_size = figures_by_size(given)
    show_figures(by_size, given)
    return given, by_size, requirements(by_size)


def wrong_ones(given: list[Answer]) -> list[Answer]:
    """Those whose most probable class is not the true one."""
    return [answer for answer in given if answer.said != answer.task.label]


def generated_report(given: list[Answer], by_size: dict[int, Figures]) -> dict[str, Any]:
    """The same for a JSON file."""
    thrown: dict[str, dict[str, float]] = {}
    for lines in by_size:
        own = [answer for answer in given if answer.task.lines == lines]
        thrown[str(lines)] = {
            label: float(np.mean([a.redrawn for a in own if a.task.label == label])) for label in LABELS
        }
    return {
        "ranges": {name: str(span) for name, span in RANGES.items()},
        "visible": list(VISIBLE),
        "left_out": photos.LEFT_OUT,
        "sizes": {
            str(lines): of.as_json(LABELS) | {"photographs": len(photos.photos(given[0].task.split, lines))}
            for lines, of in by_size.items()
        },
        "draws_thrown_away_a_frame": thrown,
        "wrong": [
            {
                "label": answer.task.label,
                "said": answer.said,
                "probability": round(max(answer.probabilities), 4),
                "lines": answer.task.lines,
                "number": answer.task.number,
                "photo": answer.photo,
                "what": answer.what,
            }
            for answer in wrong_ones(given)
        ],
    }


def write_pictures(folder: Path, given: list[Answer], by_size: dict[int, Figures]) -> None:
    """confusion.png and wrong.png."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = {lines: of.confusion for lines, of in by_size.items()}
    cv2.imwrite(str(folder / "confusion.png"), confusion_picture(tables))
    cv2.imwrite(str(folder / "wrong.png"), wrong_picture(wrong_ones(given)))


def show_beside_card(card: Path, report: dict[str, Any]) -> None:
    """What was measured, and how far it is from what the card says."""
    lines, is_close = compare(card, report)
    print("\nIn percent, and in brackets the difference from the card in percentage points:")
    for line in lines:
        print(f"  {line}")
    print(f"  top-1 within {TOLERANCE} point of the card everywhere: {'yes' if is_close else 'NO'}")


def main(arguments: list[str] | None = None) -> int:
    """0 if all is reached, 1 if not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=str(HERE), help="a card.toml or the folder that holds one")
    parser.add_argument("--frames-per-class", type=int, help=f"a class and size; default {FRAMES_PER_CLASS}")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--split", choices=("test", "val"), default="test", help="of the photographs")
    parser.add_argument("--only", choices=("generated", "clips"))
    parser.add_argument("--json", type=Path, help="write everything that was measured to this file")
    parser.add_argument("--pictures", type=Path, help="write confusion.png and wrong.png into this folder")
    parser.add_argument(
        "--enter", action="store_true", help="write the figures into the card, in place of the old ones"
    )
    parser.add_argument("--workers", type=int, default=2, help="processes; the answers do not depend on it")
    options = parser.parse_args(arguments)
    if options.enter and (options.only or options.split != "test" or options.frames_per_class):
        parser.error("--enter: the card carries a whole evaluation; leave out --only, --split and --frames-per-class")
    if options.only != "generated":
        find_ffmpeg()
    try:
        card = find_model(options.model).folder / CARD_NAME
    except StreamclfError as error:
        parser.error(str(error))
    begun = time.monotonic()
    report: dict[str, Any] = {"model": Path(options.model).name, "seed": options.seed, "split": options.split}
    wanted: list[Requirement] = []
    if options.only != "clips":
        given, by_size, own = generated(options)
        report["generated"] = generated_report(given, by_size)
        wanted += own
        if options.pictures:
            write_pictures(options.pictures, given, by_size)
    if options.only != "generated":
        report["clips"], own = clips(options.model)
        wanted += own
    print("\nWhat is to be reached:")
    for requirement in wanted:
        print(f"  {requirement}")
    missed = sum(not requirement.is_reached for requirement in wanted)
    print(f"{len(wanted) - missed} of {len(wanted)} reached; {time.monotonic() - begun:.0f} s")
    report |= {"requirements": [requirement.as_json() for requirement in wanted], "reached": not missed}
    if not options.only:
        show_beside_card(card, report)
    if options.enter:
        enter(card, report)
        print(f"entered in {card}")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
