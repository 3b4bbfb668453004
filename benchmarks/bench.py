"""Measure what must hold, side by side in one run; writes results/bench.json and results/bench.md.

Usage: bench.py [--rounds N] [--frames N]. Needs ffmpeg, and the test assets for SqueezeNet.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
ASSETS = Path(os.environ.get("STREAMCLF_TEST_ASSETS") or REPOSITORY.parent / "shared")
MIRROR = ASSETS / "mirror"
MODEL = "squeezenet-1.0-dc"
SIZES = ("640x360", "1920x1080")
LIMITS = {"640x360": 0.95, "1920x1080": 0.90}
ENVIRONMENT = {
    **os.environ,
    "STREAMCLF_MODELS": str(REPOSITORY / "tests" / "cards"),
    "STREAMCLF_MIRROR": str(MIRROR),
    "OPENCV_LOG_LEVEL": "ERROR",
}


def python(*arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        env=ENVIRONMENT,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return done.stdout


def make_clip(folder: Path, size: str, frames: int) -> Path:
    """A moving, detailed H.264 clip at 30 fps."""
    clip = folder / f"{size}.mp4"
    source = f"mandelbrot=size={size}:rate=30:start_scale=2:end_scale=0.05"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-frames:v", str(frames), "-c:v", "libx264"]
    subprocess.run([*command, "-preset", "fast", "-crf", "23", "-pix_fmt", "yuv420p", str(clip)], check=True)
    return clip


def ours(clip: Path) -> dict[str, Any]:
    """``streamclf run`` as a user runs it, with rows; its own report."""
    rows = clip.with_suffix(".jsonl")
    report = python(
        "-m",
        "streamclf",
        "run",
        clip,
        "--model",
        MODEL,
        "--no-display",
        "--results",
        rows,
        "--overwrite",
        "--report",
        "-",
    )
    return json.loads(report)


def throughput(folder: Path, size: str, rounds: int, frames: int) -> dict[str, Any]:
    clip = make_clip(folder, size, frames)
    cores = len(os.sched_getaffinity(0))
    plain_rates, our_rates, limits, shares, ratios, stages = [], [], [], [], [], []
    for _ in range(rounds):
        cost = json.loads(python(HERE / "stages.py", clip, MODEL, min(frames, 150)))
        plain = json.loads(
            python(
                HERE / "plain_loop.py",
                clip,
                MIRROR / "squeezenet_v1.0_dc.prototxt",
                MIRROR / "squeezenet_v1.0_dc.caffemodel",
                frames,
            )
        )["fps"]
        our = ours(clip)["rates_fps"]["classify"]
        limit = cores / sum(cost.values())
        stages.append(cost)
        limits.append(limit)
        plain_rates.append(plain)
        our_rates.append(our)
        shares.append(our / limit)
        ratios.append(our / plain)
    return {
        "size": size,
        "stage_ms": {name: round(1e3 * statistics.median(s[name] for s in stages), 2) for name in stages[0]},
        "limit_fps": spread(limits),
        "plain_loop_fps": spread(plain_rates),
        "streamclf_fps": spread(our_rates),
        "share_of_limit": spread(shares),
        "share_wanted": LIMITS[size],
        "over_plain_loop": spread(ratios),
    }


def spread(values: list[float]) -> dict[str, float]:
    return {"median": round(statistics.median(values), 3), "min": round(min(values), 3), "max": round(max(values), 3)}


def framecheck(folder: Path, rounds: int) -> dict[str, Any]:
    """The bundled network on 1080p frames, one thread, beside SqueezeNet's forward pass in the same rounds."""
    clip = folder / "1920x1080.mp4"
    rows = []
    for _ in range(rounds):
        of = {name: json.loads(python(HERE / "stages.py", clip, name, 60)) for name in ("framecheck", MODEL)}
        ours, other = of["framecheck"], of[MODEL]
        total_s = ours["fit_s"] + ours["forward_s"]
        rows.append((1e3 * ours["fit_s"], 1e3 * ours["forward_s"], 1e3 * total_s, total_s / other["forward_s"]))
    keys = ("fit_ms", "forward_ms", "total_ms", "over_squeezenet_forward")
    return {key: spread(list(values)) for key, values in zip(keys, zip(*rows, strict=True), strict=True)} | {
        "wanted_ms": 4
    }


