"""The seam to whatever frames come from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from streamclf.frame import Frame


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a source says of itself once it is open; a live one may change it later."""

    size_wh: tuple[int, int] | None
    declared_rate: Fraction | None
    """Frames per second as the container or driver states it: a hint, never a clock."""
    frame_count: int | None
    """What the container claims; counts lie, so use it for a progress bar only."""
    is_live: bool
    description: str = ""
    """One line for a person, e.g. ``H.264 640x360 at 29.83 fps``; no secrets in it."""
    is_pictures: bool = False
    """Separate pictures without a common time: no smoothing, ``pts_s`` is None."""
    duration_s: float | None = None


class FrameSource(Protocol):
    """A place frames come from. Constructing one does no I/O.

    ``open`` may block and raises :class:`~streamclf.errors.SourceError`. Iterating opens the source if need be and yields
    frames in order until the end; a damaged part is skipped and counted in ``corrupt``; an end that is no end of file raises.
    Whoever iterates also closes, in the same thread. ``close`` is idempotent.
    """

    name: str
    """The stream's name; the assembly makes it unique before frames are read."""

    @property
    def is_live(self) -> bool:
        """Known before opening where possible: a live source connects in its own thread."""

    @property
    def corrupt(self) -> int:
        """Refused packets, unreadable pictures, and frames the decoder flagged damaged (those are still delivered)."""

    @property
    def info(self) -> SourceInfo:
        """Valid after ``open``."""

    def open(self) -> None:
        """Connect; idempotent."""

    def __iter__(self) -> Iterator[Frame]:
        """Frames, ``index`` from 0."""

    def close(self) -> None:
        """Let the device or file go."""
