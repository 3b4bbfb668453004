from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamclf import loading, race
from streamclf.catalogue.find import ResolvedModel, find_model
from streamclf.classifier import Classifier
from streamclf.engine import EngineName, EngineWish
from streamclf.errors import EngineError, UsageError
from streamclf.loading import RUNTIMES, AutoLoader, make_loader, reference_engine, usable_engines
from streamclf.proof import usable_cpus
from streamclf.race import Lap, Race, write_race


@pytest.fixture
def onnx_model(models_env: Path) -> ResolvedModel:
    return find_model("framecheck")


def as_framework(model: ResolvedModel, framework: Any) -> ResolvedModel:
    return dataclasses.replace(model, card=model.card.model_copy(update={"framework": framework}))


def test_an_engine_is_used_for_the_formats_it_reads_and_where_it_is_installed(
    onnx_model: ResolvedModel, without: Callable[..., None]
) -> None:
    assert usable_engines(onnx_model) == ["opencv", "onnxruntime", "openvino"]
    assert usable_engines(find_model("squeezenet-1.0-dc")) == ["opencv"]
    assert usable_engines(find_model("mobilenet-v1-0.25")) == ["opencv", "openvino"]
    assert usable_engines(find_model("face-detector")) == ["opencv"], "its definition is OpenCV's own"
    without("openvino")
    assert usable_engines(onnx_model) == ["opencv", "onnxruntime"]


def test_an_engine_that_cannot_read_the_network_is_refused_with_those_that_can(models_env: Path) -> None:
    with pytest.raises(
        UsageError, match=r"ONNX Runtime does not read squeezenet-1.0-dc, which is for caffe; take opencv$"
    ):
        make_loader(find_model("squeezenet-1.0-dc"), EngineWish(), "onnxruntime")


def test_an_engine_that_is_not_installed_says_how_to_get_it(
    onnx_model: ResolvedModel, without: Callable[..., None]
) -> None:
    without("openvino")
    with pytest.raises(EngineError, match=r"OpenVINO is not installed; pip install 'streamclf\[openvino\]' adds it"):
        make_loader(onnx_model, EngineWish(), "openvino")


def test_a_library_that_is_there_but_broken_is_named(
    onnx_model: ResolvedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "streamclf.engines.onnx_runtime", None)
    with pytest.raises(EngineError, match="ONNX Runtime: its library cannot be loaded"):
        make_loader(onnx_model, EngineWish(), "onnxruntime")


def test_opencl_is_opencv_s(onnx_model: ResolvedModel) -> None:
    with pytest.raises(UsageError, match="--target opencl: only --engine opencv has it, not openvino"):
        make_loader(onnx_model, EngineWish("opencl"), "openvino")
    assert not isinstance(make_loader(onnx_model, EngineWish("opencl")), AutoLoader)


def test_nobody_races_alone(models_env: Path, without: Callable[..., None]) -> None:
    without("openvino", "onnxruntime")
    assert not isinstance(make_loader(find_model("framecheck"), EngineWish()), AutoLoader)


def test_a_network_that_no_engine_here_reads_says_what_to_install(
    onnx_model: ResolvedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = {name: runtime for name, runtime in loading.RUNTIMES.items() if name == "opencv"}
    fewer = dataclasses.replace(others["opencv"], frameworks=("caffe",))
    absent = dataclasses.replace(loading.RUNTIMES["openvino"], imported="not_installed_at_all")
    monkeypatch.setattr(loading, "RUNTIMES", {"opencv": fewer, "openvino": absent})
    with pytest.raises(EngineError, match=r"no engine here reads it; pip install 'streamclf\[openvino\]'"):
        make_loader(onnx_model, EngineWish())
    with pytest.raises(EngineError, match="no engine here reads it"):
        reference_engine(onnx_model)


def test_auto_takes_the_winner_measured_once_and_remembered(
    onnx_model: ResolvedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    held: list[list[EngineName]] = []
    monkeypatch.setenv("STREAMCLF_CACHE", str(tmp_path / "cache"))  # not the races that other tests remember

    def hold(contenders: dict[EngineName, Any], model: ResolvedModel, wish: EngineWish) -> Race:
        held.append(list(contenders))
        return Race("onnxruntime", (Lap("opencv", 5.0, "float32", 0.0, None),), 24)

    monkeypatch.setattr(race, "run_race", hold)
    caplog.set_level("INFO")
    first = make_loader(onnx_model, EngineWish(live=True))
    assert held == [], "nothing is measured before it is needed"
    assert first.lanes == 1
    assert first.load().info.name == "onnxruntime"
    assert held == [["opencv", "onnxruntime", "openvino"]]
    assert "once on this machine" in caplog.text
    assert make_loader(onnx_model, EngineWish(live=True)).load().info.name == "onnxruntime"
    assert len(held) == 1, "it was remembered"
    assert make_loader(onnx_model, EngineWish(live=False)).lanes >= 1
    assert len(held) == 2, "recorded sources are another matter"


@pytest.mark.parametrize("engine", ["opencv", "onnxruntime", "openvino"])
def test_every_engine_says_the_same_of_a_picture(models_env: Path, engine: Any) -> None:
    from streamclf.vision.reference import reference_picture

    picture = reference_picture("portrait")
    with (
        Classifier("mobilenet-v2-dequant", engine="opencv") as one,
        Classifier("mobilenet-v2-dequant", engine=engine) as two,
    ):
        np.testing.assert_allclose(one.classify(picture).probabilities, two.classify(picture).probabilities, atol=1e-4)
        assert two.info.name == engine
        assert two.info.arithmetic == "float32"
        assert two.info.version


def test_fast_is_granted_or_said_not_to_be(onnx_model: ResolvedModel) -> None:
    for engine in usable_engines(onnx_model):
        info = make_loader(onnx_model, EngineWish(precision="fast", live=True), engine).load().info
        assert info.requested_precision == "fast"
        granted = info.arithmetic in ("bfloat16", "float16")
        assert granted != any("precision fast" in note for note in info.notes), engine


def test_a_remembered_winner_that_cannot_run_here_is_raced_anew(onnx_model: ResolvedModel) -> None:
    wish, engines = EngineWish(live=True), usable_engines(onnx_model)
    versions = {name: RUNTIMES[name].version or "" for name in engines}
    write_race(Race("litert", (), 24), onnx_model, wish, versions)
    assert make_loader(onnx_model, wish).load().info.name in engines


def test_threads_far_above_the_processors_are_cut_and_said_so(onnx_model: ResolvedModel) -> None:
    most = 4 * usable_cpus()
    info = make_loader(onnx_model, EngineWish(threads=999), "onnxruntime").load().info
    assert (info.lanes, info.threads) == (most, 1)
    assert f"threads 999: uses {most}, four times the processors here" in info.notes
    assert make_loader(onnx_model, EngineWish(threads=most), "onnxruntime").load().info.notes == ()


def test_importing_onnx_runtime_keeps_no_number_of_the_device(tmp_path: Path) -> None:
    """Nor asks for its maker's server."""
    environment = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    places = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    code = "import streamclf.engines.onnx_runtime"
    subprocess.run([sys.executable, "-c", code], env=environment | places, timeout=60, check=True)
    assert [path for path in tmp_path.rglob("*") if "onnx" in path.name] == []


def test_importing_openvino_sends_nothing_and_leaves_no_thread() -> None:
    code = (
        "import sys, threading, streamclf.engines.openvino\n"
        "print([name for name in sys.modules if 'telemetry' in name or name == 'openvino.tools.ovc'], "
        "threading.active_count())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[] 1\n"
