"""What this machine and a network can really do: usable processors, batch sizes proven by their answers, speeds measured."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from streamclf.errors import EngineError

Batch: TypeAlias = npt.NDArray[np.uint8]
Rows: TypeAlias = npt.NDArray[np.floating[Any]]
Run: TypeAlias = Callable[[Batch], Sequence[Rows]]
"""Fitted pictures (N, H, W, C) to each one's numbers: rows (N, numbers), or N of differing lengths; raises EngineError."""

BATCH_SIZES = (1, 2, 4)
"""What is tried at load: each change of the size costs a re-planning, and beyond 4 nothing is gained."""
TOLERANCE = 1e-4
"""Two answers agree if no number differs by more than this part of the largest one."""
WORTH_IT = 0.95
"""A larger batch is taken if it needs at most this part of the time a picture."""
SLOW_MS = 100.0
"""A network slower than this is not timed: the start would take long, and batching gains it next to nothing."""


@dataclass(frozen=True, slots=True)
class Proof:
    """``batch_sizes`` give the answers of single pictures; ``best_batch`` is the fastest a picture among the bitwise equal ones."""

    batch_sizes: tuple[int, ...]
    best_batch: int


def prove_batches(run: Run, picture_sets: Sequence[Batch], sizes: Sequence[int], timed: bool = True) -> Proof:
    """Compare every size of ``sizes`` with single pictures, on each set of differing pictures (count, H, W, C).

    A size that raises, loses a picture or answers differently is left out; size 1 has to work. The first set is timed, unless
    ``timed`` is False: then 1 is the best.
    """
    alone = [[run(picture[None])[0] for picture in pictures] for pictures in picture_sets]
    proven, exact = [1], [1]
    for size in sorted(set(sizes) - {1}):
        try:
            together = [run(pictures[:size]) for pictures in picture_sets]
        except EngineError:
            continue
        pairs = [
            pair for rows, singles in zip(together, alone, strict=True) for pair in zip(rows, singles, strict=False)
        ]
        if len(pairs) == size * len(picture_sets) and all(agree(row, single) for row, single in pairs):
            proven.append(size)
            if all(np.array_equal(row, single) for row, single in pairs):
                exact.append(size)
    return Proof(tuple(proven), _fastest(run, picture_sets[0], exact) if timed else 1)


def agree(rows: Rows, others: Rows, tolerance: float = TOLERANCE) -> bool:
    """Whether two answers are the same but for rounding."""
    if rows.shape != others.shape:
        return False
    return bool(np.abs(rows - others).max(initial=0) <= tolerance * np.abs(others).max(initial=0))


def picture_ms(run: Run, batch: Batch, repeats: int = 3) -> float:
    """Milliseconds a picture, the best of ``repeats`` after one to warm up (a new batch size is planned anew)."""
    run(batch)
    spans = []
    for _ in range(repeats):
        started = time.perf_counter()
        run(batch)
        spans.append(time.perf_counter() - started)
    return min(spans) * 1e3 / len(batch)


def probe_pictures(count: int, size_wh: tuple[int, int], channels: int) -> Batch:
    """``count`` differing pictures (count, h, w, channels) of coloured blocks, the same ones every time."""
    width, height = size_wh
    blocks = np.random.default_rng(0).integers(0, 256, (count, 7, 7, channels), dtype=np.uint8)
    rows, columns = np.arange(height) * 7 // height, np.arange(width) * 7 // width
    return np.ascontiguousarray(blocks[:, rows][:, :, columns])


def usable_cpus(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Processors this process may use: its affinity, and the share its container allows; at least 1."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = _container_cpus(cgroup)
    return count if share is None else max(1, min(count, int(share)))


def _fastest(run: Run, pictures: Batch, sizes: Sequence[int]) -> int:
    if len(sizes) == 1 or picture_ms(run, pictures[:1]) > SLOW_MS:
        return 1
    best = 1
    for size in sizes[1:]:
        # Twice, because a single measurement may be slow by the fault of another program.
        if all(picture_ms(run, pictures[:size]) <= WORTH_IT * picture_ms(run, pictures[:best]) for _ in range(2)):
            best = size
    return best


def _container_cpus(root: Path) -> float | None:
    """The processor quota of the control group (both versions); None without one."""
    try:
        quota, period = (root / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota, period = ((root / "cpu" / f"cpu.cfs_{part}_us").read_text() for part in ("quota", "period"))
        except OSError:
            return None
    try:
        return float(quota) / float(period) if float(quota) > 0 else None
    except (ValueError, ZeroDivisionError):
        return None  # "max": no quota
