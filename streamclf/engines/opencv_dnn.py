"""Networks run by OpenCV's own dnn module, on the CPU or an OpenCL device."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, get_args

import cv2
import numpy as np

from streamclf.catalogue.find import ResolvedModel
from streamclf.engine import Arithmetic, EngineName, EngineWish, Target
from streamclf.engines._network import CardEngine, CardLoader, CardNetwork, Plan, blob_maker
from streamclf.engines._opencv_net import FAULTS, READERS, in_words, quiet_cv2, read_net
from streamclf.errors import EngineError
from streamclf.proof import BATCH_SIZES, Batch, agree, picture_ms

if TYPE_CHECKING:
    from streamclf.engine import FloatArray

LARGE_BYTES = 100_000_000
"""Above this the weights are held once only."""

_TARGETS: dict[Target, int] = {
    "cpu": cv2.dnn.DNN_TARGET_CPU,
    "opencl": cv2.dnn.DNN_TARGET_OPENCL,
    "opencl-fp16": cv2.dnn.DNN_TARGET_OPENCL_FP16,
}
# How far a probability may be from the CPU's.
_TOLERANCES: dict[Target, float] = {"cpu": 0.0, "opencl": 1e-3, "opencl-fp16": 2e-2}


def readable_frameworks() -> dict[str, bool]:
    """Which kinds of networks this cv2 can read (OpenCV 5 has lost some)."""
    return {framework: hasattr(cv2.dnn, reader) for framework, reader in READERS.items()}


def available_targets() -> dict[str, bool]:
    """Which targets would really be used here, by name."""
    return {target: usable_target(target)[0] == target for target in get_args(Target)}


def usable_target(target: Target) -> tuple[Target, str]:
    """What ``target`` comes down to here, and why in a sentence ("" where it is granted).

    cv2 itself never tells: without a fitting device it runs on the CPU, and a ``Net`` has no getter for it.
    """
    if target == "cpu":
        return "cpu", ""
    if _TARGETS[target] not in cv2.dnn.getAvailableTargets(cv2.dnn.DNN_BACKEND_OPENCV):
        reason = "no OpenCL device was found" if cv2.ocl.haveOpenCL() else "no OpenCL runtime is installed"
        return "cpu", f"asked for {target}, runs on the cpu: {reason}"
    if os.environ.get("OPENCV_DNN_OPENCL_ALLOW_ALL_DEVICES", "").lower() in ("1", "true"):
        return target, ""
    # The same rules as in OpenCV's net_impl.cpp, which only logs what it decides.
    device = cv2.ocl.Device.getDefault()
    if device.type() != cv2.ocl.Device_TYPE_GPU:
        allow = "OPENCV_DNN_OPENCL_ALLOW_ALL_DEVICES=1 allows it"
        return "cpu", f"asked for {target}, runs on the cpu: the OpenCL device {device.name()} is no GPU ({allow})"
    if target == "opencl-fp16" and not device.isIntel():
        return (
            "opencl",
            f"asked for opencl-fp16, runs on opencl: OpenCV has 16 bits on Intel GPUs only, not {device.name()}",
        )
    return target, ""


class OpenCvDnnLoader(CardLoader):
    """A net for each lane. The number of threads is cv2's, one for the whole process.

    One lane of all threads serves also for weights above 100 MB (held once), and on OpenCL. A larger batch is the best only if its
    answers are bitwise equal and it gains at least 5 %, which is tried with several threads and recorded sources only: one thread
    gains 3 % at most, and live sources never wait for a batch. On OpenCL the first load compares the answers with the CPU's, notes
    both speeds, and falls back to the CPU if they differ.
    """

    name: EngineName = "opencv"
    version = cv2.__version__

    def __init__(self, model: ResolvedModel, wish: EngineWish = EngineWish()):
        super().__init__(model, wish)
        self.target, reason = usable_target(wish.target)
        self._notes = [reason] if reason else []
        self.plan = Plan.of(wish, one_lane=self.target != "cpu" or model.size_bytes > LARGE_BYTES)
        self.timed = self.plan.threads > 1 and not wish.live
        if self.timed:
            self.batch_sizes = BATCH_SIZES

    def load(self) -> CardEngine:
        """See :class:`CardLoader`; cv2 prints nothing of what it then raises."""
        with quiet_cv2():
            return super().load()

    def open(self) -> CardNetwork:
        """A net of its own, on the target that was found to be usable."""
        return _Network(self.model, self.target)

    def float_arithmetic(self) -> Arithmetic:
        """float32, or 16 bits on an OpenCL device that was asked for them."""
        return "float16" if self.target == "opencl-fp16" else "float32"

    def notes(self) -> list[str]:
        """Why the target is not the requested one, or how fast it is; that there is nothing faster than exact."""
        if self.wish.precision == "fast" and self.target == "cpu":
            return [*self._notes, "precision fast: OpenCV computes as it does for exact on a cpu"]
        return self._notes

    def settle(self, network: CardNetwork) -> CardNetwork:
        """``network`` if its answers are those of the CPU, which otherwise takes over."""
        if self.target == "cpu":
            return network
        on_cpu = _Network(self.model, "cpu")
        pictures = network.pictures(2)
        pairs = [(network.answer(picture), on_cpu.answer(picture)) for picture in pictures]
        if not all(agree(ours, theirs, _TOLERANCES[self.target]) for ours, theirs in pairs):
            apart = [np.abs(ours - theirs).max() for ours, theirs in pairs if ours.shape == theirs.shape]
            by = f" (by {max(apart):.2g})" if len(apart) == len(pairs) else ""
            self._notes.append(f"{self.target} answers differently from the cpu{by}; runs on the cpu")
            self.target = "cpu"
            return on_cpu
        speeds = [picture_ms(n.rows, pictures[:1]) for n in (network, on_cpu)]
        hint = ""
        if speeds[0] > speeds[1]:  # every batch size builds kernels for seconds, for nothing
            hint, self.batch_sizes = "; the cpu is faster here", (1,)
        self._notes.append(f"{self.target} {speeds[0]:.1f} ms a picture, cpu {speeds[1]:.1f} ms, same answers{hint}")
        return network


class _Network(CardNetwork):
    """A cv2 net with its card."""

    def __init__(self, model: ResolvedModel, target: Target):
        super().__init__(model)
        self._net: Any = read_net(model.card.name, model.card.framework, model.paths)
        self._net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
        self._net.setPreferableTarget(_TARGETS[target])
        self._names = self.choose_outputs(self._net.getUnconnectedOutLayersNames(), self._net.getLayerNames())
        self._blobs = blob_maker(model.card.input)

    def raw(self, batch: Batch) -> dict[str, FloatArray]:
        """See :class:`CardNetwork`."""
        try:
            self._net.setInput(self._blobs.make(batch))
            outputs = self._net.forward(self._names)
        except FAULTS as error:
            name, path = self.model.card.name, self.model.paths["weights"]
            raise EngineError(
                f"{name}: {path} failed on a batch of the shape {batch.shape}"
                f"{in_words(error) or '; does the [input] of its card fit the network?'}"
            ) from error
        return {name: np.asarray(output, np.float32) for name, output in zip(self._names, outputs, strict=True)}
