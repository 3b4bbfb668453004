"""Results made by hand, for whatever takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from streamclf.frame import Frame
from streamclf.prediction import Box, ClassScore, Latency, Prediction
from streamclf.sink import Result
from streamclf.stats import RunStats
from streamclf.vision.picture import BgrPicture

Pixels = npt.NDArray[np.uint8]
SCORES = (("water bottle", 0.8734567), ("wine bottle", 0.05), ("pop bottle, soda bottle", 0.02))
STATS = RunStats({}, {}, {}, {}, 0.0, 0.0)


def flat(colour: Sequence[int] = (40, 120, 200), size_wh: tuple[int, int] = (64, 48)) -> Pixels:
    image = np.empty((size_wh[1], size_wh[0], 3), np.uint8)
    image[:] = colour
    return image


def make_prediction(
    image: Pixels | None = None,
    scores: Sequence[tuple[str, float]] = SCORES,
    steady: tuple[str, float] | None = None,
    latency: Latency | None = None,
    boxes: Sequence[Box] | None = None,
    **frame: object,
) -> Prediction:
    """One of a recorded stream at 30 frames per second, unless ``frame`` says otherwise. With ``boxes`` it is a detector's."""
    known = {"stream": "clip.mp4", "index": 0, "pts": 0, "time_base": Fraction(1, 30), "captured_s": 0.0}
    picture = BgrPicture(flat() if image is None else image)
    return Prediction(
        frame=Frame(picture, **{**known, **frame}),  # type: ignore[arg-type]
        scores=tuple(ClassScore(number, label, probability) for number, (label, probability) in enumerate(scores)),
        probabilities=np.array([probability for _, probability in scores], np.float32),
        model="tiny",
        boxes=None if boxes is None else tuple(boxes),
        steady=None if steady is None else ClassScore(-1 if steady[0] == "unknown" else 0, *steady),
        latency=latency,
        engine="opencv float32",
    )


def make_result(
    image: Pixels | None = None,
    *,
    is_live: bool = False,
    captured_at: str | None = None,
    draw: Callable[[Prediction], Pixels] | None = None,
    **prediction: object,
) -> Result:
    """``draw`` is a plain copy unless given."""
    made = make_prediction(image, **prediction)  # type: ignore[arg-type]
    return Result(made, is_live, draw or (lambda each: each.frame.image.copy()), captured_at)


@contextmanager
def disk_of(nbytes: int) -> Iterator[None]:
    """No file can grow beyond ``nbytes``, as if the disk were full."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (nbytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
