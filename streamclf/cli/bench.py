"""``streamclf bench``: what this machine does with a clip and a network."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import typer

from streamclf.cli.bench_table import print_findings
from streamclf.cli.ending import ended_in_order
from streamclf.cli.pull import PULL_HELP, pull_missing
from streamclf.cli.terminal import say
from streamclf.config import DEFAULT_MODEL, RunConfig, make_config

EXAMPLES = """
Examples:

  streamclf bench                                        the default network on a generated clip

  streamclf bench clip.mp4 --model mobilenet-v2-qdq

  streamclf bench --engines opencv,openvino --precision fast --threads 2

  streamclf bench --again                                the race of --engine auto anew, too

  streamclf bench --json > bench.json
"""


def command(
    clip: Annotated[
        str | None,
        typer.Argument(metavar="CLIP", help="A video file (default: a generated H.264 clip).", show_default=False),
    ] = None,
    model: Annotated[
        str, typer.Option(metavar="NAME|FOLDER", help=RunConfig.model_fields["model"].description)
    ] = DEFAULT_MODEL,
    engines: Annotated[
        str, typer.Option(metavar="A,B|auto", help="Engines to measure; auto is all that can be used here.")
    ] = "auto",
    precision: Annotated[
        str, typer.Option(metavar="exact|fast", help=RunConfig.model_fields["precision"].description)
    ] = "exact",
    threads: Annotated[
        int | None,
        typer.Option(metavar="N", help=RunConfig.model_fields["threads"].description, show_default=False),
    ] = None,
    frames: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Frames of each run (default: about three seconds of them).", show_default=False
        ),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Hold the race of --engine auto anew; its outcome is remembered.")
    ] = False,
    pull: Annotated[bool, typer.Option("--pull", help=PULL_HELP)] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For a program.")] = False,
) -> None:
    """Measure what this machine does with a clip and a network: a table to paste into an issue.

    Of each engine: what decoding, fitting and the forward pass cost alone, the rate from end to end and its share of what these costs
    allow, latencies, memory. And which engine --engine auto takes, and why not the others.

    It takes about half a minute, longer for large networks. Nothing else should be busy meanwhile.
    """
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    config = make_config({"model": model, "precision": precision, "threads": threads})
    from streamclf.benching import begin, bench, clip_of, engines_of, steps
    from streamclf.catalogue.find import find_model
    from streamclf.findings import BenchWish

    names, path = engines_of(engines), clip_of(clip)
    if pull:
        pull_missing(config.model)
    network = find_model(config.model)
    wish = BenchWish(network, config.model, path, names, config.precision, config.threads, frames, again)
    findings = begin(wish)
    with ended_in_order(), _steps(steps(wish)) as tell:
        try:
            bench(wish, findings, tell)
        except KeyboardInterrupt:
            findings.stopped = True
    if findings.clip is not None:
        if as_json:
            print(json.dumps(asdict(findings), indent=2))
        else:
            print_findings(findings)
    if findings.stopped:
        say("stopped")
        raise typer.Exit(130)
    failed = [trial for trial in findings.trials if trial.problem]
    for trial in failed:
        say(f"error: {trial.engine}: {trial.problem}")
    # of those that were not named, one that works is enough
    raise typer.Exit(1 if failed and (names or len(failed) == len(findings.trials)) else 0)


@contextmanager
def _steps(total: int) -> Iterator[Callable[[str], None]]:
    """A bar on standard error, redrawn at each step only, as its own thread would be measured; a line each where that is no terminal."""
    if not sys.stderr.isatty():
        yield say
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False) as bar:
        task = bar.add_task("", total=total, completed=-1)

        def tell(text: str) -> None:
            bar.advance(task)
            bar.update(task, description=text, refresh=True)

        yield tell
