"""What ``streamclf bench`` found, as Markdown that is a table in an issue and readable in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamclf.cli.table import print_markdown

if TYPE_CHECKING:
    from streamclf.findings import Findings, Trial
    from streamclf.race import Lap, Race

GENERATED = "a scene that streamclf drew and encoded for this"
NOTES = (
    "at most fps: if every processor worked all the time on nothing but decode, fit and forward, as timed alone on one thread; "
    "share: what the run reached of that. Where other programs are busy the share is low; where processors are many, the one thread "
    "that reads the clip is what limits.",
    "queue, infer, total ms: p50 / p95 / p99 of a clip that is read as fast as it goes; a camera's are others.",
    "MB: the most resident memory of the run's process.",
)


def print_findings(findings: Findings) -> None:
    """On standard output."""
    for line in _head(findings):
        print(line)
    if findings.trials:
        print()
        print_markdown([_row(trial) for trial in findings.trials])
    print()
    _print_race(findings)
    if findings.trials:
        print()
        for note in NOTES:
            print(f"- {note}")
    if any(trial.frames and trial.rate_fps is None for trial in findings.trials):
        print(
            "- No fps: that run was shorter than half a second; name a longer clip, or more --frames if the clip has them."
        )


def _head(findings: Findings) -> list[str]:
    machine, clip = findings.machine, findings.clip
    assert clip is not None
    facts = [machine["processor"], f"{machine['processors']} processors for this process", machine["system"]]
    facts += [f"16 bits: {machine['sixteen_bits'] or 'not known without OpenVINO'}"]
    facts += [] if machine["load_before"] is None else [f"load before the start {machine['load_before']}"]
    versions = {"streamclf": findings.streamclf, **findings.versions}
    limited = "" if findings.wished_threads is None else f", threads {findings.wished_threads}"
    count = "" if clip.frames is None else f", {clip.frames} frames"
    return [
        f"streamclf bench: {findings.model}, precision {findings.precision}{limited}{', stopped before its end' if findings.stopped else ''}",
        "",
        f"- machine: {', '.join(filter(None, facts))}",
        f"- versions: {', '.join(f'{name} {version}' for name, version in versions.items())}",
        f"- clip: {clip.name or GENERATED}, {clip.description}{count}",
        f"- one frame, processor time on one thread: decode {findings.decode_ms:.2f} ms, fit {findings.fit_ms:.2f} ms",
    ]


def _row(trial: Trial) -> dict[str, Any]:
    latency = trial.latency_ms or {}
    return {
        "engine": trial.engine,
        "arithmetic": trial.arithmetic or "-",
        "lanes x threads": "-" if trial.lanes is None else f"{trial.lanes} x {trial.threads}",
        "frames": "-" if trial.frames is None else trial.frames,
        "forward ms": _number(trial.forward_ms, 2),
        "at most fps": _number(trial.limit_fps, 1),
        "fps": _number(trial.rate_fps, 1),
        "share": _number(trial.share, 2),
        **{f"{name} ms": _percentiles(latency.get(name, {})) for name in ("queue", "infer", "total")},
        "MB": _number(trial.peak_memory_mb, 0),
    }


def _print_race(findings: Findings) -> None:
    race = findings.race
    if race is None:
        print(f"--engine auto: {findings.race_problem or 'the race was not held'}")
        return
    print(
        f"--engine auto takes {race.winner} for clips. Its race on {race.pictures} pictures, remembered (--again holds it anew):"
    )
    print()
    rows = [_lap(lap, race) for lap in race.laps]
    rows += [_out(name, reason) for name, reason in findings.unusable.items()]
    print_markdown(rows)


def _lap(lap: Lap, race: Race) -> dict[str, Any]:
    why = "taken" if lap.engine == race.winner else lap.problem or "slower"
    return {
        "engine": lap.engine,
        "picture ms": _number(lap.picture_ms, 2),
        "arithmetic": lap.arithmetic or "-",
        "off by": "-" if lap.difference is None else f"{lap.difference:.1g}",
        "outcome": why,
    }


def _out(name: str, reason: str) -> dict[str, Any]:
    return {"engine": name, "picture ms": "-", "arithmetic": "-", "off by": "-", "outcome": reason}


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _percentiles(values: dict[str, float | None]) -> str:
    known = [f"{value:.1f}" for value in values.values() if value is not None]
    return " / ".join(known) or "-"
