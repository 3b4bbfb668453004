"""Which engines there are, which of them can run a network here, and the loader of the chosen one."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from streamclf.catalogue.card import Framework
from streamclf.engine import Engine, EngineChoice, EngineLoader, EngineName, EngineWish
from streamclf.errors import EngineError, UsageError

if TYPE_CHECKING:
    from streamclf.catalogue.find import ResolvedModel
    from streamclf.race import Race

log = logging.getLogger("streamclf")


@dataclass(frozen=True, slots=True)
class Runtime:
    """An engine's library: where it is, and what it reads. ``title`` is what its own people call it."""

    title: str
    package: str
    """The distribution that pip installs."""
    imported: str
    loader: str
    """module:class"""
    frameworks: tuple[Framework, ...]

    @property
    def is_installed(self) -> bool:
        """Whether it can be imported. Imports nothing."""
        return importlib.util.find_spec(self.imported) is not None

    @property
    def version(self) -> str | None:
        """The installed release, from its distribution's own files; None if it is not installed."""
        if not self.is_installed:
            return None
        try:
            return importlib.metadata.version(self.package)
        except importlib.metadata.PackageNotFoundError:  # a build of the library under another name
            return "unknown"


RUNTIMES: Mapping[EngineName, Runtime] = MappingProxyType(
    {
        "opencv": Runtime(
            "OpenCV",
            "opencv-python",
            "cv2",
            "streamclf.engines.opencv_dnn:OpenCvDnnLoader",
            ("caffe", "tensorflow", "torch", "darknet", "onnx"),
        ),
        "onnxruntime": Runtime(
            "ONNX Runtime", "onnxruntime", "onnxruntime", "streamclf.engines.onnx_runtime:OnnxRuntimeLoader", ("onnx",)
        ),
        "litert": Runtime(
            "LiteRT", "ai-edge-litert", "ai_edge_litert", "streamclf.engines.litert:LiteRtLoader", ("tflite",)
        ),
        "openvino": Runtime(
            "OpenVINO",
            "openvino",
            "openvino",
            "streamclf.engines.openvino:OpenVinoLoader",
            ("onnx", "tensorflow", "tflite"),
        ),
    }
)


def make_loader(model: ResolvedModel, wish: EngineWish, engine: EngineChoice = "auto") -> EngineLoader:
    """The loader of ``engine`` for this network; ``auto`` is the fastest one here that gives the right answers (see ``race.py``).

    Nothing is loaded before the loader is asked for its lanes or for an engine.

    Raises:
        UsageError: that engine does not read this kind of network, or does not have the target that is wished for.
        EngineError: its library is not installed.
    """
    if engine != "auto":
        _check_usable(engine, model, wish)
        return _loader(engine, model, wish)
    able = usable_engines(model)
    if wish.target != "cpu":
        if not _reads(RUNTIMES["opencv"], model):
            raise UsageError(
                f"--target {wish.target}: only OpenCV has it, which reads no {model.card.framework} networks"
            )
        able = [name for name in able if name == "opencv"]
    if not able:
        raise EngineError(_nobody_reads(model))
    return _loader(able[0], model, wish) if len(able) == 1 else AutoLoader(model, wish, able)


def usable_engines(model: ResolvedModel) -> list[EngineName]:
    """The installed engines that read this network's format, the one whose answers count as right first."""
    return [name for name, runtime in RUNTIMES.items() if _reads(runtime, model) and runtime.is_installed]


def unusable_engines(model: ResolvedModel) -> dict[EngineName, str]:
    """Why each of the other engines cannot run this network here."""
    able = usable_engines(model)
    others = [(name, runtime) for name, runtime in RUNTIMES.items() if name not in able]
    return {name: _installs(name) if _reads(runtime, model) else _reads_not(runtime, model) for name, runtime in others}


