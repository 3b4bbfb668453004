"""What every engine needs to feed a TensorFlow Lite network: its input's type, quantisation and layout, its outputs as numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from streamclf.catalogue.card import InputSpec
from streamclf.catalogue.tflite import TfliteTensor, read_tflite
from streamclf.engines._network import blob_maker, blob_plan
from streamclf.errors import EngineError
from streamclf.vision.levels import LevelMaker, Quantisation

if TYPE_CHECKING:
    from streamclf.engine import FloatArray
    from streamclf.vision.blob import BlobMaker


class TfliteFile:
    """A network's file: its two ends. Raises EngineError where it takes something else than a picture's numbers or levels."""

    def __init__(self, path: Path):
        self._path = path
        ends = read_tflite(path)
        if len(ends.inputs) != 1:
            raise EngineError(f"{path}: takes {len(ends.inputs)} inputs; streamclf gives one, a picture")
        (self.input,) = ends.inputs
        self.outputs = ends.outputs
        self.is_quantised = ends.has_levels
        if self.input.dtype != "float32" and not self.input.is_quantised:
            raise EngineError(
                f"{path}: takes {self.input.dtype}; streamclf gives float32, or 8 bits that are quantised"
            )

    @property
    def names(self) -> list[str]:
        """Those of the outputs."""
        return [output.name for output in self.outputs]

    def layout(self, spec: InputSpec) -> Literal["NCHW", "NHWC"]:
        """Channels last, as TensorFlow has them, or first, as converters from PyTorch leave them.

        Raises:
            EngineError: it takes no pictures of so many channels.
        """
        shape, channels = self.input.shape, spec.channel_count
        if len(shape) == 4 and shape[3] == channels:
            return "NHWC"
        if len(shape) == 4 and shape[1] == channels:
            return "NCHW"
        raise EngineError(f"{self._path}: its input has the shape {shape}, which is no picture of {channels} channels")

    def maker(self, spec: InputSpec) -> BlobMaker | LevelMaker:
        """What makes its input of fitted pictures, as a card says; raises EngineError as ``layout`` does."""
        layout = self.layout(spec)
        quantisation = _quantisation(self.input)
        return LevelMaker(blob_plan(spec, layout), quantisation) if quantisation else blob_maker(spec, layout)

    def numbers(self, at: int, output: Any) -> FloatArray:
        """Output ``at`` as the network gives it, in float32; an array of its own."""
        quantisation = _quantisation(self.outputs[at])
        return quantisation.numbers(output) if quantisation else np.array(output, np.float32)


def _quantisation(tensor: TfliteTensor) -> Quantisation | None:
    if not tensor.is_quantised or tensor.step is None:
        return None
    return Quantisation(tensor.step, tensor.zero_point, cast(Literal["uint8", "int8"], tensor.dtype))
