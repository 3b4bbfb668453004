"""What a row says of a frame, for JSON lines and CSV alike, and the file that rows are appended to."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from streamclf.prediction import Box, ClassScore, Prediction
from streamclf.sink import Result
from streamclf.sinks._output import open_output

FLUSH_S = 1.0
"""Rows reach the disk at least this often."""
_FLUSH_BYTES = 1 << 16


def row(result: Result) -> dict[str, Any]:
    """The row of one result, fields in their order. Nothing in it depends on when a recorded source was read.

    A detector's rows also have ``boxes``; a classifier's have no such field.
    """
    prediction, frame = result.prediction, result.prediction.frame
    latency = prediction.latency if result.is_live else None
    return {
        "stream": frame.stream,
        "origin": frame.origin,
        "index": frame.index,
        "pts_s": None if frame.pts_s is None else round(frame.pts_s, 6),
        "captured_at": result.captured_at if result.is_live else None,
        "model": prediction.model,
        "engine": prediction.engine,
        "label": prediction.top.label,
        "class_id": prediction.top.class_id,
        "probability": _probability(prediction.top),
        "steady": None
        if prediction.steady is None
        else {"label": prediction.steady.label, "probability": _probability(prediction.steady)},
        **answer(prediction),
        "latency_ms": None
        if latency is None
        else {
            "queue": round(latency.queue_ms, 3),
            "infer": round(latency.infer_ms, 3),
            "total": round(latency.total_ms, 3),
        },
    }


def answer(prediction: Prediction) -> dict[str, list[dict[str, Any]]]:
    """The best classes as ``top``, and a detector's ``boxes``, corners in pixels of the frame to a tenth; both best first."""
    found: dict[str, list[dict[str, Any]]] = {"top": [_class(score) for score in prediction.scores]}
    if prediction.boxes is not None:
        found["boxes"] = [
            {**_class(box), "box_xyxy": [round(float(side), 1) for side in box.box_xyxy]} for box in prediction.boxes
        ]
    return found


def _class(score: ClassScore | Box) -> dict[str, Any]:
    return {"class_id": score.class_id, "label": score.label, "probability": _probability(score)}


def _probability(score: ClassScore | Box) -> float:
    return round(float(score.probability), 5)


class RowFile:
    """Appends whole rows to a file: at least every second they are on the disk, and a full disk leaves no half row."""

    def __init__(self, path: Path, overwrite: bool, clock: Callable[[], float] = time.monotonic):
        self._file = open_output(path, overwrite)
        self._clock, self._flushed_s = clock, clock()
        self._waiting: list[bytes] = []
        self._waiting_bytes = self._size = self._synced = 0
        self._closed = False

    def append(self, line: str) -> None:
        """One row, with its line end. Text that is no Unicode (a file's odd name) is escaped as JSON would."""
        data = line.encode("utf-8", "backslashreplace")
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes >= _FLUSH_BYTES:
            self._write()

    def tick(self) -> None:
        """To the disk, if a second has passed."""
        now = self._clock()
        if now - self._flushed_s >= FLUSH_S:
            self._flushed_s = now
            self._write()
            if self._size > self._synced:
                self._file.sync()
                self._synced = self._size

    def close(self) -> None:
        """Everything to the disk. Idempotent."""
        if self._closed:
            return
        self._closed = True
        try:
            if not self._file.failed:
                self._write()
                self._file.sync()
        finally:
            self._file.close()

    def _write(self) -> None:
        data = b"".join(self._waiting)
        self._waiting.clear()
        self._waiting_bytes = 0
        try:
            if data:
                self._file.write(data)
        except OSError:
            fitted = data[: max(0, self._file.tell() - self._size)]
            self._file.cut(self._size + fitted.rfind(b"\n") + 1)  # the whole rows that found room stay
            raise
        self._size += len(data)
