"""ONNX, TensorFlow and TensorFlow Lite networks run by OpenVINO, on the CPU."""

from __future__ import annotations

import importlib
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from streamclf.catalogue.find import ResolvedModel
from streamclf.engine import Arithmetic, EngineName, EngineWish
from streamclf.engines._network import CardLoader, CardNetwork, blob_plan
from streamclf.engines._tflite import TfliteFile
from streamclf.errors import EngineError
from streamclf.proof import Batch
from streamclf.wording import first_line

if TYPE_CHECKING:
    from streamclf.engine import FloatArray


def _import_runtime() -> Any:
    """The library without its converter, which it imports where that is there: it takes longer to import than all that is needed here,
    and sends an event to a counter on the internet. A program of the user's own may still import it."""
    converter = "openvino.tools.ovc"
    before = sys.modules.get(converter)
    sys.modules[converter] = None  # type: ignore[assignment]  # to an import the same as not installed
    try:
        return importlib.import_module("openvino")
    finally:
        del sys.modules[converter]
        if before is not None:
            sys.modules[converter] = before


openvino = _import_runtime()

_SIXTEEN_BITS: dict[str, Arithmetic] = {"BF16": "bfloat16", "FP16": "float16"}
"""What OpenVINO calls them among a processor's abilities, the better one first."""


def sixteen_bits(core: Any = None) -> Arithmetic | None:
    """Which arithmetic of 16 bits this processor has; None: none that is faster than float32."""
    able = (core or openvino.Core()).get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return next((bits for name, bits in _SIXTEEN_BITS.items() if name in able), None)


class OpenVinoLoader(CardLoader):
    """One compiled network with a stream of one thread for each processor, and twice as many lanes.

    A lane hands its pictures to a stream and sleeps until they are answered. With two lanes a stream the next request waits already
    when one is done, while the other lane's Python prepares another: OpenVINO's asynchronous queue, by threads that are there anyway.
    A live source gets one stream with all threads, and one lane.

    The input's size is fixed where the card fixes it, since a network of open sizes is slower; each batch size is compiled for itself.
    """

    name: EngineName = "openvino"
    version = openvino.__version__.partition("-")[0]

    def __init__(self, model: ResolvedModel, wish: EngineWish):
        super().__init__(model, wish)
        self._core = openvino.Core()
        self._bits = sixteen_bits(self._core) if wish.precision == "fast" else None
        self._compiled: dict[int, Any] = {}

    @property
    def lanes(self) -> int:
        """How many engines shall run side by side."""
        return 1 if self.wish.live else 2 * self.plan.lanes

    def open(self) -> CardNetwork:
        """Requests of its own to the one compiled network."""
        return _Network(self.model, self)

    def float_arithmetic(self) -> Arithmetic:
        """What was granted."""
        return self._bits or "float32"

    def notes(self) -> list[str]:
        """That there is nothing faster than exact, if so."""
        if self.wish.precision == "exact" or self._bits is not None:
            return []
        return ["precision fast: this processor has no 16-bit arithmetic; computes in float32"]

    @cached_property
    def tflite(self) -> TfliteFile | None:
        """What a TensorFlow Lite file says of its two ends: levels of 8 bits go in and out as they are. None for other frameworks."""
        return TfliteFile(self.model.paths["weights"]) if self.model.card.framework == "tflite" else None

    def compiled(self, batch_size: int) -> Any:
        """The network compiled for this batch size, made at the first call; raises EngineError."""
        if batch_size not in self._compiled:
            self._compiled[batch_size] = self._compile(batch_size)
        return self._compiled[batch_size]

    def layout(self) -> Literal["NCHW", "NHWC"]:
        """The network's own, not OpenCV's, which turns those of TensorFlow; raises EngineError where it takes no such pictures."""
        spec = self.model.card.input
        if self.tflite is not None:
            return self.tflite.layout(spec)
        return "NHWC" if self.model.card.framework == "tensorflow" else spec.layout

    def _compile(self, batch_size: int) -> Any:
        path, spec = self.model.paths["weights"], self.model.card.input
        try:
            network = self._core.read_model(path)
        except Exception as error:  # its errors have no base class of their own
            raise EngineError(f"{path}: OpenVINO {self.version} cannot read it ({first_line(error)})") from error
        sides = [-1, -1] if spec.fit == "short_side" else [spec.height, spec.width]
        channels = spec.channel_count
        shape = [batch_size, channels, *sides] if self.layout() == "NCHW" else [batch_size, *sides, channels]
        options = {
            "NUM_STREAMS": self.plan.lanes,
            "INFERENCE_NUM_THREADS": self.plan.lanes * self.plan.threads,
            "INFERENCE_PRECISION_HINT": {None: "f32", "bfloat16": "bf16", "float16": "f16"}[self._bits],
            "ENABLE_CPU_PINNING": False,  # the decoder needs the processors, too
        }
        try:
            network.reshape({network.inputs[0]: openvino.PartialShape(shape)})
            if self.tflite is None:
                network = self._with_preparation(network)
            return self._core.compile_model(network, "CPU", options)
        except Exception as error:
            raise EngineError(
                f"{self.model.card.name}: OpenVINO cannot run {path} on a batch of {batch_size} ({first_line(error)})"
            ) from error

    def _with_preparation(self, network: Any) -> Any:
        """The network that takes the pictures as they are, bytes in BGR or grey: its first step makes its input of them, as its card
        says. A quarter of the memory goes through the caches, in the stream's own thread and without Python's lock."""
        spec = self.model.card.input
        plan = blob_plan(spec, self.layout())
        steps = openvino.preprocess.PrePostProcessor(network)
        steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
        steps.input().model().set_layout(openvino.Layout(plan.layout))
        work = steps.input().preprocess().convert_element_type(openvino.Type.f32)
        if plan.swap:
            work.reverse_channels()
        work.mean(list(plan.offsets)).scale([1 / scale for scale in plan.scales])
        return steps.build()


