"""What LiteRT can tell of a network that nobody has described: the inputs it declares, its outputs, what comes out of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from streamclf.catalogue.card import InputSpec
from streamclf.catalogue.formats import NetworkFiles
from streamclf.engines._litert import LiteRtNet
from streamclf.engines._look import MOST_SIDE, crash_of
from streamclf.proof import Batch

if TYPE_CHECKING:
    from streamclf.engine import FloatArray

TITLE = "LiteRT"
crash = partial(crash_of, __name__)


class Look:
    """A network read for inspection, in the calling thread.

    Raises:
        EngineError: LiteRT cannot read it, or it takes something else than one picture.
        ModelFileError: the file is no whole network.
    """

    def __init__(self, files: NetworkFiles):
        self._net = LiteRtNet(files.weights, threads=1)
        self.output_names: tuple[str, ...] = tuple(self._net.file.names)
        self.layer_names: tuple[str, ...] = ()
        """Only the outputs can be asked for."""

    def input_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The input's shape as the file declares it, an open axis being -1."""
        return (self._net.file.input.shape,)

    def run_once(self) -> None:
        """A forward pass on nothing, where the file says what its input is."""
        (shape,) = self.input_shapes()
        if all(0 < side <= MOST_SIDE for side in shape):
            self._net.run(np.zeros(shape, self._net.file.input.dtype))

    def answer(self, picture: Batch, spec: InputSpec, names: Sequence[str]) -> dict[str, FloatArray]:
        """One fitted picture (H, W, C) uint8 to the outputs ``names`` as numbers.

        Raises:
            EngineError: the network does not run on it.
        """
        outputs = self._net.run(self._net.file.maker(spec).make(picture[None]))
        numbers = {each: self._net.file.numbers(at, outputs[at]) for at, each in enumerate(self.output_names)}
        return {name: numbers[name] for name in names}
