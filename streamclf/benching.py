"""What this machine does with a clip and a network: every engine's stages alone, its run from end to end, and the race of ``auto``."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from streamclf.engine import EngineName, EngineWish
from streamclf.errors import ConfigError, EngineError, SourceNotFoundError, StreamclfError
from streamclf.findings import BenchWish, Clip, Findings, Trial
from streamclf.inputs import SYNTHETIC, parse_sources
from streamclf.loading import RUNTIMES, hold_race, make_loader, reference_engine, unusable_engines, usable_engines
from streamclf.machine import processor_name

if TYPE_CHECKING:
    from streamclf.source import SourceInfo
    from streamclf.stages import Reading

RUN_S = 3.0
"""About so long every engine's run shall take, as far as its stages' costs tell."""
LEAST_FRAMES, MOST_FRAMES = 30, 600

Tell = Callable[[str], None]
"""Hears what is done next."""


def clip_of(argument: str | None) -> Path | None:
    """The file that an argument of the command line names; None for the generated clip.

    Raises:
        ConfigError: it is no video file, but something else that streamclf reads.
        SourceNotFoundError: there is no such file.
    """
    if argument is None:
        return None
    (spec,) = parse_sources([argument])
    if spec.kind == "synthetic":
        return None
    if spec.kind != "file":
        raise ConfigError(f"{spec.name}: is no video file; bench measures with one, or without any with {SYNTHETIC}")
    path = Path(spec.paths[0])
    if not path.exists():
        raise SourceNotFoundError(f"{argument}: no such file")
    return path


def engines_of(argument: str) -> tuple[EngineName, ...] | None:
    """``auto`` is None, all that can be used; otherwise names with commas between them. Raises :class:`ConfigError`."""
    names = tuple(dict.fromkeys(name.strip() for name in argument.split(",")))
    if names == ("auto",):
        return None
    for name in names:
        if name not in RUNTIMES:
            raise ConfigError(
                f"--engines {argument!r}: must be auto, or some of {', '.join(RUNTIMES)} with commas between"
            )
    return tuple(name for name in RUNTIMES if name in names)


def begin(wish: BenchWish) -> Findings:
    """What is known before anything is measured.

    Raises:
        UsageError: no engine that was named reads this network.
        EngineError: none that was named is installed, or none at all reads this network.
    """
    from streamclf import __version__

    reference_engine(wish.model)  # which raises where none reads it
    refused = []
    for name in wish.engines or ():
        try:
            make_loader(wish.model, EngineWish(precision=wish.precision, threads=wish.threads), name)
        except StreamclfError as problem:  # said of its trial, beside what the others measured
            refused.append(problem)
    if refused and len(refused) == len(wish.engines or ()):
        raise refused[0]
    return Findings(
        __version__,
        wish.model.card.name,
        wish.precision,
        wish.threads,
        _machine(),
        _versions(),
        unusable_engines(wish.model),
    )


def steps(wish: BenchWish) -> int:
    """How often ``tell`` will be called."""
    return (1 if wish.clip else 2) + 1 + 2 * len(_engines(wish))


def bench(wish: BenchWish, findings: Findings, tell: Tell) -> None:
    """Measure, one thing after the other, and write it into ``findings``. What an engine fails with is in its trial.

    Raises:
        SourceError: the clip cannot be read.
        SinkError: the generated one cannot be written.
    """
    from streamclf.sources.video_file import VideoFileSource
    from streamclf.stages import reading_costs
    from streamclf.trial_clip import write_trial_clip

    with TemporaryDirectory(prefix="streamclf-bench-") as folder:
        path = wish.clip or Path(folder) / "generated.mp4"
        if wish.clip is None:
            tell("drawing and encoding a clip")
            write_trial_clip(path, wish.frames or MOST_FRAMES)
        tell("decoding and fitting alone")
        reading = reading_costs(VideoFileSource(path, path.name, decoder_threads=1), wish.model.card.fit_plan())
        findings.clip = _clip(wish.clip.name if wish.clip else None, reading.info)
        findings.decode_ms, findings.fit_ms = 1e3 * reading.decode_s, 1e3 * reading.fit_s
        tell("the race that --engine auto holds")
        _race(wish, findings)
        for engine in _engines(wish):
            findings.trials.append(trial := Trial(engine))
            try:
                _try(trial, wish, path, reading, findings.machine["processors"], tell)
            except StreamclfError as problem:
                trial.problem = str(problem)


def frames_for(limit_fps: float) -> int:
    """How many frames a run shall have."""
    return min(MOST_FRAMES, max(LEAST_FRAMES, round(RUN_S * limit_fps)))


def _engines(wish: BenchWish) -> Sequence[EngineName]:
    return wish.engines or usable_engines(wish.model)


def _race(wish: BenchWish, findings: Findings) -> None:
    """The one that ``auto`` goes by: remembered, if it was held here before."""
    try:
        engine_wish = EngineWish(precision=wish.precision, threads=wish.threads)
        findings.race = hold_race(wish.model, engine_wish, usable_engines(wish.model), wish.race_anew)
    except StreamclfError as problem:
        findings.race_problem = str(problem)


def _try(trial: Trial, wish: BenchWish, clip: Path, reading: Reading, processors: int, tell: Tell) -> None:
    from streamclf.stages import engine_cost_s, limit_fps

    tell(f"{trial.engine}: forward passes alone")
    forward_s = engine_cost_s(wish.model, trial.engine, wish.precision, reading.pictures)
    limit = limit_fps(reading.decode_s + reading.fit_s, forward_s, processors, wish.threads)
    trial.forward_ms, trial.limit_fps = 1e3 * forward_s, limit
    frames = wish.frames or frames_for(limit)
    tell(f"{trial.engine}: a run of up to {frames} frames")
    report = _run_alone(wish, trial.engine, clip, frames)
    for name in ("version", "arithmetic", "lanes", "threads"):
        setattr(trial, name, report["engine"][name])
    (stream,) = report["streams"].values()
    trial.frames, trial.rate_fps = stream["classified"], report["rates_fps"]["classify"]
    trial.share = None if trial.rate_fps is None else trial.rate_fps / limit
    trial.latency_ms, trial.peak_memory_mb = report["latency_ms"], report["peak_memory_mb"]


def _run_alone(wish: BenchWish, engine: EngineName, clip: Path, frames: int) -> dict[str, Any]:
    """The report of a ``streamclf run`` in a process of its own: its memory is its own, and no other engine's library is in it."""
    options = ["--model", wish.model_name, "--engine", engine, "--precision", wish.precision]
    options += ["--max-frames", str(frames), "--no-display", "--report", "-"]
    options += [] if wish.threads is None else ["--threads", str(wish.threads)]
    # -P, so that nothing in the working folder is taken for a library; then streamclf's own folder has to be named
    package = str(Path(__file__).resolve().parents[1])
    paths = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(
        # absolute, since a name may begin with a dash
        [sys.executable, "-P", "-m", "streamclf", "run", str(clip.absolute()), *options],
        env={**os.environ, "PYTHONPATH": paths},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    )
    with process:
        try:
            output, said = process.communicate()
        except BaseException:  # Ctrl-C, or a signal to end: it has nothing to put in order
            process.kill()
            process.wait()
            raise
    if process.returncode:
        raise EngineError(_why(process.returncode, said))
    report: dict[str, Any] = json.loads(output)
    return report


def _why(code: int, said: str) -> str:
    """What a failed run said of it, in a sentence."""
    mark = "streamclf: error: "
    sentences = [line.removeprefix(mark) for line in said.splitlines() if line.startswith(mark)]
    if sentences:
        return sentences[0]
    killed = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    return f"its run ended without a word ({killed})"


def _clip(name: str | None, info: SourceInfo) -> Clip:
    rate = info.declared_rate
    return Clip(name, info.description, info.size_wh, float(rate) if rate else None, info.frame_count)


def _machine() -> dict[str, Any]:
    from streamclf.proof import usable_cpus

    sixteen_bits = None
    if RUNTIMES["openvino"].is_installed:
        with suppress(ImportError, RuntimeError):
            from streamclf.engines.openvino import sixteen_bits as ask

            sixteen_bits = ask() or "none"
    return {
        "processor": processor_name(),
        "processors": usable_cpus(),
        "system": f"{platform.system()} {platform.machine()}",
        "sixteen_bits": sixteen_bits,
        # what others do meanwhile is why a rate may be low
        "load_before": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
    }


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version(), "pyav": importlib.metadata.version("av")}
    for name, runtime in RUNTIMES.items():
        if runtime.version is not None:
            versions[name] = runtime.version
    return versions
