"""What a run costs before and beside its work: the time to the first label and to the help, memory, and the bundled network."""

import json
import signal
import subprocess
import sys
import time
from typing import Any

import throughput
from common import CACHE, ENVIRONMENT, HERE, Effort, python, say, spread

ENGINES = ("auto", "openvino", "onnxruntime", "opencv")


def start(effort: Effort) -> dict[str, Any]:
    """Seconds from ``streamclf run`` to its first row, SqueezeNet, the race already held; and ``--help`` beside a minimal one."""
    task = throughput.task("squeezenet", "640x360", effort)
    first = []
    for engine in ENGINES:
        seconds = [_first_row_s(task, engine) for _ in range(2 * effort.rounds + 1)][1:]  # the first one holds the race
        say(f"first label, {engine}: {min(seconds):.2f} s")
        first.append({"engine": engine, "first_row_s": spread(seconds)})
    return {"first_label": first, "help_over_minimal": _help(effort)}


def _first_row_s(task: throughput.Task, engine: str) -> float:
    options = ("--model", task.network.folder, "--engine", engine, "--no-display", "--results", "-")
    words = [sys.executable, "-m", "streamclf", "run", str(task.clip), *map(str, options)]
    started = time.perf_counter()
    run = subprocess.Popen(words, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert run.stdout is not None
    line = run.stdout.readline()
    seconds = time.perf_counter() - started
    run.send_signal(signal.SIGTERM)
    run.stdout.close()
    run.wait(30)
    if not line.startswith(b"{"):
        raise RuntimeError(f"{' '.join(words)}: printed {line!r} instead of a row")
    return seconds


def _help(effort: Effort) -> dict[str, float]:
    ratios = []
    for _ in range(effort.rounds * 2):
        seconds = []
        for arguments in ((HERE / "minimal_cli.py", "--help"), ("-m", "streamclf", "--help")):
            started = time.perf_counter()
            python(*arguments)
            seconds.append(time.perf_counter() - started)
        ratios.append(seconds[1] / seconds[0])
    return spread(ratios)


def memory(effort: Effort) -> list[dict[str, Any]]:
    """Most resident memory (MB) of a headless run: one 1080p source played live, SqueezeNet, rows written."""
    task = throughput.task("squeezenet", "1920x1080", effort)
    found = []
    for engine in ENGINES:
        options = ("--model", task.network.folder, "--engine", engine, "--realtime", "--max-frames", effort.of(150))
        outputs = ("--no-display", "--overwrite", "--results", CACHE / "rows.jsonl", "--report", "-")
        report = json.loads(python("-m", "streamclf", "run", task.clip, *options, *outputs))
        peak_mb = round(report["peak_memory_mb"])
        found.append({"engine": engine, "runs_on": report["engine"]["name"], "peak_mb": peak_mb})
        say(f"memory, {engine}: {found[-1]['peak_mb']} MB")
    return found


def framecheck(effort: Effort) -> dict[str, Any]:
    """The bundled network on 1080p frames, one thread, OpenCV, beside SqueezeNet's forward pass in the same rounds."""
    task = throughput.task("squeezenet", "1920x1080", effort)
    rows = []
    for _ in range(effort.rounds):
        costs = [
            json.loads(python(HERE / "stages.py", task.clip, name, 60, "opencv:exact"))
            for name in ("framecheck", task.network.folder)
        ]
        fit_s, forward_s = costs[0]["fit_s"], costs[0]["forward_s"]["opencv:exact"]
        other_s = costs[1]["forward_s"]["opencv:exact"]
        rows.append((1e3 * fit_s, 1e3 * forward_s, 1e3 * (fit_s + forward_s), (fit_s + forward_s) / other_s))
    keys = ("fit_ms", "forward_ms", "total_ms", "over_squeezenet_forward")
    return {key: spread(values) for key, values in zip(keys, zip(*rows, strict=True), strict=True)}
