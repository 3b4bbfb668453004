"""What OpenCV can tell of a network that nobody has described: the inputs it declares, its outputs, what comes out of pictures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from streamclf.catalogue.card import InputSpec
from streamclf.catalogue.formats import NetworkFiles
from streamclf.engines._look import MOST_SIDE, crash_of
from streamclf.engines._network import blob_maker
from streamclf.engines._opencv_net import FAULTS, in_words, quiet_cv2, read_net
from streamclf.errors import EngineError, ModelFileError
from streamclf.proof import Batch

if TYPE_CHECKING:
    from streamclf.engine import FloatArray

TITLE = "OpenCV"
# A damaged file can kill the whole process (ONNX, OpenCV 4.14).
crash = partial(crash_of, __name__)


class Look:
    """A network read for inspection, on the CPU, in the calling thread.

    Raises:
        EngineError: this cv2 cannot read it.
        ModelFileError: the weights plainly are not those of the definition.
    """

    def __init__(self, files: NetworkFiles):
        self._weights = files.weights
        with quiet_cv2():
            self._net = read_net(files.weights.name, files.framework, files.paths)
            if files.framework == "darknet":
                self._check_darknet(files)
            if files.framework == "caffe":
                self._check_caffe(files)
        self.output_names: tuple[str, ...] = tuple(self._net.getUnconnectedOutLayersNames())
        self.layer_names: tuple[str, ...] = tuple(self._net.getLayerNames())

    def input_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shape of every input as the file declares it, an axis that it leaves open being 0 or less; () where it says nothing."""
        with quiet_cv2():
            try:
                # One shape that is none: cv2 then takes the declared ones. An empty list of shapes would kill the process.
                _, inputs, _ = self._net.getLayersShapes([[]])
            except FAULTS:
                return ()
        return tuple(tuple(int(side) for side in np.asarray(shape).ravel()) for shape in inputs[0])

    def run_once(self) -> None:
        """A forward pass on nothing, where the file says what its inputs are; what goes wrong goes unsaid."""
        shapes = self.input_shapes()
        if len(shapes) == 1 and all(0 < side <= MOST_SIDE for side in shapes[0]):
            with quiet_cv2(), suppress(*FAULTS):
                self._net.setInput(np.zeros(shapes[0], np.float32))
                self._net.forward(list(self.output_names))

    def answer(self, picture: Batch, spec: InputSpec, names: Sequence[str]) -> dict[str, FloatArray]:
        """One fitted picture (H, W, C) uint8 to the outputs ``names``, as cv2 puts them out.

        Raises:
            EngineError: the network does not run on it.
        """
        height, width, channels = picture.shape
        with quiet_cv2():
            try:
                self._net.setInput(blob_maker(spec).make(picture[None]))
                outputs = self._net.forward(list(names))
            except FAULTS as error:
                raise EngineError(
                    f"{self._weights}: does not run on a picture of {width}x{height} and {channels} channels{in_words(error)}"
                ) from error
        return {name: np.array(output, np.float32) for name, output in zip(names, outputs, strict=True)}

    def _check_caffe(self, files: NetworkFiles) -> None:
        """Caffe's weights are found by the layers' names, and cv2 runs into foreign memory where their number is another."""
        text = files.paths["config"].read_text(encoding="utf-8", errors="replace")
        for part in re.split(r"^\s*layers?\s*\{", text, flags=re.MULTILINE)[1:]:
            name, count = re.search(r'name:\s*"([^"]+)"', part), re.search(r"num_output:\s*(\d+)", part)
            if not name or not count or "econvolution" in part or name[1] not in self._net.getLayerNames():
                continue
            blobs = self._net.getLayer(name[1]).blobs
            there = blobs[0].shape[0] if blobs else 0
            if there != int(count[1]):
                raise ModelFileError(
                    f"{files.weights}: has {there or 'no'} outputs for the layer {name[1]}, which has {count[1]} in "
                    f"{files.paths['config'].name}; they are of different networks"
                )

    def _check_darknet(self, files: NetworkFiles) -> None:
        """Darknet's weights are numbers without names, and cv2 takes what is not there for zero: count them."""
        needed = 0
        for name in self._net.getLayerNames():
            layer = self._net.getLayer(name)
            needed += 0 if layer.type == "Region" else sum(blob.size for blob in layer.blobs)
        with files.weights.open("rb") as file:
            major, minor = np.frombuffer(file.read(8).ljust(8, b"\0"), "<i4")
        header = 20 if major * 10 + minor >= 2 else 16
        there = (files.weights.stat().st_size - header) // 4
        if there != needed:
            raise ModelFileError(
                f"{files.weights}: holds {there} numbers, but {files.paths['config'].name} needs {needed}; it is truncated, or "
                "of another network"
            )
