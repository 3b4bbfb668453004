"""What all engines share: a network with its card, the proof of its batch sizes, the plan of lanes and threads."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from streamclf.catalogue.card import CARD_NAME, InputSpec
from streamclf.catalogue.find import ResolvedModel
from streamclf.catalogue.formats import is_quantised
from streamclf.engine import Arithmetic, EngineInfo, EngineName, EngineWish, Target
from streamclf.engines._outputs import answer, contradiction, picture_rows
from streamclf.errors import CardError, EngineError
from streamclf.proof import BATCH_SIZES, Batch, Rows, probe_pictures, prove_batches, usable_cpus
from streamclf.vision.blob import BlobMaker, BlobPlan
from streamclf.vision.detection import per_picture
from streamclf.vision.threads import set_vision_threads

if TYPE_CHECKING:
    from streamclf.engine import FloatArray


class CardNetwork(ABC):
    """A network of some runtime with its card: pictures in the card's way, outputs by name. For one thread at a time."""

    def __init__(self, model: ResolvedModel):
        self.model = model

    @abstractmethod
    def raw(self, batch: Batch) -> dict[str, FloatArray]:
        """(N, H, W, C) uint8 to the outputs as the runtime gives them, float32 arrays that nobody overwrites; raises EngineError."""

    def free(self) -> None:  # noqa: B027  (a runtime that frees by itself has nothing to do)
        """Let the runtime's part go."""

    def forward(self, batch: Batch) -> dict[str, FloatArray]:
        """(N, H, W, C) uint8 to named outputs with N first; raises EngineError."""
        layout = self.model.card.output.boxes
        outputs = self._checked(batch)
        return per_picture(layout, outputs, len(batch)) if layout else outputs

    def rows(self, batch: Batch) -> Sequence[Rows]:
        """(N, H, W, C) uint8 to each picture's raw numbers, a row each."""
        return picture_rows(self.model.card.output, self.forward(batch), len(batch))

    def answer(self, picture: Batch) -> Rows:
        """One picture (H, W, C) to the numbers that have to be the same on every device."""
        return answer(self.model.card.output, self.rows(picture[None])[0])

    def check(self) -> None:
        """Raise CardError where the card's [output] does not fit what comes out, EngineError where that is NaN."""
        pictures = self.pictures(2)
        height, width = pictures.shape[1:3]
        outputs = [self._checked(picture[None]) for picture in pictures]
        try:
            problem = contradiction(self.model.card.output, outputs, (width, height))
        except EngineError as fault:
            raise EngineError(f"{self.model.card.name}: {fault}") from fault
        if problem:
            raise CardError(f"{self.model.folder / CARD_NAME}: {problem}")

    def pictures(self, count: int, wider: bool = False) -> Batch:
        """Differing pictures of the input's size, to try it with."""
        spec = self.model.card.input
        return probe_pictures(count, (spec.width * 4 // 3 if wider else spec.width, spec.height), spec.channel_count)

    def choose_outputs(self, names: Sequence[str], inner: Sequence[str] = ()) -> list[str]:
        """Which of a network's outputs ``names`` the card wants; ``inner`` are layers that could be asked for as well.

        Raises:
            CardError: it wants none of them, or does not say which.
        """
        wanted = self.model.card.output.name
        if wanted is None and (len(names) == 1 or self.model.card.task == "detection"):
            return list(names)
        if wanted is not None and (wanted in names or wanted in inner):
            return [wanted]
        problem = "output.name is missing" if wanted is None else f"output.name {wanted!r} is none of the network's"
        raise CardError(f"{self.model.folder / CARD_NAME}: {problem}; its outputs are {', '.join(names)}")

    def _checked(self, batch: Batch) -> dict[str, FloatArray]:
        channels = self.model.card.input.channel_count
        if batch.ndim != 4 or batch.shape[3] != channels or batch.dtype != np.uint8 or not batch.size:
            raise EngineError(f"a batch is (N, H, W, {channels}) uint8, not {batch.shape} {batch.dtype}")
        return self.raw(batch)


class CardEngine:
    """An engine over a :class:`CardNetwork`, for the thread that loaded it."""

    def __init__(self, network: CardNetwork, info: EngineInfo):
        self._network: CardNetwork | None = network
        self.info = info

    def run(self, batch: Batch) -> Mapping[str, FloatArray]:
        """Fitted pictures (N, H, W, C) uint8 to ``{output's name: float32 with N first}``, arrays of their own.

        Raises:
            EngineError: the engine is closed, the batch is not of that kind, or the runtime failed.
        """
        if self._network is None:
            raise EngineError("the engine is closed")
        return self._network.forward(batch)

    def close(self) -> None:
        """Free the network; idempotent."""
        if self._network is not None:
            self._network.free()
        self._network = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How an engine shares the processors: so many ``lanes`` side by side, each with so many ``threads``."""

    lanes: int
    threads: int

    @staticmethod
    def most() -> int:
        """As many processors as a wish may name; more of them would only take memory and time to load."""
        return 4 * usable_cpus()

    @classmethod
    def of(cls, wish: EngineWish, one_lane: bool = False) -> Plan:
        """The rule, measured on two cores with SqueezeNet, GoogLeNet, ResNet-50 and MobileNets in every engine: networks of one
        thread side by side are as fast as one of all threads at any batch size, or faster, since nothing waits for the slower half
        of a layer. So recorded sources get a lane of one thread for each processor; the decoder's thread shares them, and the
        system gives each what it needs. A live source gets one lane with all threads: a single picture is answered sooner.
        """
        cpus = min(wish.threads or usable_cpus(), cls.most())
        return cls(1, cpus) if wish.live or one_lane else cls(cpus, 1)


class CardLoader(ABC):
    """Loads one network as often as there are ``lanes``, each in the thread that calls ``load``. A kind says how to open it.

    The first ``load`` holds the card against what comes out, and proves which batch sizes give the answers of single pictures;
    later ones reuse that.
    """

    name: EngineName
    version: str

    def __init__(self, model: ResolvedModel, wish: EngineWish):
        self.model, self.wish = model, wish
        self.plan = Plan.of(wish)
        self.target: Target = "cpu"
        # Live sources may have a frame each; over files batches of one thread gain nothing, and trying them out delays the start.
        self.batch_sizes: tuple[int, ...] = BATCH_SIZES if wish.live else (1,)
        """What the first load tries."""
        self.timed = False
        """Whether it also finds out the fastest of them."""
        self._info: EngineInfo | None = None
        self._lock = threading.Lock()

    @property
    def lanes(self) -> int:
        """How many engines shall run side by side."""
        return self.plan.lanes

    @abstractmethod
    def open(self) -> CardNetwork:
        """The network for the calling thread; raises EngineError."""

    def arithmetic(self) -> Arithmetic:
        """What the opened network is computed in: int8 where it says itself how it is quantised, whatever else was granted."""
        if is_quantised(self.model.card.framework, self.model.paths["weights"]):
            return "int8"
        return self.float_arithmetic()

    def float_arithmetic(self) -> Arithmetic:
        """What a network is computed in that is not quantised."""
        return "float32"

    def notes(self) -> list[str]:
        """What a user should know of how the wish was met."""
        return []

    def settle(self, network: CardNetwork) -> CardNetwork:
        """The network to go on with, once the first one is known to fit its card: another one where that runs better elsewhere."""
        return network

    def load(self) -> CardEngine:
        """A loaded and warm engine for the calling thread.

        Raises:
            EngineError: the runtime cannot read or run the network.
            CardError: the card does not fit the network: number of classes, name of the output, softmax.
        """
        with self._lock:
            set_vision_threads(self.plan.threads)
            network = self.open()
            if self._info is None:
                network.check()
                network = self.settle(network)
                self._info = self._proven(network)
            else:
                network.rows(network.pictures(self._info.best_batch))
            return CardEngine(network, self._info)

    def _proven(self, network: CardNetwork) -> EngineInfo:
        sizes, best, notes = proven_batches(network, self.wish.batch, self.batch_sizes, self.timed)
        if self.wish.threads and self.wish.threads > Plan.most():
            notes.append(f"threads {self.wish.threads}: uses {Plan.most()}, four times the processors here")
        return EngineInfo(
            name=self.name,
            requested_target=self.wish.target,
            effective_target=self.target,
            batch_sizes=sizes,
            best_batch=best,
            threads=self.plan.threads,
            lanes=self.lanes,
            notes=(*self.notes(), *notes),
            requested_precision=self.wish.precision,
            arithmetic=self.arithmetic(),
            version=self.version,
        )


def proven_batches(
    network: CardNetwork, wanted: int | None, sizes: Sequence[int], timed: bool
) -> tuple[tuple[int, ...], int, list[str]]:
    """The batch sizes that give the answers of single pictures, the one to fill to, and what to tell the user of it.

    ``wanted`` is the user's own size; without it, ``sizes`` are tried, and timed if ``timed`` (otherwise 1 is the best).
    """
    limit = wanted or max(sizes)
    tried = [*(size for size in (BATCH_SIZES if wanted else sizes) if size < limit), limit]
    sets = [network.pictures(limit)]
    if network.model.card.input.fit == "short_side":  # the input's size follows the picture: prove it for two
        sets.append(network.pictures(limit, wider=True))
    proof = prove_batches(network.rows, sets, tried, timed and wanted is None)
    best, notes = proof.best_batch, []
    if wanted is not None:
        best = max(proof.batch_sizes)
        if best != wanted:
            notes.append(f"batch {wanted}: this network does not give the answers of single pictures; uses {best}")
    if best != tried[-1] or timed:  # the size that ran last is planned already
        network.rows(network.pictures(best))
    return proof.batch_sizes, best, notes


def blob_maker(spec: InputSpec, layout: Literal["NCHW", "NHWC"] | None = None) -> BlobMaker:
    """What makes the network's float32 input of fitted pictures, as its card says: ``(x * scale - mean) / std``; in the card's
    layout, or in another one."""
    return BlobMaker(blob_plan(spec, layout or spec.layout))


def blob_plan(spec: InputSpec, layout: Literal["NCHW", "NHWC"]) -> BlobPlan:
    """The card's arithmetic, channel by channel."""
    scales = [spec.scale / std for std in spec.stds]
    offsets = [mean / spec.scale for mean in spec.means]
    return BlobPlan(scales, offsets, spec.channels == "rgb", layout)
