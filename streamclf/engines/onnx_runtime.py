"""ONNX networks run by ONNX Runtime, on the CPU."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from streamclf.catalogue.find import ResolvedModel
from streamclf.engine import EngineName, EngineWish
from streamclf.engines._network import CardLoader, CardNetwork, blob_maker
from streamclf.errors import EngineError
from streamclf.proof import Batch
from streamclf.wording import first_line

if TYPE_CHECKING:
    from streamclf.engine import FloatArray

# Without it the library keeps a device's number in the user's cache and looks for its maker's server, from its import on.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
onnxruntime: Any = importlib.import_module("onnxruntime")

_QUIET = 4  # ONNX Runtime's severity "fatal": what it raises it has printed before


class OnnxRuntimeLoader(CardLoader):
    """One session for all lanes: ``run`` may be called by several threads at once, each works in its own.

    Its threads never spin: while they wait for work that way, they take the decoder's processor (measured: 113 frames a second
    instead of about 170 at 1080p).
    """

    name: EngineName = "onnxruntime"
    version = onnxruntime.__version__

    def __init__(self, model: ResolvedModel, wish: EngineWish):
        super().__init__(model, wish)
        self._session: Any = None

    def open(self) -> CardNetwork:
        """A view of the one session, read at the first call."""
        if self._session is None:
            self._session = self._read()
        return _Network(self.model, self._session)

    def notes(self) -> list[str]:
        """That there is nothing faster than exact."""
        if self.wish.precision == "exact":
            return []
        return ["precision fast: ONNX Runtime computes as it does for exact on this processor"]

    def _read(self) -> Any:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.plan.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _QUIET
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        path = self.model.paths["weights"]
        try:
            return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no base class of their own
            raise EngineError(f"{path}: ONNX Runtime {self.version} cannot read it ({first_line(error)})") from error


class _Network(CardNetwork):
    def __init__(self, model: ResolvedModel, session: Any):
        super().__init__(model)
        self._session = session
        self._input = session.get_inputs()[0].name
        self._names = self.choose_outputs([output.name for output in session.get_outputs()])
        self._blobs = blob_maker(model.card.input)

    def raw(self, batch: Batch) -> dict[str, FloatArray]:
        """See :class:`CardNetwork`."""
        try:
            outputs = self._session.run(self._names, {self._input: self._blobs.make(batch)})
        except Exception as error:  # its errors have no base class of their own
            raise EngineError(
                f"{self.model.card.name}: ONNX Runtime failed on a batch of the shape {batch.shape} ({first_line(error)})"
            ) from error
        return {name: np.asarray(output, np.float32) for name, output in zip(self._names, outputs, strict=True)}
