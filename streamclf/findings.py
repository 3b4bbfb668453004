"""What ``streamclf bench`` is asked for, and what it found out so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamclf.engine import EngineName, Precision

if TYPE_CHECKING:
    from streamclf.catalogue.find import ResolvedModel
    from streamclf.race import Race


@dataclass(frozen=True, slots=True)
class BenchWish:
    """What is to be measured. ``model_name`` is what the user called ``model``; ``engines``: None is all that can be used."""

    model: ResolvedModel
    model_name: str
    clip: Path | None = None
    """None: a generated one."""
    engines: tuple[EngineName, ...] | None = None
    precision: Precision = "exact"
    threads: int | None = None
    frames: int | None = None
    """None: as many as about three seconds take."""
    race_anew: bool = False
    """Hold the race of ``--engine auto`` once more, also if its outcome is remembered."""


@dataclass(frozen=True, slots=True)
class Clip:
    """What was read. ``name`` None: the generated one."""

    name: str | None
    description: str
    size_wh: tuple[int, int] | None
    rate_fps: float | None
    frames: int | None
    """As the container says; None where it does not."""


@dataclass(slots=True)
class Trial:
    """One engine's numbers. Where ``problem`` says why there are no more of them, those from there on are None."""

    engine: EngineName
    problem: str | None = None
    forward_ms: float | None = None
    """Processor time of one picture on one thread, alone."""
    limit_fps: float | None = None
    version: str | None = None
    arithmetic: str | None = None
    lanes: int | None = None
    threads: int | None = None
    frames: int | None = None
    rate_fps: float | None = None
    """From end to end; None also where the run was too short for a rate."""
    share: float | None = None
    """Of the limit."""
    latency_ms: dict[str, dict[str, float | None]] | None = None
    peak_memory_mb: float | None = None


@dataclass(slots=True)
class Findings:
    """Everything that is known so far; grows while the measuring goes on."""

    streamclf: str
    model: str
    precision: Precision
    wished_threads: int | None
    machine: dict[str, Any]
    versions: dict[str, str]
    unusable: dict[EngineName, str]
    """Engines that cannot run this network here, and why."""
    clip: Clip | None = None
    decode_ms: float | None = None
    fit_ms: float | None = None
    race: Race | None = None
    race_problem: str | None = None
    trials: list[Trial] = field(default_factory=list)
    stopped: bool = False
