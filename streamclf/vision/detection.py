"""From a detection network's raw outputs to boxes in the frame: the layouts of SSD, YOLO regions and NanoDet.

Every layout is decoded to the same thing, boxes in pixels of the network's input with one class each; then each class is rid of
the boxes that overlap a more probable one of its own, and what is left is mapped back to the frame by the plan that fitted it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from streamclf.errors import EngineError
from streamclf.frame import FitGeometry
from streamclf.prediction import Box, BoxLayout

FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]

_NANODET_BINS = 8
"""Each side's distance is the mean of a distribution over so many steps of a stride."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Boxes of one picture before suppression: corners (M, 4) in pixels of the input, scores (M,) in [0, 1], class ids (M,)."""

    xyxy: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int64]


def per_picture(layout: BoxLayout, outputs: Mapping[str, FloatArray], n: int) -> dict[str, FloatArray]:
    """The outputs of one forward pass over ``n`` pictures with the picture first: (N, M, numbers) each.

    OpenCV writes the YOLO regions of a single picture without that axis, and the SSD boxes of all pictures one below the other,
    the picture's number in the first column. There it becomes 0 for a picture's own rows and -1 for those that only fill up.

    Raises:
        EngineError: an output is not of ``n`` pictures, not of the layout, or holds NaN.
    """
    _check_finite(outputs.values())
    if layout == "ssd":
        return {name: _split_ssd(output, n) for name, output in outputs.items()}
    found = {name: output[None] if output.ndim == 2 and n == 1 else output for name, output in outputs.items()}
    if any(output.ndim != 3 or output.shape[0] != n for output in found.values()):
        raise _misfit(layout, f"(N, M, numbers) for each output and {n} pictures", list(outputs.values()))
    return found


def answers(layout: BoxLayout, outputs: Mapping[str, FloatArray], n: int) -> list[FloatArray]:
    """All numbers of each picture in one row, from the outputs of ``per_picture``: what can be compared with another run's."""
    own = [
        [
            output[number][output[number][:, 0] >= 0] if layout == "ssd" else output[number]
            for output in outputs.values()
        ]
        for number in range(n)
    ]
    return [np.concatenate([part.ravel() for part in parts]) for parts in own]


def decode(
    layout: BoxLayout, outputs: Sequence[FloatArray], input_wh: tuple[int, int], classes: int, least: float
) -> Candidates:
    """The candidates of a picture with a score of ``least`` or more, from its own part of the outputs, (M, numbers) each.

    ``classes`` is how many the network tells apart. Class ids are as it numbers them, from 0, the background included where it has
    one.

    Raises:
        EngineError: outputs of another shape than the layout's, with NaN in them, or with scores that are no probabilities.
    """
    _check_finite(outputs)
    found = _DECODERS[layout](outputs, input_wh, classes)
    if found.scores.max(initial=0) > 1.001:
        raise EngineError(
            f"the network's scores go up to {found.scores.max():.4g}, so they are no probabilities; is output.boxes = "
            f"{layout!r} right?"
        )
    kept = found.scores >= least
    return Candidates(found.xyxy[kept], found.scores[kept].clip(0, 1), found.class_ids[kept])


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


def class_probabilities(boxes: Sequence[Box], classes: int) -> npt.NDArray[np.float32]:
    """The score of each class's best box, 0 without one: (classes,) float32, read-only."""
    best = np.zeros(classes, np.float32)
    for box in boxes:
        best[box.class_id] = max(best[box.class_id], box.probability)
    best.setflags(write=False)
    return best


def _check_finite(outputs: Iterable[FloatArray]) -> None:
    if not all(np.isfinite(output).all() for output in outputs):
        raise EngineError(
            "the network produced NaN or infinite numbers; its weights or the card's mean, scale and std are wrong"
        )


def _best_class(xyxy: FloatArray, scores: FloatArray) -> Candidates:
    """Each box with its most probable class; ``scores`` (M, C)."""
    best = scores.argmax(1)
    return Candidates(
        np.asarray(xyxy, np.float32), np.asarray(scores[np.arange(len(best)), best], np.float32), best.astype(np.int64)
    )


def _split_ssd(output: FloatArray, n: int) -> FloatArray:
    """(1, 1, M, 7) of all pictures to (N, most, 7). Rows of score 0 only fill up; OpenCV gives them the number of picture 0."""
    if output.ndim != 4 or output.shape[3] != 7:
        raise _misfit("ssd", "(1, 1, M, 7)", [output])
    rows = output.reshape(-1, 7)
    rows = rows[rows[:, 2] > 0]
    parts = [rows[rows[:, 0] == number] for number in range(n)]
    split = np.zeros((n, max(map(len, parts)), 7), np.float32)
    split[..., 0] = -1
    for own, part in zip(split, parts, strict=True):
        own[: len(part), 1:] = part[:, 1:]
        own[: len(part), 0] = 0
    return split