class _Network(CardNetwork):
    def __init__(self, model: ResolvedModel, loader: OpenVinoLoader):
        super().__init__(model)
        self._loader = loader
        self._requests: dict[int, tuple[Any, npt.NDArray[Any] | None]] = {}
        names = [_name(output) for output in loader.compiled(1).outputs]
        chosen = self.choose_outputs(names)
        self._levels = loader.tflite.maker(model.card.input) if loader.tflite else None
        self._outputs = [(name, names.index(name)) for name in chosen]

    def raw(self, batch: Batch) -> dict[str, FloatArray]:
        """See :class:`CardNetwork`."""
        request, memory = self._request(len(batch))
        values = batch if self._levels is None else self._levels.make(batch)
        try:
            if memory is None or memory.shape != values.shape:  # which it refuses itself, where they do not fit
                request.set_input_tensor(openvino.Tensor(np.ascontiguousarray(values)))
            else:
                np.copyto(memory, values, casting="no")
            # infer() would also copy all outputs into a dictionary: 0.05 ms of Python beside a network of 3
            request.start_async()
            request.wait()
            return {name: self._numbers(at, request.get_output_tensor(at).data) for name, at in self._outputs}
        except Exception as error:
            raise EngineError(
                f"{self.model.card.name}: OpenVINO failed on a batch of the shape {batch.shape} ({first_line(error)})"
            ) from error

    def free(self) -> None:
        """Let the requests go."""
        self._requests.clear()

    def _numbers(self, at: int, output: Any) -> FloatArray:
        """An output in float32, an array of its own."""
        tflite = self._loader.tflite
        return tflite.numbers(at, output) if tflite else np.array(output, np.float32)

    def _request(self, batch_size: int) -> tuple[Any, npt.NDArray[Any] | None]:
        """A request, and the array it reads its input from; None where the input's size follows the picture."""
        if batch_size not in self._requests:
            network = self._loader.compiled(batch_size)
            request = network.create_infer_request()
            fixed = network.inputs[0].partial_shape.is_static
            self._requests[batch_size] = request, request.get_input_tensor().data if fixed else None
        return self._requests[batch_size]


def _name(output: Any) -> str:
    names = sorted(output.names)
    return names[0] if names else str(output.node.friendly_name)
