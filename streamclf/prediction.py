"""What the network said of a frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from streamclf.frame import Frame

BoxLayout: TypeAlias = Literal["ssd", "yolo_regions", "nanodet"]
"""How a detector writes its boxes (``vision/detection.py`` reads them)."""

UNKNOWN = "unknown"
"""The label where no class can be claimed: nothing is probable enough, or nothing was found."""


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class and how probable it is, ``probability`` in [0, 1]. ``class_id`` is -1 for "unknown"."""

    class_id: int
    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Box:
    """One detected object: ``box_xyxy`` is its left, top, right and bottom in pixels of the frame, within it."""

    class_id: int
    label: str
    probability: float
    box_xyxy: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds: waiting in the queue, the forward pass, capture to result."""

    queue_ms: float
    infer_ms: float
    total_ms: float


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """The answer for one frame.

    A detector's answer is its ``boxes``. What is said of classes follows from them, so that thresholds and smoothing mean the same:
    the probability of a class is that of its best box, 0 without one.
    """

    frame: Frame
    scores: tuple[ClassScore, ...]
    """The best classes, best first; never empty for a classifier. A detector's are those that have a box."""
    probabilities: npt.NDArray[np.float32] = field(repr=False)
    """(classes,) float32, all of them, read-only."""
    model: str
    boxes: tuple[Box, ...] | None = None
    """Best first; None where the network only classifies."""
    steady: ClassScore | None = None
    """The smoothed answer; None where there is no time to smooth over (pictures)."""
    latency: Latency | None = None
    engine: str = ""
    """What computed it, and in which arithmetic: "openvino bfloat16"."""

    @property
    def top(self) -> ClassScore:
        """The raw best class of this frame, whatever its probability; "unknown" where a detector found nothing."""
        return self.scores[0] if self.scores else ClassScore(-1, UNKNOWN, 0.0)
