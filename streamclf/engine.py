"""The seam to whatever runs a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatArray: TypeAlias = npt.NDArray[np.float32]

Target: TypeAlias = Literal["cpu", "opencl", "opencl-fp16"]


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

    lanes: int

    def load(self) -> Engine:
        """Load, warm up, prove the batch sizes (the first call does; later ones reuse the proof)."""
