"""The results as Markdown, with a chart beside it."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from chart import draw
from checks import checks
from common import CORES, show

BUSY = 0.05
"""Rates and latencies mean little where others had more of the processors."""


def write(folder: Path) -> Path:
    """Write ``bench.md`` and ``bench.png`` from the folder's ``bench.json``; returns the former."""
    found = json.loads((folder / "bench.json").read_text())
    machine = found.pop("machine")
    results = {part: entry["result"] for part, entry in found.items()}
    lines = ["# Measured", "", *_machine(machine), "", *_warning(found)]
    if "throughput" in results:
        draw(results["throughput"], folder / "bench.png")
        lines += ["![Frames a second of streamclf and its peers](bench.png)", ""]
    lines += ["## What must hold", "", *_checks(results), ""]
    if "throughput" in results:
        lines += ["## Files, as fast as they go", "", *_throughput(results["throughput"])]
    if "live" in results:
        lines += ["## Live", "", *_live(results["live"]), ""]
    lines += ["## When", "", *_when(found)]
    path = folder / "bench.md"
    path.write_text("\n".join(lines) + "\n")
    return path


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    lines = [list(head), ["---"] * len(head), *([str(cell) for cell in row] for row in rows)]
    return ["| " + " | ".join(line) + " |" for line in lines]


def _machine(machine: dict[str, Any]) -> list[str]:
    words = [f"{machine['cpu']}, {machine['cores']} cores", machine["system"]]
    words.append("has bf16" if machine["bf16"] else "has no bf16, so fast is exact here")
    words.append(" ".join(machine["flags"]))
    known = ("cpu", "cores", "flags", "bf16", "system", "commit")
    versions = [f"{key} {value or 'not installed'}" for key, value in machine.items() if key not in known]
    return ["; ".join(word for word in words if word) + ".", "", ", ".join(versions) + "."]


def _warning(found: dict[str, Any]) -> list[str]:
    busy = [part for part, entry in found.items() if (entry["others_share"] or 0) > BUSY]
    said = f"**The machine had other work to do while {', '.join(busy)} was measured: these numbers mean little.**"
    return [said, ""] if busy else []


def _checks(results: dict[str, Any]) -> list[str]:
    every = checks(results)
    judged = [check for check in every if check.held is not None]
    held = sum(bool(check.held) for check in judged)
    rows = [(check.what, check.wanted, check.measured, check.verdict) for check in every]
    return [f"{held} of {len(judged)} held.", "", *_table(("what", "wanted", "measured", ""), rows)]


def _throughput(tasks: list[dict[str, Any]]) -> Iterator[str]:
    yield (
        "Medians (least to most) of interleaved rounds. The limit is "
        f"{CORES} cores / (decoding + fitting + forward), in CPU seconds a frame on one thread. Behind the slash: with the forward "
        "pass as long as it is while all lanes run side by side and nothing else does, since they share caches and memory."
    )
    yield ""
    for task in tasks:
        stage = task["stage_ms"]
        forward = ", ".join(
            f"{name.replace(':', ' ')} {value:.2f} (side by side {stage['side_by_side'][name]:.2f})"
            for name, value in stage["forward"].items()
        )
        yield f"### {task['title']}, {task['clip']}"
        yield ""
        yield f"CPU ms a frame: decoding {stage['decode']:.2f}, fitting {stage['fit']:.2f}; forward: {forward}."
        yield ""
        rows = [_row(entry) for entry in sorted(task["contenders"], key=lambda entry: -entry["fps"]["median"])]
        head = ("", "fps", "times the plain OpenCV loop", "share of the limit", "ran as", "same top-1 as plain loop")
        yield from _table(head, rows)
        yield ""
        for problem in task["failed"].values():
            yield f"Out: {problem}"
            yield ""


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    name = f"**{entry['name']}**" if entry["ours"] else entry["name"]
    share = f"{show(entry['share_of_limit'])} / {show(entry['share_side_by_side'])}" if entry["ours"] else ""
    ran = entry["setting"] or ""
    if entry["ours"]:
        facts = entry["runs_on"]
        ran = f"{facts['name']}, {facts['arithmetic']}, {facts['lanes']} x {facts['threads']} thread"
    same = f"{entry['same_top1_as_plain']:.1%} of {entry['frames']}"
    return name, show(entry["fps"], 0), show(entry["over_plain"]), share, ran, same


def _live(live: dict[str, Any]) -> Iterator[str]:
    yield "SqueezeNet at 30 fps, `--realtime`: from capture to result, in ms."
    yield ""
    rows = [
        (
            row["clip"],
            f"{row['engine']} {row['precision']} ({row['runs_on']})",
            show(row["fit_and_forward_ms"], 1),
            show(row["spaced_forward_p99_ms"], 1),
            *(show(row["total_ms"][key], 1) for key in ("p50", "p95", "p99")),
            row["dropped"],
        )
        for row in live["latency"]
    ]
    yield from _table(
        ("clip", "engine", "fit + forward alone", "forward alone at 30 fps, p99", "p50", "p95", "p99", "dropped"), rows
    )
    yield ""
    yield "Scripted 30 fps 1080p sources, one picture per 70 ms forward pass:"
    yield ""
    keys = ("sources", "captured", "classified", "dropped", "conserved")
    rows = [
        (
            *(row[key] for key in keys),
            f"{row['age_in_forward_passes_max']:.2f}",
            f"{row['share_min_over_mean']:.3f} to {row['share_max_over_mean']:.3f}",
            f"{row['memory_growth_second_half_mb']:.1f}",
        )
        for row in live["overload"]
    ]
    head = (*keys, "oldest at forward, in forward passes", "share of each, of the mean", "growth MB")
    yield from _table(head, rows)


def _when(found: dict[str, Any]) -> list[str]:
    keys = ("measured_at", "minutes", "rounds", "others_share", "commit")
    rows = [(part, *(entry[key] for key in keys)) for part, entry in found.items()]
    note = (
        "`others`: the share of all cores that other programs, and the host of a virtual machine, took meanwhile; "
        f"above {BUSY}, measure again on a machine that does nothing else."
    )
    return [*_table(("part", "begun (UTC)", "minutes", "rounds", "others", "commit"), rows), "", note]
