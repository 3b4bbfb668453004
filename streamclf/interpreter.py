"""What an engine puts out, turned into predictions as the network's card says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from streamclf.catalogue.find import ResolvedModel
from streamclf.errors import EngineError
from streamclf.frame import FitPlan, Frame
from streamclf.prediction import Prediction

if TYPE_CHECKING:
    from streamclf.engine import FloatArray


class Interpreter:
    """Turns what an engine puts out into predictions, as the network's card says."""

    def __init__(self, model: ResolvedModel, top_k: int):
        self._output, self._top_k = model.card.output, top_k
        self.name = model.card.name
        self.labels = model.labels
        self.plan: FitPlan = model.card.fit_plan()

    def predictions(self, frames: Sequence[Frame], outputs: Mapping[str, FloatArray]) -> list[Prediction]:
        """One prediction a frame, in their order, from an engine's ``outputs`` for them; ``steady`` and ``latency`` are None.

        Raises:
            EngineError: an output is missing, has another shape than (frames, classes) or than the boxes have, or holds NaN.
        """
        try:
            return self._predictions(frames, outputs)
        except EngineError as problem:
            raise EngineError(f"{self.name}: {problem}") from problem

    @property
    def joins(self) -> bool:
        """Whether several frames' answers together cost little more to interpret than one: not those of a detector."""
        return self._output.boxes is None

    def of_each(self, frames: Sequence[Frame], outputs: Sequence[Mapping[str, FloatArray]]) -> list[Prediction]:
        """The same from what an engine put out for each frame alone. Raises as ``predictions`` does."""
        import numpy as np

        from streamclf.vision.postprocess import class_rows

        if not self.joins or len(frames) == 1:
            return [self.predictions([frame], own)[0] for frame, own in zip(frames, outputs, strict=True)]
        try:
            rows = [class_rows(self._pick(own), 1, self._output.width) for own in outputs]
        except EngineError as problem:
            raise EngineError(f"{self.name}: {problem}") from problem
        return self._of_rows(frames, np.concatenate(rows))

    def _predictions(self, frames: Sequence[Frame], outputs: Mapping[str, FloatArray]) -> list[Prediction]:
        if self._output.boxes is None:
            return self._classified(frames, outputs)
        if any(len(output) != len(frames) for output in outputs.values()):
            shapes = ", ".join(str(output.shape) for output in outputs.values())
            raise EngineError(f"the engine puts out {shapes}, not boxes for each of {len(frames)} pictures")
        return [
            self._detected(frame, [output[number] for output in outputs.values()])
            for number, frame in enumerate(frames)
        ]

    def _classified(self, frames: Sequence[Frame], outputs: Mapping[str, FloatArray]) -> list[Prediction]:
        from streamclf.vision.postprocess import class_rows

        return self._of_rows(frames, class_rows(self._pick(outputs), len(frames), self._output.width))

    def _of_rows(self, frames: Sequence[Frame], rows: FloatArray) -> list[Prediction]:
        """From the network's raw numbers, (frames, background and classes)."""
        from streamclf.vision.postprocess import probabilities, top_k

        every = probabilities(rows, bool(self._output.softmax), self._output.background)
        return [
            Prediction(frame, top_k(row, self.labels, self._top_k), row, self.name)
            for frame, row in zip(frames, every, strict=True)
        ]

    def _detected(self, frame: Frame, outputs: Sequence[FloatArray]) -> Prediction:
        """A frame's boxes, from its own part of each output."""
        from streamclf.vision.detection import class_probabilities, decode, suppress, to_frame
        from streamclf.vision.postprocess import top_k

        spec, picture_wh = self._output, frame.picture.size_wh
        assert spec.boxes is not None
        assert spec.threshold is not None
        assert spec.overlap is not None
        geometry = self.plan.geometry(picture_wh)
        found = decode(spec.boxes, outputs, geometry.canvas_wh, spec.width, spec.threshold)
        found = suppress(found, spec.threshold, spec.overlap)
        boxes = to_frame(found, geometry, picture_wh, self.labels, spec.background)
        probable = class_probabilities(boxes, spec.classes)
        scores = tuple(score for score in top_k(probable, self.labels, self._top_k) if score.probability > 0)
        return Prediction(frame, scores, probable, self.name, boxes)

    def _pick(self, outputs: Mapping[str, FloatArray]) -> FloatArray:
        wanted = self._output.name
        if wanted is None and len(outputs) == 1:
            return next(iter(outputs.values()))
        if wanted is None or wanted not in outputs:
            raise EngineError(f"the engine puts out {', '.join(outputs)}; the card wants {wanted or 'the only one'}")
        return outputs[wanted]
