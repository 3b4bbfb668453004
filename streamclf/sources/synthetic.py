"""A generated scene, damaged in known ways one after the other: a source that needs no camera, no file and no network."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from streamclf.frame import Frame
from streamclf.source import SourceInfo
from streamclf.vision.damage import DAMAGES
from streamclf.vision.picture import BgrPicture
from streamclf.vision.scene import SIZE_WH, Scene, valley

RATE_FPS = 25
_SEED = 3


@dataclass(frozen=True, slots=True)
class Segment:
    """So many frames of one damage ("ok": of none), between two clean cuts."""

    label: str
    start: int
    """Index of its first frame."""
    length: int

    @property
    def stop(self) -> int:
        """Index of the first frame after it."""
        return self.start + self.length


def script(labels: Sequence[str], length: int) -> tuple[Segment, ...]:
    """Segments of ``length`` frames, one a label."""
    return tuple(Segment(label, number * length, length) for number, label in enumerate(labels))


SEGMENTS = script(
    (
        *("ok", "defocus", "ok", "motion_blur", "dark", "ok"),
        *("bright", "covered", "ok", "noise", "blocky", "no_signal"),
    ),
    length=50,
)
"""What a whole run shows: 24 seconds."""


def truth(index: int, segments: Sequence[Segment] = SEGMENTS) -> Segment:
    """The segment that frame ``index`` belongs to.

    Raises:
        IndexError: there is no such frame.
    """
    found = segments[max(0, bisect_right(segments, index, key=lambda segment: segment.start) - 1)]
    if not found.start <= index < found.stop:
        raise IndexError(f"frame {index}: the scene has {segments[-1].stop} frames")
    return found


class SyntheticSource:
    """The generated scene as a recorded source: a known length, the same pixels every time, as fast as they are asked for."""

    is_live = False
    corrupt = 0

    def __init__(self, name: str, segments: Sequence[Segment] = SEGMENTS, clock: Callable[[], float] = time.monotonic):
        self.name = name
        self._segments, self._clock = segments, clock
        self._scene: Scene | None = None
        self._index = 0

    @property
    def info(self) -> SourceInfo:
        """Known without opening."""
        width, height = SIZE_WH
        count = self._segments[-1].stop
        return SourceInfo(
            SIZE_WH,
            Fraction(RATE_FPS),
            count,
            is_live=False,
            description=f"a generated scene, {width}x{height} at {RATE_FPS} fps",
            duration_s=count / RATE_FPS,
        )

    def open(self) -> None:
        """Paint the scene, which takes about a second."""
        if self._scene is None:
            self._scene, self._index = valley(), 0

    def __iter__(self) -> Iterator[Frame]:
        """Frame after frame, ``pts`` counting them."""
        self.open()
        while self._scene is not None and self._index < self._segments[-1].stop:
            index, self._index = self._index, self._index + 1
            segment = truth(index, self._segments)
            # one generator a frame: a frame's noise does not depend on which were drawn before
            rng = np.random.default_rng((_SEED, index))
            image = DAMAGES[segment.label](self._scene.draw(index), index - segment.start, rng)
            yield Frame(BgrPicture(image), self.name, index, index, Fraction(1, RATE_FPS), self._clock())

    def close(self) -> None:
        """The next opening starts anew."""
        self._scene = None