def reference_engine(model: ResolvedModel) -> EngineName:
    """The engine whose answers count as right: OpenCV where it reads the format, otherwise the format's own.

    Raises:
        EngineError: none is installed.
    """
    able = usable_engines(model)
    if not able:
        raise EngineError(_nobody_reads(model))
    return able[0]


class AutoLoader:
    """Takes the winner of a race between ``engines``, which is held at the first need and remembered."""

    def __init__(self, model: ResolvedModel, wish: EngineWish, engines: list[EngineName]):
        self._model, self._wish, self._engines = model, wish, engines
        self._chosen: EngineLoader | None = None

    @property
    def lanes(self) -> int:
        """Those of the winner."""
        return self._winner().lanes

    def load(self) -> Engine:
        """An engine of the winner's."""
        return self._winner().load()

    def _winner(self) -> EngineLoader:
        if self._chosen is None:
            race = hold_race(self._model, self._wish, self._engines)
            self._chosen = _loader(race.winner, self._model, self._wish)
        return self._chosen


def hold_race(model: ResolvedModel, wish: EngineWish, engines: list[EngineName], anew: bool = False) -> Race:
    """The race between ``engines`` (the first one's answers count as right), from the cache if it was held here before.

    Raises:
        EngineError, CardError: none of them runs the network; the first one's reason.
    """
    from streamclf.race import remembered_race, run_race, write_race

    versions = {name: RUNTIMES[name].version or "" for name in engines}
    found = None if anew else remembered_race(model, wish, versions)
    if found is None or found.winner not in engines:
        titles = ", ".join(RUNTIMES[name].title for name in engines)
        log.info("trying %s on %s, once on this machine: which is the fastest and right?", titles, model.card.name)
        alone = replace(wish, batch=1)
        found = run_race({name: partial(_loader, name, model, alone) for name in engines}, model, wish)
        write_race(found, model, wish, versions)
    return found


def _loader(name: EngineName, model: ResolvedModel, wish: EngineWish) -> EngineLoader:
    module, _, kind = RUNTIMES[name].loader.partition(":")
    try:
        return cast(EngineLoader, getattr(importlib.import_module(module), kind)(model, wish))
    except ImportError as error:
        raise EngineError(f"{RUNTIMES[name].title}: its library cannot be loaded ({error})") from error


def _reads(runtime: Runtime, model: ResolvedModel) -> bool:
    card = model.card
    if card.framework not in runtime.frameworks:
        return False
    # a TensorFlow graph with a definition of OpenCV's own is only OpenCV's
    return "config" not in model.paths or runtime is RUNTIMES["opencv"]


def _check_usable(engine: EngineName, model: ResolvedModel, wish: EngineWish) -> None:
    runtime = RUNTIMES[engine]
    if not _reads(runtime, model):
        able = " or ".join(name for name, each in RUNTIMES.items() if _reads(each, model))
        raise UsageError(f"--engine {engine}: {_reads_not(runtime, model)}; take {able}")
    if wish.target != "cpu" and engine != "opencv":
        raise UsageError(f"--target {wish.target}: only --engine opencv has it, not {engine}")
    check_installed(engine)


def check_installed(engine: EngineName, why: str = "") -> None:
    """Raise EngineError where an engine's library is not installed; ``why`` it is needed, in front of that."""
    if not RUNTIMES[engine].is_installed:
        needed = f"{why}, and " if why else ""
        raise EngineError(f"{needed}{_installs(engine)}")


def _installs(engine: EngineName) -> str:
    return f"{RUNTIMES[engine].title} is not installed; pip install 'streamclf[{engine}]' adds it"


def _reads_not(runtime: Runtime, model: ResolvedModel) -> str:
    return f"{runtime.title} does not read {model.card.name}, which is for {model.card.framework}"


def _nobody_reads(model: ResolvedModel) -> str:
    names = [name for name, runtime in RUNTIMES.items() if _reads(runtime, model)]
    extras = " or ".join(f"'streamclf[{name}]'" for name in names)
    return f"{model.card.name}: is for {model.card.framework}, and no engine here reads it; pip install {extras}"
