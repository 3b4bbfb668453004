"""Files as fast as they go: everyone, on every network and clip, in interleaved rounds; and the limit of the machine."""

import json
from contextlib import suppress
from typing import Any

import clips
import networks
from common import CORES, HERE, ChildError, Effort, python, say, spread
from contenders import EVERYONE, OURS, PLAIN, Contender, Run, Task
from streamclf.stages import limit_fps

MATRIX = {
    "640x360": ("squeezenet", "mobilenet-v2", "mobilenet-v2-int8", "googlenet", "resnet-50"),
    "1920x1080": ("squeezenet", "mobilenet-v2-int8"),
    "recorded": ("squeezenet",),
}
QUICK = {"640x360": ("squeezenet", "resnet-50"), "1920x1080": ("squeezenet",)}
STAGE_FRAMES = 100


def measure(effort: Effort) -> list[dict[str, Any]]:
    """One entry a network and clip."""
    matrix = QUICK if effort.quick else MATRIX
    return [_task(task(name, clip, effort), effort) for clip, names in matrix.items() for name in names]


def task(network_name: str, clip_name: str, effort: Effort) -> Task:
    """The network and the clip, built if they are not there yet."""
    network = networks.build(network_name)
    clip = clips.REAL if clip_name == "recorded" else clips.build(clip_name)
    most = min(network.frames, clips.SIZES.get(clip_name, network.frames))
    return Task(network, clip_name, clip, effort.of(most))


def _task(task: Task, effort: Effort) -> dict[str, Any]:
    say(f"{task.title}: {task.frames} frames")
    settings = {contender.name: _best_setting(contender, task) for contender in EVERYONE}
    runs: dict[str, list[Run]] = {contender.name: [] for contender in EVERYONE}
    failed: dict[str, str] = {}
    stages = []
    for number in range(effort.rounds):
        stages.append(_stages(task, effort))
        start = number * 4 % len(EVERYONE)  # so that nobody is always first, or always after the same one
        for contender in EVERYONE[start:] + EVERYONE[:start]:
            if contender.name in failed:
                continue
            try:
                runs[contender.name].append(contender.run(task, settings[contender.name]))
            except ChildError as problem:  # out of all rounds, so that those of the others stay paired
                failed[contender.name] = str(problem)
                runs.pop(contender.name)
                say(f"  {problem}")
        say(f"  round {number + 1}: " + "; ".join(f"{name} {each[-1].fps:.0f}" for name, each in runs.items()))
    return {**_summary(task, runs, stages, settings), "failed": failed}


def _best_setting(contender: Contender, task: Task) -> str | None:
    """Of a peer's settings the fastest one here, tried on some frames; for streamclf this is the run that ``auto`` races in."""
    few = max(20, contender.frames(task) // 3)
    if contender.is_ours:
        if contender.engine == "auto":
            with suppress(ChildError):  # too short a run for a rate, but the race is held
                contender.run(task, frames=20)
        return None
    if len(contender.settings) < 2:
        return next(iter(contender.settings), None)
    rates = {}
    for setting in contender.settings:
        try:
            rates[setting] = contender.run(task, setting, few).fps
        except ChildError as problem:
            say(f"  {contender.name}, {setting}: {problem}")
    return max(rates, key=lambda setting: rates[setting]) if rates else contender.settings[0]


def _stages(task: Task, effort: Effort) -> dict[str, Any]:
    engines = [f"{ours.engine}:{ours.precision}" for ours in OURS if ours.engine != "auto"]
    said = python(
        HERE / "stages.py", task.clip, task.network.folder, effort.of(STAGE_FRAMES), *engines, "--side-by-side"
    )
    found: dict[str, Any] = json.loads(said)
    return found


def _summary(
    task: Task, runs: dict[str, list[Run]], stages: list[dict[str, Any]], settings: dict[str, str | None]
) -> dict[str, Any]:
    plain = runs[PLAIN.name]
    entries = []
    for contender in EVERYONE:
        if contender.name not in runs:
            continue
        mine = runs[contender.name]
        # rounds are paired: what the machine did in a round, it did to both
        paired = list(zip(mine, plain, strict=True))
        alike = [ours == theirs for ours, theirs in zip(mine[-1].top1, plain[-1].top1, strict=False)]
        entry = {
            "name": contender.name,
            "ours": contender.is_ours,
            "engine": contender.engine,
            "precision": contender.precision,
            "setting": settings[contender.name],
            "frames": len(mine[-1].top1),
            "fps": spread([run.fps for run in mine]),
            "over_plain": spread([run.fps / other.fps for run, other in paired]),
            "same_top1_as_plain": round(sum(alike) / len(alike), 4),
        }
        if contender.is_ours:
            entry |= {"runs_on": mine[-1].facts} | _share(contender, mine, stages)
        entries.append(entry)
    return {
        "network": task.network.name,
        "title": task.network.title,
        "clip": task.clip_name,
        "stage_ms": _stage_ms(stages),
        "contenders": entries,
    }


def _share(contender: Contender, mine: list[Run], stages: list[dict[str, Any]]) -> dict[str, Any]:
    """What the machine could do at most with the stages alone, and the share of it that was reached; also with the forward passes
    as they are side by side."""
    limits: dict[str, list[float]] = {"forward_s": [], "side_by_side_s": []}
    for run, cost in zip(mine, stages, strict=True):
        engine = run.facts["name"] if contender.engine == "auto" else contender.engine
        for kind, found in limits.items():
            forward_s = cost[kind].get(f"{engine}:{contender.precision}") or cost[kind][f"{engine}:exact"]
            found.append(limit_fps(cost["decode_s"] + cost["fit_s"], forward_s, CORES))
    shares = {
        kind: spread([run.fps / limit for run, limit in zip(mine, found, strict=True)])
        for kind, found in limits.items()
    }
    return {
        "limit_fps": spread(limits["forward_s"]),
        "share_of_limit": shares["forward_s"],
        "share_side_by_side": shares["side_by_side_s"],
    }


def _stage_ms(stages: list[dict[str, Any]]) -> dict[str, Any]:
    def median_ms(values: list[float]) -> float:
        return spread([1e3 * value for value in values])["median"]

    return {
        "decode": median_ms([cost["decode_s"] for cost in stages]),
        "fit": median_ms([cost["fit_s"] for cost in stages]),
        **{
            kind: {name: median_ms([cost[f"{kind}_s"][name] for cost in stages]) for name in stages[0][f"{kind}_s"]}
            for kind in ("forward", "side_by_side")
        },
    }
