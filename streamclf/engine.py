"""The seam to whatever runs a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from streamclf.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatArray: TypeAlias = npt.NDArray[np.float32]

EngineName: TypeAlias = Literal["opencv", "onnxruntime", "openvino", "litert"]
EngineChoice: TypeAlias = Literal["auto", EngineName]
Target: TypeAlias = Literal["cpu", "opencl", "opencl-fp16"]
Precision: TypeAlias = Literal["exact", "fast"]
"""``exact``: float32, and an int8 network as it is. ``fast`` also allows 16 bits."""
Arithmetic: TypeAlias = Literal["float32", "bfloat16", "float16", "int8"]


@dataclass(frozen=True, slots=True)
class EngineWish:
    """What is asked of an engine; what it really does is in its :class:`EngineInfo`. Raises UsageError for numbers below 1."""

    target: Target = "cpu"
    precision: Precision = "exact"
    live: bool = False
    """Single pictures, answered as soon as possible; otherwise as many a second as possible."""
    batch: int | None = None
    """Pictures per forward pass; None: what is fastest here."""
    threads: int | None = None
    """Processors that the engine may use; None: all that this process may."""

    def __post_init__(self) -> None:
        for name in ("batch", "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} {value}: must be at least 1")


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What was asked of an engine and what it really does."""

    name: str
    requested_target: Target
    effective_target: Target
    batch_sizes: tuple[int, ...]
    """Sizes proven to give the answers of single pictures, ascending, always with 1."""
    best_batch: int
    """The proven size that is fastest per picture here: what recorded sources fill to."""
    threads: int
    """Threads inside one forward pass."""
    lanes: int
    """Engines that run side by side, one thread each."""
    notes: tuple[str, ...] = ()
    """Sentences for the user: why the target is not the requested one, measured speeds."""
    requested_precision: Precision = "exact"
    arithmetic: Arithmetic = "float32"
    """What the network is really computed in, for the most part."""
    version: str = ""
    """The library's."""

    @property
    def label(self) -> str:
        """What runs, in a few words: "openvino bfloat16", "opencv float32 on opencl"."""
        where = "" if self.effective_target == "cpu" else f" on {self.effective_target}"
        return f"{self.name} {self.arithmetic}{where}"


class Engine(Protocol):
    """A loaded network. Belongs to the thread that made it (OpenCL contexts are per thread)."""

    @property
    def info(self) -> EngineInfo:
        """Valid from construction on."""

    def run(self, batch: npt.NDArray[np.uint8]) -> Mapping[str, FloatArray]:
        """Fitted pictures (N, H, W, C) uint8, C as in the card's fit plan (BGR or grey), to named outputs with N first.

        Raises :class:`~streamclf.errors.EngineError`.
        """

    def close(self) -> None:
        """Free the network."""


class EngineLoader(Protocol):
    """Makes engines of one network, each in the thread that will run it."""

    @property
    def lanes(self) -> int:
        """How many engines shall run side by side; may take a while where that has to be found out by measuring."""

    def load(self) -> Engine:
        """Load, warm up, prove the batch sizes (the first call does; later ones reuse the proof)."""