def memory(folder: Path) -> dict[str, Any]:
    """Peak resident memory of a 1080p live source with SqueezeNet, headless."""
    clip = folder / "1920x1080.mp4"
    code = (
        "import sys, resource, runpy; sys.argv[0] = 'streamclf'\n"
        "try: runpy.run_module('streamclf', run_name='__main__')\n"
        "finally: print('peak', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    )
    text = python(
        "-c",
        code,
        "run",
        clip,
        "--realtime",
        "--model",
        MODEL,
        "--no-display",
        "--results",
        folder / "live.jsonl",
        "--report",
        folder / "live.json",
    )
    return {"peak_resident_mb": int(text.split()[-1]), "wanted_mb": 250}


def help_time(rounds: int) -> dict[str, Any]:
    """``streamclf --help`` against a minimal typer + pydantic program."""
    import time

    ratios = []
    for _ in range(rounds * 2):
        times = []
        for arguments in ((HERE / "minimal_cli.py", "--help"), ("-m", "streamclf", "--help")):
            started = time.perf_counter()
            python(*arguments)
            times.append(time.perf_counter() - started)
        ratios.append(times[1] / times[0])
    return {"ratio": spread(ratios), "wanted": 1.5}


def machine() -> dict[str, Any]:
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "",
    )
    versions = python(
        "-c",
        "import cv2, av, sys, numpy; print(cv2.__version__, av.__version__, numpy.__version__, sys.version.split()[0])",
    ).split()
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.machine(),
        **dict(zip(("opencv", "pyav", "numpy", "python"), versions, strict=True)),
    }


def markdown(results: dict[str, Any]) -> str:
    lines = [
        "# Measured",
        "",
        "Machine: " + ", ".join(f"{key} {value}" for key, value in results["machine"].items()),
        "",
    ]
    lines += [
        "## Files, SqueezeNet 1.0, cv2.dnn",
        "",
        "| clip | decode + fit + forward, ms CPU | limit fps | plain loop fps | streamclf fps | share of limit (wanted) | over plain loop |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in results["throughput"]:
        stage = row["stage_ms"]
        lines.append(
            f"| {row['size']} | {' + '.join(str(value) for value in stage.values())} | {show(row['limit_fps'])} | {show(row['plain_loop_fps'])} "
            f"| {show(row['streamclf_fps'])} | {show(row['share_of_limit'])} ({row['share_wanted']}) | {show(row['over_plain_loop'])} |"
        )
    lines += [
        "",
        "Medians (minimum to maximum) of interleaved rounds.",
        "",
        "## Live, scripted: 30 fps 1080p sources, one picture per 70 ms forward pass",
        "",
    ]
    lines += [
        "| sources | captured | classified | dropped | conserved | oldest at forward, in forward passes (wanted < 2) | share of each, min to max of the mean | growth MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in results["overload"]:
        lines.append(
            f"| {row['sources']} | {row['captured']} | {row['classified']} | {row['dropped']} | {row['conserved']} | {row['age_in_forward_passes_max']:.2f} "
            f"| {row['share_min_over_mean']:.3f} to {row['share_max_over_mean']:.3f} | {row['memory_growth_second_half_mb']:.1f} |"
        )
    own = results["framecheck"]
    lines += [
        "",
        "## framecheck, one 1080p frame on one thread",
        "",
        f"Fit {show(own['fit_ms'])} ms, forward pass {show(own['forward_ms'])} ms, together {show(own['total_ms'])} ms "
        f"(wanted at most {own['wanted_ms']}), {show(own['over_squeezenet_forward'])} of SqueezeNet's forward pass.",
    ]
    lines += [
        "",
        f"Resident memory, one 1080p live source with SqueezeNet: {results['memory']['peak_resident_mb']} MB (wanted at most {results['memory']['wanted_mb']}).",
    ]
    lines += [
        "",
        f"`streamclf --help` against a minimal typer + pydantic program: {show(results['help_time']['ratio'])} (wanted at most {results['help_time']['wanted']}).",
    ]
    return "\n".join(lines) + "\n"


def show(values: dict[str, float]) -> str:
    return f"{values['median']:.2f} ({values['min']:.2f} to {values['max']:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=400)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = {
            "machine": machine(),
            "throughput": [throughput(Path(folder), size, options.rounds, options.frames) for size in SIZES],
            "overload": [json.loads(python(HERE / "overload.py", sources, 15)) for sources in (1, 4)],
            "framecheck": framecheck(Path(folder), options.rounds),
            "memory": memory(Path(folder)),
            "help_time": help_time(options.rounds),
        }
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "bench.json").write_text(json.dumps(results, indent=2) + "\n")
    (HERE / "results" / "bench.md").write_text(markdown(results))
    print(markdown(results))


if __name__ == "__main__":
    main()
