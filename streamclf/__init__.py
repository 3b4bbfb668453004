"""Real-time video stream classifier: cameras, clips, pictures and network streams in, labels and honest rates out.

    import streamclf

    with streamclf.open("clip.mp4", model="mobilenet-v2-qdq") as stream:
        for prediction in stream:
            print(prediction.frame.pts_s, prediction.top.label, prediction.top.probability)

    classifier = streamclf.Classifier("mobilenet-v2-qdq")     # for people with a loop of their own
    print(classifier.classify(bgr_image).top)

Importing streamclf is cheap; OpenCV, NumPy and PyAV are loaded when something is opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from streamclf.errors import StreamclfError
from streamclf.frame import FitPlan, Frame
from streamclf.prediction import Box, ClassScore, Latency, Prediction

if TYPE_CHECKING:
    from streamclf.classifier import Classifier as Classifier
    from streamclf.pipeline import Pipeline

__version__ = "0.1.0"

__all__ = [
    "Box",
    "ClassScore",
    "Classifier",
    "FitPlan",
    "Frame",
    "Latency",
    "Prediction",
    "StreamclfError",
    "__version__",
    "open",
]


def open(source: str | int | Sequence[str | int], *, pictures: bool = True, **options: Any) -> Pipeline:
    """Open one source or several as a stream of predictions: use it in a ``with``, iterate or ``poll`` it.

    Args:
        source: What ``streamclf run`` takes: a camera's index, a path, a folder, a URL, ``NAME=SOURCE``; or a list of them.
        pictures: Keep full-size pictures (``prediction.frame.image``). False saves memory and time.
        options: Those of ``streamclf run`` but for its outputs, with underscores: ``model``, ``target``, ``batch``,
            ``queue_frames``, ``queue_mb``, ``drop``, ``frame_step``, ``target_fps``, ``max_frames``, ``realtime``, ``smooth``
            (seconds), ``top_k``, ``threshold``, ``camera_size`` ("WxH"), ``camera_fps``, ``camera_format``, ``mirror``.

    Raises:
        UsageError: an option or the model's name is wrong.
        ModelFileError: a file of the network is missing or altered.
        SourceError: on entering, a recorded source cannot be opened; on leaving, a source failed on the way.
        EngineError: on entering, the network cannot be loaded; on leaving, it failed on the way.
    """
    from streamclf.app import open_stream

    return open_stream(source, pictures, **options)


def __getattr__(name: str) -> Any:
    if name == "Classifier":
        from streamclf.classifier import Classifier

        return Classifier
    raise AttributeError(f"module 'streamclf' has no attribute {name!r}")
