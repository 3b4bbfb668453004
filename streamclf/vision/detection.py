"""From a detection network's raw outputs to boxes in the frame: the layouts of SSD, YOLO regions and NanoDet.

Every layout is decoded to the same thing, boxes in pixels of the network's input with one class each; then each class is rid of
the boxes that overlap a more probable one of its own, and what is left is mapped back to the frame by the plan that fitted it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from streamclf.errors import EngineError
from streamclf.frame import FitGeometry
from streamclf.prediction import Box

FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]
BoxLayout: TypeAlias = Literal["ssd", "yolo_regions", "nanodet"]

_NANODET_BINS = 8
"""Each side's distance is the mean of a distribution over so many steps of a stride."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Boxes of one picture before suppression: corners (M, 4) in pixels of the input, scores (M,) in [0, 1], class ids (M,)."""

    xyxy: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int64]


def decode(
    layout: BoxLayout, outputs: Sequence[FloatArray], n: int, input_wh: tuple[int, int], least: float
) -> list[Candidates]:
    """The candidates of each of ``n`` pictures with a score of ``least`` or more, from the outputs of one forward pass.

    Class ids are as the network numbers them, from 0, the background included where it has one.

    Raises:
        EngineError: outputs of another shape than the layout's, or with NaN in them.
    """
    if not all(np.isfinite(output).all() for output in outputs):
        raise EngineError(
            "the network produced NaN or infinite numbers; its weights or the card's mean, scale and std are wrong"
        )
    found = _DECODERS[layout](outputs, n, input_wh)
    return [_at_least(candidates, least) for candidates in found]


def suppress(candidates: Candidates, least: float, overlap: float) -> Candidates:
    """Without the boxes that overlap a more probable one of their class by more than ``overlap`` (intersection over union).

    The most probable first.
    """
    if not len(candidates.scores):
        return candidates
    corners = candidates.xyxy.astype(np.float64)
    xywh = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], 1)
    kept = cv2.dnn.NMSBoxesBatched(
        xywh.tolist(), candidates.scores.tolist(), candidates.class_ids.tolist(), least, overlap
    )
    order = np.asarray(kept, np.int64).reshape(-1)
    order = order[np.argsort(-candidates.scores[order], kind="stable")]
    return Candidates(candidates.xyxy[order], candidates.scores[order], candidates.class_ids[order])


def to_frame(
    candidates: Candidates,
    geometry: FitGeometry,
    picture_wh: tuple[int, int],
    labels: Sequence[str],
    background: int = 0,
) -> tuple[Box, ...]:
    """Boxes in pixels of a frame of ``picture_wh``, cut at its borders, in the order of the candidates.

    Of classes before ``background`` there are none, and the class ids count after it. A box that lies outside is left out.
    """
    boxes = []
    for corners, score, number in zip(candidates.xyxy, candidates.scores, candidates.class_ids, strict=True):
        class_id = int(number) - background
        if not 0 <= class_id < len(labels):
            continue
        left, top = geometry.to_picture(float(corners[0]), float(corners[1]))
        right, bottom = geometry.to_picture(float(corners[2]), float(corners[3]))
        xyxy = (
            min(max(left, 0.0), float(picture_wh[0])),
            min(max(top, 0.0), float(picture_wh[1])),
            min(max(right, 0.0), float(picture_wh[0])),
            min(max(bottom, 0.0), float(picture_wh[1])),
        )
        if xyxy[2] > xyxy[0] and xyxy[3] > xyxy[1]:
            boxes.append(Box(class_id, labels[class_id], float(score), xyxy))
    return tuple(boxes)


def _at_least(candidates: Candidates, least: float) -> Candidates:
    kept = candidates.scores >= least
    return Candidates(candidates.xyxy[kept], candidates.scores[kept], candidates.class_ids[kept])


def _best_class(xyxy: FloatArray, scores: FloatArray) -> Candidates:
    """Each box with its most probable class; ``scores`` (M, C)."""
    best = scores.argmax(1)
    return Candidates(
        np.asarray(xyxy, np.float32), np.asarray(scores[np.arange(len(best)), best], np.float32), best.astype(np.int64)
    )


