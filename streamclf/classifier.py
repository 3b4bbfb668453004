"""Card and engine together: predictions for pictures of a loop of one's own."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from streamclf.catalogue.find import ResolvedModel, find_model
from streamclf.engine import EngineChoice, EngineInfo, EngineWish, Precision, Target
from streamclf.frame import Frame
from streamclf.interpreter import Interpreter
from streamclf.loading import make_loader
from streamclf.prediction import Latency, Prediction

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Classifier:
    """Classifies pictures in a loop of your own: ``Classifier("mobilenet-v2-qdq").classify(image).top``.

    With a detector's card it finds boxes: ``Classifier("nanodet").classify(image).boxes``.

    ``model`` is a card's name, a folder with a ``card.toml``, or a resolved one. The network is loaded at once and answers in the
    calling thread, with all processors; several threads take turns (on OpenCL only the thread that made it may use it).
    ``batch`` is how many pictures ``classify_batch`` sends through the network at once, as far as that is proven to give the
    answers of single pictures. ``engine`` is what runs the network; ``auto`` is the fastest one here that gives the right answers,
    which is measured the first time (seconds) and remembered. A context manager.

    Raises:
        UnknownModelError, CardError, ModelFileError: the network is not to be found, or not as its card says.
        EngineError: it cannot be loaded or run.
        UsageError: that engine cannot run this network.
    """

    def __init__(
        self,
        model: str | Path | ResolvedModel,
        target: Target = "cpu",
        top_k: int = 5,
        batch: int = 1,
        *,
        engine: EngineChoice = "auto",
        precision: Precision = "exact",
        threads: int | None = None,
    ):
        resolved = model if isinstance(model, ResolvedModel) else find_model(model)
        self._interpreter = Interpreter(resolved, top_k)
        wish = EngineWish(target, precision, live=True, batch=batch, threads=threads)
        self._engine = make_loader(resolved, wish, engine).load()
        self._lock = threading.Lock()
        self._count = 0

    @property
    def info(self) -> EngineInfo:
        """What the engine was asked for and what it really runs on."""
        return self._engine.info

    @property
    def name(self) -> str:
        """The network's name, as its card says."""
        return self._interpreter.name

    @property
    def labels(self) -> tuple[str, ...]:
        """The name of every class, by class id."""
        return self._interpreter.labels

    def classify(self, image: npt.NDArray[np.uint8]) -> Prediction:
        """The answer for one picture: (H, W, 3) uint8 BGR, (H, W) grey, or (H, W, 4) BGRA. See ``classify_batch``."""
        return self.classify_batch([image])[0]

    def classify_batch(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[Prediction]:
        """One answer a picture, in their order; pictures of different sizes are welcome.

        The predictions' frames look at the given arrays where those are BGR: copy them first if you go on writing into them.

        Raises:
            ValueError: a picture of another type or shape.
            EngineError: the network failed, or the classifier is closed.
        """
        from streamclf.vision.picture import BgrPicture
        from streamclf.vision.preprocess import as_bgr

        now = time.monotonic()
        # A view, because a picture is read-only and the caller's array shall not become so.
        pictures = [BgrPicture(as_bgr(image).view()) for image in images]
        frames = [
            Frame(picture, "pictures", self._count + i, None, Fraction(1, 1000), now)
            for i, picture in enumerate(pictures)
        ]
        self._count += len(frames)
        return self.classify_frames(frames)

    def classify_frames(self, frames: Sequence[Frame]) -> list[Prediction]:
        """One answer a frame, in their order. ``latency`` has the forward pass (``infer_ms``, shared by the frames of a batch)
        and the time since the frame was captured; nothing waited.

        Raises:
            EngineError: the network failed, or the classifier is closed.
        """
        fitted = [frame.picture.fit(self._interpreter.plan) for frame in frames]
        answers: dict[int, Prediction] = {}
        for places in _batches([picture.shape for picture in fitted], self.info.batch_sizes, self.info.best_batch):
            batch = [fitted[place] for place in places]
            answers.update(zip(places, self._answer([frames[place] for place in places], batch), strict=True))
        return [answers[place] for place in range(len(frames))]

    def close(self) -> None:
        """Free the network; idempotent."""
        self._engine.close()

    def __enter__(self) -> Classifier:
        """The classifier itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Free the network."""
        self.close()

    def _answer(self, frames: Sequence[Frame], fitted: Sequence[npt.NDArray[np.uint8]]) -> list[Prediction]:
        import numpy as np

        with self._lock:
            started = time.monotonic()
            outputs = self._engine.run(np.stack(fitted))
            ended = time.monotonic()
        return [
            replace(
                prediction,
                latency=Latency(0.0, (ended - started) * 1e3, (ended - prediction.frame.captured_s) * 1e3),
                engine=self.info.label,
            )
            for prediction in self._interpreter.predictions(frames, outputs)
        ]


def _batches(shapes: Sequence[tuple[Any, ...]], sizes: Sequence[int], best: int) -> list[list[int]]:
    """Places 0..n-1 in groups of one shape, each as large as ``sizes`` allow up to ``best``."""
    by_shape: dict[tuple[Any, ...], list[int]] = {}
    for place, shape in enumerate(shapes):
        by_shape.setdefault(shape, []).append(place)
    groups = []
    for places in by_shape.values():
        while places:
            size = max(size for size in sizes if size <= min(best, len(places)))
            groups.append(places[:size])
            places = places[size:]
    return groups