def _ssd(outputs: Sequence[FloatArray], input_wh: tuple[int, int], classes: int) -> Candidates:
    """(M, 7): picture or -1, class, score, and corners as shares of the input."""
    if len(outputs) != 1 or outputs[0].ndim != 2 or outputs[0].shape[1] != 7:
        raise _misfit("ssd", "one output of rows of 7 numbers", outputs)
    rows = outputs[0][outputs[0][:, 0] >= 0]
    corners = rows[:, 3:7] * np.array((*input_wh, *input_wh), np.float32)
    return Candidates(corners.astype(np.float32), rows[:, 2].astype(np.float32), rows[:, 1].astype(np.int64))


def _yolo_regions(outputs: Sequence[FloatArray], input_wh: tuple[int, int], classes: int) -> Candidates:
    """Each (M, 5 + classes): centre and size as shares of the input, objectness, scores (which it is part of already)."""
    if not outputs or any(output.ndim != 2 or output.shape[1] != 5 + classes for output in outputs):
        raise _misfit(
            "yolo_regions", f"(M, {5 + classes}) for each region layer: 5 numbers and {classes} classes", outputs
        )
    rows = np.concatenate(outputs)
    size = np.array(input_wh, np.float32)
    centre, half = rows[:, :2] * size, rows[:, 2:4] * size / 2
    return _best_class(np.concatenate([centre - half, centre + half], -1), rows[:, 5:])


def _nanodet(outputs: Sequence[FloatArray], input_wh: tuple[int, int], classes: int) -> Candidates:
    """For each stride scores (M, classes) and distances (M, 4 * bins), in any order of the outputs."""
    sides = 4 * _NANODET_BINS
    # By rows: the network names its outputs by numbers, and the order that engines give them in differs.
    pairs: dict[int, dict[int, FloatArray]] = {}
    for output in outputs:
        pairs.setdefault(len(output), {})[output.shape[-1]] = output
    grids = {rows: _grid(rows, input_wh) for rows in pairs}
    whole = all(len(pair) == 2 and set(pair) == {classes, sides} for pair in pairs.values())
    if not pairs or not whole or 2 * len(pairs) != len(outputs):
        raise _misfit("nanodet", f"scores (M, {classes}) and distances (M, {sides}) for each stride", outputs)
    if None in grids.values():
        raise _misfit("nanodet", f"a row for each place of a grid over {input_wh[0]}x{input_wh[1]}", outputs)
    order = sorted(pairs, reverse=True)
    corners = [_corners(pairs[rows][sides], *grid) for rows in order if (grid := grids[rows])]
    return _best_class(np.concatenate(corners), np.concatenate([pairs[rows][classes] for rows in order]))


def _grid(rows: int, input_wh: tuple[int, int]) -> tuple[int, int] | None:
    """(stride, columns) of the grid that has so many places; None if there is none."""
    width, height = input_wh
    stride = max(1, round((width * height / max(1, rows)) ** 0.5))
    columns = -(-width // stride)
    return (stride, columns) if columns * -(-height // stride) == rows else None


def _corners(distances: FloatArray, stride: int, columns: int) -> FloatArray:
    """Corners (M, 4) from how far each side is from the middle of its place, as a distribution over steps of a stride."""
    steps = distances.reshape(-1, 4, _NANODET_BINS).astype(np.float64)
    weights = np.exp(steps - steps.max(-1, keepdims=True))
    reach = (weights / weights.sum(-1, keepdims=True)) @ np.arange(_NANODET_BINS) * stride
    place = np.arange(len(steps))
    x, y = ((axis * stride + (stride - 1) / 2) for axis in (place % columns, place // columns))
    return np.stack([x - reach[:, 0], y - reach[:, 1], x + reach[:, 2], y + reach[:, 3]], -1)


def _misfit(layout: BoxLayout, wanted: str, outputs: Sequence[FloatArray]) -> EngineError:
    shapes = ", ".join(str(output.shape) for output in outputs) or "nothing"
    return EngineError(f"the network puts out {shapes}; output.boxes = {layout!r} is {wanted}")


_Decoder: TypeAlias = Callable[[Sequence[FloatArray], tuple[int, int], int], Candidates]
_DECODERS: Mapping[BoxLayout, _Decoder] = MappingProxyType(
    {"ssd": _ssd, "yolo_regions": _yolo_regions, "nanodet": _nanodet}
)
