"""TensorFlow Lite networks run by LiteRT, on the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamclf.catalogue.find import ResolvedModel
from streamclf.engine import EngineName
from streamclf.engines._litert import VERSION, LiteRtNet
from streamclf.engines._network import CardLoader, CardNetwork
from streamclf.proof import Batch

if TYPE_CHECKING:
    from streamclf.engine import FloatArray


class LiteRtLoader(CardLoader):
    """An interpreter for each lane: one cannot be shared by threads. Pictures at once where the network allows another shape than
    its own; many are made for a single picture.
    """

    name: EngineName = "litert"
    version = VERSION

    def open(self) -> CardNetwork:
        """An interpreter of its own."""
        return _Network(self.model, self.plan.threads)

    def notes(self) -> list[str]:
        """That there is nothing faster than exact: the interpreter's Python has no option for 16 bits."""
        if self.wish.precision == "exact":
            return []
        return ["precision fast: LiteRT computes as it does for exact"]


class _Network(CardNetwork):
    def __init__(self, model: ResolvedModel, threads: int):
        super().__init__(model)
        self._net = LiteRtNet(model.paths["weights"], threads)
        self._input = self._net.file.maker(model.card.input)
        names = self._net.file.names
        self._outputs = [(name, names.index(name)) for name in self.choose_outputs(names)]

    def raw(self, batch: Batch) -> dict[str, FloatArray]:
        """See :class:`CardNetwork`."""
        outputs = self._net.run(self._input.make(batch))
        return {name: self._net.file.numbers(at, outputs[at]) for name, at in self._outputs}

    def free(self) -> None:
        """Let the interpreter go."""
        self._net.close()
