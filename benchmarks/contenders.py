"""Who takes part: streamclf with each engine, and its peers; how one of them is run once."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common import CACHE, HERE, ChildError, python
from networks import Network

OPENCV_SHARE = 1 / 4
"""OpenCV's own engine is several times slower: it gets that share of the frames, so that a round has an end."""


@dataclass(frozen=True)
class Task:
    """One network on one clip. ``frames`` are those of the fast engines."""

    network: Network
    clip_name: str
    clip: Path
    frames: int

    @property
    def title(self) -> str:
        return f"{self.network.title}, {self.clip_name}"


@dataclass(frozen=True)
class Run:
    """What came of one run. ``top1``: the class of each frame, in order."""

    fps: float
    top1: list[int]
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Contender:
    """``engine`` and ``precision`` say with whom it can be compared; ``script`` is a peer's, which is tried with ``settings``."""

    name: str
    engine: str
    precision: str
    script: str | None = None
    settings: tuple[str, ...] = ()

    @property
    def is_ours(self) -> bool:
        return self.script is None

    def frames(self, task: Task) -> int:
        """How many of the task's frames it gets."""
        return max(20, round(task.frames * OPENCV_SHARE)) if self.engine == "opencv" else task.frames

    def run(self, task: Task, setting: str | None = None, frames: int | None = None) -> Run:
        """Raises ChildError."""
        count = frames or self.frames(task)
        if self.script is None:
            return _ours(self, task, count)
        arguments = (task.clip, task.network.onnx, task.network.spec, count, *([setting] if setting else []))
        said = json.loads(python(HERE / "peers" / self.script, *arguments))
        return Run(said["fps"], said["top1"])


def _ours(contender: Contender, task: Task, frames: int) -> Run:
    """``streamclf run`` as a user runs it, with rows; the rate is its own report's."""
    rows = CACHE / "rows.jsonl"
    options = ("--model", task.network.folder, "--engine", contender.engine, "--precision", contender.precision)
    outputs = ("--no-display", "--results", rows, "--overwrite", "--report", "-", "--max-frames", frames)
    report = json.loads(python("-m", "streamclf", "run", task.clip, *options, *outputs))
    engine, fps = report["engine"], report["rates_fps"]["sink"]
    if fps is None:
        raise ChildError(f"{contender.name}: {frames} frames are too short a run for a rate")
    facts = {key: engine.get(key) for key in ("name", "arithmetic", "threads", "lanes", "batch_sizes")}
    top1 = [json.loads(line)["class_id"] for line in rows.read_text().splitlines()]
    return Run(fps, top1, facts)


ONNX_RUNTIME_SETTINGS = ("default", "all-cores", "no-spinning")
OPENVINO_EXACT = ("f32", "f32+graph-resize")
OPENVINO_FAST = ("default", "default+graph-resize")

OURS = (
    Contender("streamclf, auto, fast", "auto", "fast"),
    Contender("streamclf, auto", "auto", "exact"),
    Contender("streamclf, OpenVINO, fast", "openvino", "fast"),
    Contender("streamclf, OpenVINO", "openvino", "exact"),
    Contender("streamclf, ONNX Runtime", "onnxruntime", "exact"),
    Contender("streamclf, OpenCV", "opencv", "exact"),
)
PLAIN = Contender("plain loop, OpenCV", "opencv", "exact", "opencv_loop.py")
PEERS = (
    Contender("OpenVINO AsyncInferQueue", "openvino", "fast", "openvino_async.py", OPENVINO_FAST),
    Contender("OpenVINO AsyncInferQueue, f32", "openvino", "exact", "openvino_async.py", OPENVINO_EXACT),
    Contender("plain loop, OpenVINO", "openvino", "fast", "openvino_loop.py", OPENVINO_FAST),
    Contender("plain loop, OpenVINO, f32", "openvino", "exact", "openvino_loop.py", OPENVINO_EXACT),
    Contender("plain loop, ONNX Runtime", "onnxruntime", "exact", "onnxruntime_loop.py", ONNX_RUNTIME_SETTINGS),
    Contender("supervision, ONNX Runtime", "onnxruntime", "exact", "supervision_frames.py", ONNX_RUNTIME_SETTINGS),
    Contender("threads and queues, OpenCV", "opencv", "exact", "opencv_threads.py"),
    Contender("imutils FileVideoStream, OpenCV", "opencv", "exact", "imutils_file.py", ("queue", "transform")),
    PLAIN,
)
EVERYONE = OURS + PEERS