def _ssd(outputs: Sequence[FloatArray], n: int, input_wh: tuple[int, int]) -> list[Candidates]:
    """(1, 1, M, 7): picture, class, score, and corners as shares of the input; a picture of -1 fills up."""
    rows = outputs[0].reshape(-1, 7) if len(outputs) == 1 and outputs[0].size % 7 == 0 else None
    if rows is None:
        raise _misfit("ssd", "one output of rows of 7 numbers", outputs)
    scale = np.array((*input_wh, *input_wh), np.float32)
    found = []
    for number in range(n):
        own = rows[rows[:, 0] == number]
        found.append(Candidates(own[:, 3:7] * scale, own[:, 2].astype(np.float32), own[:, 1].astype(np.int64)))
    return found


def _yolo_regions(outputs: Sequence[FloatArray], n: int, input_wh: tuple[int, int]) -> list[Candidates]:
    """Each (N, M, 5 + C), or (M, 5 + C) for one picture: centre and size as shares of the input, objectness, scores."""
    parts = [output[None] if output.ndim == 2 and n == 1 else output for output in outputs]
    if not parts or any(part.ndim != 3 or part.shape[0] != n or part.shape[2] < 6 for part in parts):
        raise _misfit("yolo_regions", "(N, M, 5 + classes) for each region layer", outputs)
    every = np.concatenate(parts, 1)
    size = np.array(input_wh, np.float32)
    centre, half = every[..., :2] * size, every[..., 2:4] * size / 2
    corners = np.concatenate([centre - half, centre + half], -1)
    return [_best_class(corners[number], every[number, :, 5:]) for number in range(n)]


def _nanodet(outputs: Sequence[FloatArray], n: int, input_wh: tuple[int, int]) -> list[Candidates]:
    """For each stride scores (N, M, C) and distances (N, M, 4 * bins), in any order of the outputs."""
    width, height = input_wh
    sides = 4 * _NANODET_BINS
    # By rows: the network names its outputs by numbers, and the order that engines give them in differs.
    pairs: dict[int, list[FloatArray]] = {}
    for output in outputs:
        if output.ndim == 3 and output.shape[0] == n:
            pairs.setdefault(output.shape[1], []).append(output)
    corners, scores = [], []
    for rows, pair in sorted(pairs.items(), reverse=True):
        stride = round((width * height / rows) ** 0.5)
        columns = -(-width // stride)
        distances = [output for output in pair if output.shape[2] == sides]
        classes = [output for output in pair if output.shape[2] != sides]
        if len(pair) != 2 or len(distances) != 1 or columns * -(-height // stride) != rows:
            raise _misfit("nanodet", f"scores (N, M, classes) and distances (N, M, {sides}) for each stride", outputs)
        steps = distances[0].reshape(n, rows, 4, _NANODET_BINS).astype(np.float64)
        weights = np.exp(steps - steps.max(-1, keepdims=True))
        reach = (weights / weights.sum(-1, keepdims=True)) @ np.arange(_NANODET_BINS) * stride
        place = np.arange(rows)
        x, y = ((axis * stride + (stride - 1) / 2) for axis in (place % columns, place // columns))
        corners.append(np.stack([x - reach[..., 0], y - reach[..., 1], x + reach[..., 2], y + reach[..., 3]], -1))
        scores.append(classes[0])
    if len(pairs) == 0 or sum(map(len, pairs.values())) != len(outputs):
        raise _misfit("nanodet", f"scores (N, M, classes) and distances (N, M, {sides}) for each stride", outputs)
    every, probable = np.concatenate(corners, 1), np.concatenate(scores, 1)
    return [_best_class(every[number], probable[number]) for number in range(n)]


def _misfit(layout: str, wanted: str, outputs: Sequence[FloatArray]) -> EngineError:
    shapes = ", ".join(str(output.shape) for output in outputs) or "nothing"
    return EngineError(f"the network puts out {shapes}; output.boxes = {layout!r} is {wanted}")


_Decoder: TypeAlias = Callable[[Sequence[FloatArray], int, tuple[int, int]], list[Candidates]]
_DECODERS: Mapping[BoxLayout, _Decoder] = MappingProxyType(
    {"ssd": _ssd, "yolo_regions": _yolo_regions, "nanodet": _nanodet}
)
