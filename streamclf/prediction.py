"""What the network said of a frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from streamclf.frame import Frame

UNKNOWN = "unknown"
"""The steady label while nothing is probable enough."""


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class and how probable it is, ``probability`` in [0, 1]. ``class_id`` is -1 for "unknown"."""

    class_id: int
    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Box:
    """One detected object: ``box_xyxy`` in pixels of the frame."""

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
    """The answer for one frame. ``scores`` are best first and never empty for a classifier."""

    frame: Frame
    scores: tuple[ClassScore, ...]
    probabilities: npt.NDArray[np.float32] = field(repr=False)
    """(classes,) float32, all of them, read-only."""
    model: str
    boxes: tuple[Box, ...] = ()
    steady: ClassScore | None = None
    """The smoothed answer; None where there is no time to smooth over (pictures)."""
    latency: Latency | None = None

    @property
    def top(self) -> ClassScore:
        """The raw best class of this frame, whatever its probability."""
        return self.scores[0]
