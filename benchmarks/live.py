"""Live sources: how late the answers are at 30 fps, four sources on one network, and a network that is too slow."""

import json
from typing import Any

import throughput
from common import CACHE, HERE, Effort, python, say, spread

ENGINES = (("auto", "fast"), ("auto", "exact"), ("openvino", "exact"), ("onnxruntime", "exact"), ("opencv", "exact"))
FRAMES = 200
SOURCES = 4
STAGE_FRAMES = 60


def measure(effort: Effort) -> dict[str, Any]:
    """Latency, several sources, overload; each is described in its function."""
    measured = [("640x360", engine) for engine in ENGINES]
    if not effort.quick:
        measured += [("1920x1080", engine) for engine in ENGINES if engine[0] in ("auto", "opencv")]
    return {
        "latency": [_latency(size, engine, effort) for size, engine in measured],
        "sources": [_sources(engine, effort) for engine in ENGINES if engine[0] != "auto"],
        "overload": [json.loads(python(HERE / "overload.py", count, 6 if effort.quick else 15)) for count in (1, 4)],
    }


def _run(sources: list[object], engine: tuple[str, str], frames: int, *more: object) -> dict[str, Any]:
    network = throughput.networks.build("squeezenet").folder
    options = ("--model", network, "--engine", engine[0], "--precision", engine[1], "--max-frames", frames)
    outputs = ("--no-display", "--results", CACHE / "rows.jsonl", "--overwrite", "--report", "-")
    report: dict[str, Any] = json.loads(python("-m", "streamclf", "run", *sources, *options, *outputs, *more))
    return report


def _latency(size: str, engine: tuple[str, str], effort: Effort) -> dict[str, Any]:
    """A clip at its own 30 fps, as from a camera: capture to result, beside what fitting and one forward pass take alone."""
    task = throughput.task("squeezenet", size, effort)
    name = ":".join(engine)
    _run([task.clip], engine, 20, "--realtime")  # the race, if it was not held yet
    rounds, spaced = [], []
    for _ in range(effort.rounds):
        alone = python(HERE / "stages.py", task.clip, task.network.folder, STAGE_FRAMES, name, "--live")
        cost = json.loads(alone)
        report = _run([task.clip], engine, effort.of(FRAMES, 60), "--realtime")
        rounds.append((report, 1e3 * (cost["fit_s"] + cost["forward_s"][name])))
        spaced.append(1e3 * cost["spaced_p99_s"][name])
    say(
        f"live, {size}, {name}: p99 " + ", ".join(f"{report['latency_ms']['total']['p99']:.1f}" for report, _ in rounds)
    )
    allowed = [1.3 * alone_ms + 5 for _, alone_ms in rounds]
    totals = [report["latency_ms"]["total"] for report, _ in rounds]
    return {
        "clip": size,
        "engine": engine[0],
        "precision": engine[1],
        "runs_on": rounds[-1][0]["engine"]["name"],
        "fit_and_forward_ms": spread([alone_ms for _, alone_ms in rounds]),
        "spaced_forward_p99_ms": spread(spaced),
        "total_ms": {key: spread([total[key] for total in totals]) for key in ("p50", "p95", "p99")},
        "p99_over_allowed": spread([total["p99"] / most for total, most in zip(totals, allowed, strict=True)]),
        "dropped": sum(sum(_dropped(report)) for report, _ in rounds),
    }


def _dropped(report: dict[str, Any]) -> list[int]:
    return [sum(stream["dropped"].values()) for stream in report["streams"].values()]


def _sources(engine: tuple[str, str], effort: Effort) -> dict[str, Any]:
    """Four files on one network, as many frames in all as one file that saturates it."""
    task = throughput.task("squeezenet", "640x360", effort)
    frames = task.frames // 4 if engine[0] == "opencv" else task.frames
    ratios, ones = [], []
    for _ in range(effort.rounds):
        one = _run([task.clip], engine, frames)["rates_fps"]["classify"]
        named = [f"clip-{number}={task.clip}" for number in range(SOURCES)]
        several = _run(named, engine, max(5, frames // SOURCES))["rates_fps"]["classify"]
        ones.append(one)
        ratios.append(several / one)
    say(f"{SOURCES} sources, {engine[0]}: {ratios[-1]:.2f} of one")
    return {"engine": engine[0], "precision": engine[1], "one_fps": spread(ones), "ratio": spread(ratios)}
