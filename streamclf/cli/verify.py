"""``streamclf models verify``: whether networks' cards and files are right."""

from __future__ import annotations

import json
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamclf.cli.table import print_table
from streamclf.cli.terminal import say
from streamclf.errors import CardError, ModelFileError, UsageError

if TYPE_CHECKING:
    from streamclf.verify import Verdict

EXAMPLES = """
Examples:

  streamclf models verify framecheck

  streamclf models verify --all               every network whose files are here

  streamclf models verify ./my-network --json
"""
_WORDS = {"pass": "pass", "unproven": "unproven", "fail": "FAIL", "not here": "not here"}


def command(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME...", help="Models' names, or folders with card.toml.", show_default=False),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every network whose files are here.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For a program.")] = False,
) -> None:
    """Prove that networks' cards and files are right.

    Of each network: the digests of its files; as many labels as classes; which batches give the answers of single pictures; and its
    answers to drawn pictures, which have to be those that another engine gave (the network's expected.json). Without an expected.json
    a network is at best "unproven".

    The exit code is 1 if one fails, or if one that was named is not here.
    """
    if bool(names) == everything:
        raise UsageError("name the networks to verify, or say --all" if not names else "give either names or --all")
    verdicts = _verdicts(_all_names() if everything else list(dict.fromkeys(names or ())))
    if as_json:
        print(json.dumps([asdict(verdict) for verdict in verdicts], indent=2))
    else:
        _print(verdicts, leave_out=everything)
    outcomes = {verdict.outcome for verdict in verdicts}
    raise typer.Exit(1 if "fail" in outcomes or ("not here" in outcomes and not everything) else 0)


def _all_names() -> list[str]:
    from streamclf.catalogue.find import named_folders

    return sorted(named_folders())


def _verdicts(names: list[str]) -> list[Verdict]:
    """One after the other, with a bar on standard error; a line each where that is no terminal."""
    from rich.console import Console
    from rich.progress import Progress

    from streamclf.verify import verify

    here = _names_here(names)
    verdicts, number = [], 0
    is_terminal = sys.stderr.isatty()
    with Progress(console=Console(stderr=True), transient=True, disable=not is_terminal) as bar:
        task = bar.add_task("", total=len(here))
        for name in names:
            bar.update(task, description=name)
            verdicts.append(verify(name))
            if name not in here:
                continue
            number += 1
            bar.advance(task)
            if not is_terminal:
                say(f"{name}: {_WORDS[verdicts[-1].outcome]} ({number} of {len(here)})")
    return verdicts


def _names_here(names: list[str]) -> set[str]:
    """Which of them will be tried; an unknown one is refused before that. What is wrong with a card or a file is said in its verdict."""
    from streamclf.catalogue.find import find_card
    from streamclf.verify import can_be_tried

    absent = set()
    for name in names:
        with suppress(CardError, ModelFileError):
            if not can_be_tried(find_card(name)):
                absent.add(name)
    return set(names) - absent


def _print(verdicts: list[Verdict], leave_out: bool) -> None:
    shown = [verdict for verdict in verdicts if not leave_out or verdict.outcome != "not here"]
    if shown:
        print_table([_row(verdict) for verdict in shown])
    for verdict in shown:
        for problem in verdict.problems:
            print(f"{verdict.name}: {problem}")
        if verdict.outcome == "unproven":
            print(
                f"{verdict.name}: its answers to pictures were not compared, since no expected.json lies beside its card"
            )
    for legend in _legends(shown):
        print(legend)
    timed = next((verdict for verdict in shown if verdict.picture_ms is not None), None)
    if timed is not None:
        print(
            f"ms: the forward pass of one picture, the median of {timed.runs} on this machine just now, {timed.threads} threads"
        )
    counts = Counter(verdict.outcome for verdict in verdicts)
    absent = counts["not here"]
    counted = ", ".join(f"{counts[outcome]} {outcome}" for outcome in ("pass", "unproven", "fail"))
    print(f"{counted}, {absent} {'is' if absent == 1 else 'are'} not here")


def _row(verdict: Verdict) -> dict[str, Any]:
    return {
        "name": verdict.name,
        "result": _WORDS[verdict.outcome],
        "pictures": verdict.pictures or "-",
        "off by": "-" if verdict.difference is None else _off(verdict),
        "batches": ", ".join(map(str, verdict.batch_sizes)) or "-",
        "ms": "-" if verdict.picture_ms is None else f"{verdict.picture_ms:.1f}",
        "compared with": verdict.made_by or "-",
    }


def _legends(verdicts: list[Verdict]) -> list[str]:
    """What the column "off by" says, of each kind of network there is in it."""
    compared = [verdict for verdict in verdicts if verdict.difference is not None]
    meanings = {
        True: "off by, so many times: the probabilities differ from the other engine's by this factor, in the mean; 1 is not at all",
        False: "off by, a plain number: a box's score, 0 to 1, differs from the other engine's by so much at most; 0 is not at all",
    }
    return [text for kind, text in meanings.items() if any(_is_factor(verdict) == kind for verdict in compared)]


def _is_factor(verdict: Verdict) -> bool:
    # A factor is at least 1, a difference of scores at most.
    return verdict.tolerance is not None and verdict.tolerance >= 1


def _off(verdict: Verdict) -> str:
    """How far the answers are off and may be, as the verdict's measure wants it."""
    form = "{:.2f} times ({:g} allowed)" if _is_factor(verdict) else "{:.3f} ({:g} allowed)"
    return form.format(verdict.difference, verdict.tolerance)
