"""Networks run by OpenCV's own dnn module, on the CPU or an OpenCL device."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, get_args

import cv2
import numpy as np
import numpy.typing as npt

from streamclf.catalogue.card import CARD_NAME
from streamclf.catalogue.find import ResolvedModel
from streamclf.engine import EngineInfo, Target
from streamclf.engines._opencv_net import FAULTS, READERS, in_words, make_blob, quiet_cv2, read_net
from streamclf.engines._outputs import answer, contradiction, picture_rows
from streamclf.errors import CardError, EngineError, UsageError
from streamclf.proof import Batch, Rows, agree, picture_ms, probe_pictures, prove_batches, usable_cpus
from streamclf.vision.detection import per_picture

if TYPE_CHECKING:
    from streamclf.engine import FloatArray

BATCH_SIZES = (1, 2, 4)
"""What is tried at load: each change of the size costs a re-planning, and beyond 4 nothing is gained."""
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


class OpenCvDnnEngine:
    """One network in one thread; made by :class:`OpenCvDnnLoader`."""

    def __init__(self, network: _Network, info: EngineInfo):
        self._network: _Network | None = network
        self.info = info

    def run(self, batch: npt.NDArray[np.uint8]) -> Mapping[str, FloatArray]:
        """Fitted pictures (N, H, W, C) uint8 to ``{output's name: float32 with N first}``, arrays of their own.

        Raises:
            EngineError: the engine is closed, the batch is not of that kind, or cv2 failed.
        """
        if self._network is None:
            raise EngineError("the engine is closed")
        return self._network.forward(batch)

    def close(self) -> None:
        """Free the network; idempotent."""
        self._network = None


class OpenCvDnnLoader:
    """Loads one network as often as there are ``lanes``, each in the thread that calls ``load``.

    How many lanes and threads, measured on SqueezeNet, MobileNet V1 and V2, and Tiny Darknet on two cores: networks of one thread
    side by side are as fast as one of all threads at any batch size, or faster. So on the CPU, for recorded sources, there is a
    lane of one thread for each usable processor. One lane of all threads serves where that is better: for live sources (a single
    picture is answered sooner), for weights above 100 MB (held once), and on OpenCL. ``threads`` overrules the threads of a lane;
    the lanes follow. The number of threads is cv2's, one for the whole process.

    The first ``load`` proves which batch sizes give the answers of single pictures, and which is the fastest a picture: a larger
    one is best only if its answers are bitwise equal and it gains at least 5 %, which is tried with several threads and recorded
    sources only: one thread gains 3 % at most, and live sources never wait for a batch. On OpenCL it compares the answers with
    the CPU's, notes both speeds, and falls back to the CPU if they differ. Later loads reuse all that.
    """

    def __init__(
        self,
        model: ResolvedModel,
        target: Target = "cpu",
        live: bool = False,
        batch: int | None = None,
        threads: int | None = None,
    ):
        for name, value in (("batch", batch), ("threads", threads)):
            if value is not None and value < 1:
                raise UsageError(f"{name} {value}: must be at least 1")
        self._model, self._requested, self._batch, self._live = model, target, batch, live
        self._most = max(BATCH_SIZES)
        self._target, reason = usable_target(target)
        self._notes = [reason] if reason else []
        cpus = usable_cpus()
        single = live or self._target != "cpu" or model.size_bytes > LARGE_BYTES
        self.threads = threads or (cpus if single else 1)
        self.lanes = 1 if single else max(1, cpus // self.threads)
        self._info: EngineInfo | None = None
        self._lock = threading.Lock()

    def load(self) -> OpenCvDnnEngine:
        """A loaded and warm engine for the calling thread.

        Raises:
            EngineError: this cv2 cannot read or run the network.
            CardError: the card does not fit the network: number of classes, name of the output, softmax.
        """
        with self._lock, quiet_cv2():
            if self._info is None:
                cv2.setNumThreads(self.threads)
                network, self._info = self._prove()
            else:
                network = _Network(self._model, self._info.effective_target)
                network.rows(self._pictures(self._info.best_batch))
            return OpenCvDnnEngine(network, self._info)

    def _prove(self) -> tuple[_Network, EngineInfo]:
        network = _Network(self._model, self._target)
        network.check(self._pictures(2))
        if self._target != "cpu":
            network = self._compare(network, _Network(self._model, "cpu"))
        limit = self._batch or self._most
        sizes = [*(size for size in BATCH_SIZES if size < limit), limit]
        sets = [self._pictures(limit)]
        if self._model.card.input.fit == "short_side":  # the input's size follows the picture: prove it for two
            sets.append(self._pictures(limit, wider=True))
        timed = self.threads > 1 and not self._live and self._batch is None
        proof = prove_batches(network.rows, sets, sizes, timed)
        best = proof.best_batch
        if self._batch is not None:
            best = max(proof.batch_sizes)
            if best != self._batch:
                self._notes.append(
                    f"batch {self._batch}: this network does not give the answers of single pictures; uses {best}"
                )
        network.rows(self._pictures(best))
        return network, EngineInfo(
            name="opencv",
            requested_target=self._requested,
            effective_target=self._target,
            batch_sizes=proof.batch_sizes,
            best_batch=best,
            threads=self.threads,
            lanes=self.lanes,
            notes=tuple(self._notes),
        )

    def _compare(self, network: _Network, on_cpu: _Network) -> _Network:
        """``network`` if its answers are those of the CPU, which otherwise takes over."""
        pictures = self._pictures(2)
        pairs = [tuple(n.answer(picture) for n in (network, on_cpu)) for picture in pictures]
        if not all(agree(ours, theirs, _TOLERANCES[self._target]) for ours, theirs in pairs):
            apart = [np.abs(ours - theirs).max() for ours, theirs in pairs if ours.shape == theirs.shape]
            by = f" (by {max(apart):.2g})" if len(apart) == len(pairs) else ""
            self._notes.append(f"{self._target} answers differently from the cpu{by}; runs on the cpu")
            self._target = "cpu"
            return on_cpu
        speeds = [picture_ms(n.rows, pictures[:1]) for n in (network, on_cpu)]
        hint = ""
        if speeds[0] > speeds[1]:
            hint, self._most = "; the cpu is faster here", 1  # every batch size builds kernels for seconds, for nothing
        self._notes.append(f"{self._target} {speeds[0]:.1f} ms a picture, cpu {speeds[1]:.1f} ms, same answers{hint}")
        return network

    def _pictures(self, count: int, wider: bool = False) -> Batch:
        spec = self._model.card.input
        return probe_pictures(count, (spec.width * 4 // 3 if wider else spec.width, spec.height), spec.channel_count)


class _Network:
    """A cv2 net with its card: blobs in the card's way, outputs by name."""

    def __init__(self, model: ResolvedModel, target: Target):
        self._model = model
        self._net = read_net(model.card.name, model.card.framework, model.paths)
        self._net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
        self._net.setPreferableTarget(_TARGETS[target])
        self._names = self._output_names()

    def forward(self, batch: Batch) -> dict[str, FloatArray]:
        """(N, H, W, C) uint8 to named outputs with N first; raises EngineError."""
        layout = self._model.card.output.boxes
        outputs = self._raw(batch)
        return per_picture(layout, outputs, len(batch)) if layout else outputs

    def _raw(self, batch: Batch) -> dict[str, FloatArray]:
        """The same as cv2 puts it out."""
        channels = self._model.card.input.channel_count
        if batch.ndim != 4 or batch.shape[3] != channels or batch.dtype != np.uint8 or not batch.size:
            raise EngineError(f"a batch is (N, H, W, {channels}) uint8, not {batch.shape} {batch.dtype}")
        try:
            self._net.setInput(make_blob(batch, self._model.card.input))
            outputs = self._net.forward(self._names)
        except FAULTS as error:
            name, path = self._model.card.name, self._model.paths["weights"]
            raise EngineError(
                f"{name}: {path} failed on a batch of the shape {batch.shape}"
                f"{in_words(error) or '; does the [input] of its card fit the network?'}"
            ) from error
        return {name: np.asarray(output, np.float32) for name, output in zip(self._names, outputs, strict=True)}

    def rows(self, batch: Batch) -> Sequence[Rows]:
        """(N, H, W, C) uint8 to each picture's raw numbers, a row each."""
        return picture_rows(self._model.card.output, self.forward(batch), len(batch))

    def answer(self, picture: Batch) -> Rows:
        """One picture (H, W, C) to the numbers that have to be the same on every device."""
        return answer(self._model.card.output, self.rows(picture[None])[0])

    def check(self, pictures: Batch) -> None:
        """Raise CardError where the card's [output] does not fit what comes out, EngineError where that is NaN."""
        height, width = pictures.shape[1:3]
        outputs = [self._raw(picture[None]) for picture in pictures]
        try:
            problem = contradiction(self._model.card.output, outputs, (width, height))
        except EngineError as fault:
            raise EngineError(f"{self._model.card.name}: {fault}") from fault
        if problem:
            raise CardError(f"{self._model.folder / CARD_NAME}: {problem}")

    def _output_names(self) -> list[str]:
        names = list(self._net.getUnconnectedOutLayersNames())
        wanted = self._model.card.output.name
        if wanted is None and (len(names) == 1 or self._model.card.task == "detection"):
            return names
        if wanted is not None and (wanted in names or wanted in self._net.getLayerNames()):
            return [wanted]
        problem = "output.name is missing" if wanted is None else f"output.name {wanted!r} is none of the network's"
        raise CardError(f"{self._model.folder / CARD_NAME}: {problem}; its outputs are {', '.join(names)}")
