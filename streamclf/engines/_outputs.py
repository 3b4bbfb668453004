"""What a card says of its network's outputs, held against what an engine really puts out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from streamclf.catalogue.card import OutputSpec
from streamclf.errors import EngineError
from streamclf.proof import Rows
from streamclf.vision.detection import FloatArray, answers, decode, per_picture
from streamclf.vision.postprocess import class_rows, probabilities, softmax_contradiction


def picture_rows(spec: OutputSpec, outputs: Mapping[str, FloatArray], n: int) -> Sequence[Rows]:
    """Each picture's raw numbers in one row: a classifier's background and classes, all that a detector says.

    ``outputs`` are what :meth:`~streamclf.engine.Engine.run` gives for ``n`` pictures. Raises EngineError where they do not fit.
    """
    if spec.boxes is not None:
        return answers(spec.boxes, outputs, n)
    return list(class_rows(_only(outputs), n, spec.width))


def answer(spec: OutputSpec, row: Rows) -> Rows:
    """What of a picture's row counts in a comparison of two devices: probabilities, or all that a detector says."""
    return row if spec.boxes is not None else probabilities(row[None], bool(spec.softmax), spec.background)[0]


def contradiction(
    spec: OutputSpec, outputs: Sequence[Mapping[str, FloatArray]], input_wh: tuple[int, int]
) -> str | None:
    """Why the raw ``outputs`` for single pictures (one mapping each) cannot be what the card says; None if they can.

    Raises EngineError where a classifier's numbers are none.
    """
    if spec.boxes is not None:
        return _no_boxes(spec, outputs[0], input_wh)
    first = _only(outputs[0])
    if first.size != spec.width:
        says = f"output.classes {spec.classes} + output.background {spec.background}"
        return f"says {says}, but the network gives {first.size} numbers {first.shape}"
    rows = np.concatenate([class_rows(_only(each), 1, spec.width) for each in outputs])
    return softmax_contradiction(rows, bool(spec.softmax))


def _no_boxes(spec: OutputSpec, outputs: Mapping[str, FloatArray], input_wh: tuple[int, int]) -> str | None:
    assert spec.boxes is not None
    try:
        own = [output[0] for output in per_picture(spec.boxes, outputs, 1).values()]
        decode(spec.boxes, own, input_wh, spec.width, least=0)
    except EngineError as error:
        return str(error)
    return None


def _only(outputs: Mapping[str, FloatArray]) -> FloatArray:
    return next(iter(outputs.values()))
