"""The final report: what a run did, in numbers a program can read. The terminal's summary shows the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamclf.engine import EngineInfo
from streamclf.machine import peak_memory_mb
from streamclf.stats import DROP_CAUSES, RunStats, Stage


def make_report(stats: RunStats, engine: EngineInfo, failure: BaseException | None = None) -> dict[str, Any]:
    """The report's dictionary, ready for JSON. A ``failure`` of the network or an output is the error of each stream it ended.

    Rates are frames between the first and the last finished one; None where these are too close for a rate. The memory is that of
    the whole process at its peak; None where the system does not say it.
    """
    memory_mb = peak_memory_mb()
    return {
        "streams": {
            name: {
                "captured": stream.captured,
                "classified": stream.classified,
                "dropped": {cause: stream.dropped.get(cause, 0) for cause in DROP_CAUSES},
                "corrupt": stream.corrupt,
                "ended": stream.ended,
                "error": stream.error or (str(failure) if failure is not None and stream.ended == "failed" else None),
                "rates_fps": _rounded(stream.overall_fps),
            }
            for name, stream in stats.streams.items()
        },
        "rates_fps": _rounded(stats.overall_fps),
        "latency_ms": {name: dict(values) for name, values in stats.latency_ms.items()},
        "engine": {
            "name": engine.name,
            "version": engine.version,
            "requested_target": engine.requested_target,
            "effective_target": engine.effective_target,
            "requested_precision": engine.requested_precision,
            "arithmetic": engine.arithmetic,
            "batch_sizes": list(engine.batch_sizes),
            "threads": engine.threads,
            "lanes": engine.lanes,
        },
        "elapsed_s": round(stats.elapsed_s, 3),
        "peak_queue_mb": round(stats.peak_queue_mb, 3),
        "peak_memory_mb": None if memory_mb is None else round(memory_mb, 1),
    }


def _rounded(rates: Mapping[Stage, float | None]) -> dict[str, float | None]:
    return {stage: None if rate is None else round(rate, 2) for stage, rate in rates.items()}
