"""The rows as a flat table with a header."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from streamclf.sink import Result
from streamclf.sinks._rows import RowFile, row
from streamclf.stats import RunStats


class CsvSink:
    """Rows as CSV (UTF-8, comma, quotes where needed, line end LF); what JSON says null is an empty cell.

    The columns of the best classes (``top1_label`` ...) are as many as the first row has; the header comes with it. A detector's
    rows have none of them, as their number changes from frame to frame, but how many ``boxes`` there are; all of them, with their
    places, are in JSON lines only.
    """

    needs_picture = False
    wants_stop = False

    def __init__(self, path: Path, overwrite: bool = False, clock: Callable[[], float] = time.monotonic):
        self._rows = RowFile(path, overwrite, clock)
        self._columns: list[str] = []

    def write(self, result: Result) -> None:
        """One row."""
        cells = flat(row(result))
        if not self._columns:
            self._columns = list(cells)
            self._append(self._columns)
        self._append([cells.get(name) for name in self._columns])

    def tick(self, stats: RunStats) -> None:
        """Flush at least every second."""
        self._rows.tick()

    def close(self) -> None:
        """Everything written; idempotent."""
        self._rows.close()

    def _append(self, cells: list[Any]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(cells)
        self._rows.append(text.getvalue())


def flat(row: dict[str, Any]) -> dict[str, Any]:
    """A row without nesting: ``steady_label``, ``top1_class_id`` ..., ``latency_queue_ms`` ..., or the number of ``boxes``."""
    cells = {name: value for name, value in row.items() if name not in ("steady", "top", "boxes", "latency_ms")}
    steady, latency = row["steady"] or {}, row["latency_ms"] or {}
    cells |= {f"steady_{name}": steady.get(name) for name in ("label", "probability")}
    cells |= {f"latency_{name}_ms": latency.get(name) for name in ("queue", "infer", "total")}
    if "boxes" in row:
        return cells | {"boxes": len(row["boxes"])}
    for rank, score in enumerate(row["top"], 1):
        cells |= {f"top{rank}_{name}": value for name, value in score.items()}
    return cells
