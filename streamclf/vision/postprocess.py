"""From a network's raw output to probabilities and the best classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from streamclf.errors import EngineError
from streamclf.prediction import ClassScore

FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]


def softmax(logits: FloatArray) -> npt.NDArray[np.float32]:
    """Probabilities along the last axis, (..., C) float32; computed in float64 and safe from overflow."""
    shifted = np.asarray(logits, np.float64)
    exponentials = np.exp(shifted - shifted.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True), np.float32)


def class_rows(output: FloatArray, n: int, width: int) -> FloatArray:
    """One row of ``width`` numbers a picture, (n, width), from an output of any shape that holds just that.

    (N, C), (N, C, 1, 1), (N, 1, 1, C), (N, 1, C) and, for a single picture, (C,) all do.

    Raises:
        EngineError: names the shape that does not fit, or says that the network produced NaN.
    """
    rest = output.shape[1:] if output.ndim > 1 else output.shape
    counted = output.shape[0] == n if output.ndim > 1 else n == 1
    if not counted or [side for side in rest if side != 1] not in ([width], [] if width == 1 else [width]):
        raise EngineError(
            f"the network's output has the shape {output.shape}, not {width} numbers for each of {n} pictures"
        )
    rows = output.reshape(n, width)
    if not np.isfinite(rows.max(axis=1)).all():
        raise EngineError(
            "the network produced NaN or infinite numbers; its weights or the card's mean, scale and std are wrong"
        )
    return rows


def softmax_contradiction(rows: FloatArray, is_softmax: bool) -> str | None:
    """Why the raw rows (N, C) cannot be what a card's ``output.softmax`` says; None if they can."""
    looks_so = bool((rows >= 0).all()) and _may_add_up_to_one(rows)
    if is_softmax and not looks_so:
        return f"output.softmax is true, but the network's numbers ({rows.min():.4g} to {rows.max():.4g}) are no probabilities"
    if not is_softmax and looks_so and rows.shape[1] > 1:
        return "output.softmax is false, but the network's numbers are probabilities already"
    return None


def _may_add_up_to_one(rows: FloatArray) -> bool:
    """Whether each row's sum is 1 but for rounding. Where all numbers are whole 256ths, as a quantised softmax puts them out, each may be
    off by half of one, and of a thousand small ones most are gone: the sum is between its least and its most then.
    """
    half_step = 1 / 512 if (rows * 256 == np.floor(rows * 256)).all() else 0.0
    exact = np.asarray(rows, np.float64)
    least, most = ((exact + off).clip(0).sum(axis=1) for off in (-half_step, half_step))
    return bool((least < 1 + 1e-2).all() and (most > 1 - 1e-2).all())


def probabilities(rows: FloatArray, is_softmax: bool, background: int = 0) -> npt.NDArray[np.float32]:
    """Probabilities of the labelled classes, (N, C - background) float32, read-only, from raw rows (N, C).

    The leading ``background`` numbers take part in the softmax and are then left out without renormalising: a picture of
    nothing stays improbable, so that a threshold works, and a row may sum to less than 1. Class ids count after them.
    """
    result = np.asarray(rows.clip(0, 1), np.float32) if is_softmax else softmax(rows)
    result = result[:, background:]
    result.setflags(write=False)
    return result


def top_k(probabilities: npt.NDArray[np.float32], labels: Sequence[str], k: int) -> tuple[ClassScore, ...]:
    """The ``k`` most probable classes of one picture (C,), best first, the lower class id first among equals."""
    k = min(k, len(probabilities))
    # sorting only what can be among them takes 9 us instead of 23 for a thousand classes
    candidates = np.flatnonzero(probabilities >= np.partition(probabilities, -k)[-k])
    best = candidates[np.argsort(-probabilities[candidates], kind="stable")[:k]]
    return tuple(
        ClassScore(number, labels[number], probability)
        for number, probability in zip(best.tolist(), probabilities[best].tolist(), strict=True)
    )
