"""The usual ways in which networks want their pictures: one table.

- ``imagenet-torch``: torchvision's published transforms of its ImageNet classifiers (docs.pytorch.org/vision, "models"): RGB,
  x / 255, less the mean, by the deviation of ImageNet's pictures; the middle 224 of a short side of 256.
- ``imagenet-caffe``: the mean pixel of the models of Caffe's Model Zoo (github.com/BVLC/caffe/wiki/Model-Zoo), in BGR and without
  a scale; the middle of a short side of 256, as this catalogue's own Caffe cards have it.
- ``imagenet-tf``: TF-Slim's ``inception_preprocessing.py`` (github.com/tensorflow/models, research/slim): RGB, -1 to 1, the middle
  0.875 of the picture, resized without averaging.
- ``yolo``: Darknet's detectors (pjreddie.com/darknet/yolo): RGB, x / 255; the whole picture, resized.
- ``ssd``: OpenCV's face detector (github.com/opencv/opencv, samples/dnn/face_detector): BGR, less its mean; SSD's output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from streamclf.catalogue.card import ChannelOrder
from streamclf.frame import FitMode, Interpolation
from streamclf.prediction import BoxLayout


@dataclass(frozen=True, slots=True)
class Preset:
    """How a picture is prepared, as in a card's [input]; ``summary`` says it to people."""

    summary: str
    channels: ChannelOrder
    side: int
    """Width and height of the input, where neither the file nor the user says one."""
    scale: float = 1.0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    fit: FitMode = "centre_crop"
    crop_fraction: float | None = None
    short_side: int | None = None
    """To which the picture is scaled before its middle is cut out; another way to give ``crop_fraction``."""
    interpolation: Interpolation = "area_linear"
    boxes: BoxLayout | None = None
    background: int = 0

    def crop(self, side: int) -> float:
        """The card's ``crop_fraction`` for an input of this side."""
        if self.short_side is not None:
            return min(1.0, side / self.short_side)
        return 1.0 if self.crop_fraction is None else self.crop_fraction


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "imagenet-torch": Preset(
            "RGB, x/255, less ImageNet's mean, by its deviation: PyTorch, most ONNX files",
            channels="rgb",
            side=224,
            scale=1 / 255,
            mean=(0.485, 0.456, 0.406),
            std=(0.229, 0.224, 0.225),
            crop_fraction=0.875,
        ),
        "imagenet-caffe": Preset(
            "BGR, 0 to 255 less 104 117 123: Caffe",
            channels="bgr",
            side=224,
            mean=(104.0, 117.0, 123.0),
            short_side=256,
        ),
        "imagenet-tf": Preset(
            "RGB, -1 to 1: TensorFlow, Keras' MobileNet and Inception",
            channels="rgb",
            side=224,
            scale=1 / 127.5,
            mean=(1.0, 1.0, 1.0),
            crop_fraction=0.875,
            interpolation="linear",
        ),
        "yolo": Preset(
            "a detector of Darknet: RGB, x/255",
            channels="rgb",
            side=416,
            scale=1 / 255,
            fit="stretch",
            boxes="yolo_regions",
        ),
        "ssd": Preset(
            "an SSD detector: BGR, 0 to 255 less 104 177 123",
            channels="bgr",
            side=300,
            mean=(104.0, 177.0, 123.0),
            fit="stretch",
            boxes="ssd",
            background=1,
        ),
    }
)
