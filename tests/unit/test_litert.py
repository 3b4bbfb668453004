"""TensorFlow Lite networks: levels of 8 bits both ways, LiteRT's silence and its errors, what is said where it is missing."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamclf.catalogue.card import InputSpec
from streamclf.catalogue.find import ResolvedModel, find_model
from streamclf.catalogue.formats import is_quantised
from streamclf.catalogue.network_options import network_options
from streamclf.catalogue.tflite import read_tflite
from streamclf.engine import EngineName, EngineWish
from streamclf.engines._network import blob_plan
from streamclf.errors import EngineError, ModelFileError, UsageError
from streamclf.loading import make_loader, reference_engine
from streamclf.own_network import OwnNetwork, own_network
from streamclf.proof import probe_pictures
from streamclf.vision.blob import BlobPlan
from streamclf.vision.levels import LevelMaker, Quantisation, level_table

pytest.importorskip("ai_edge_litert")

from ai_edge_litert.interpreter import Interpreter

from tests.tflite_files import mean_network

MINUS_ONE_TO_ONE = BlobPlan([1 / 127.5] * 3, [127.5] * 3, True, "NHWC")
NAMES = ("mobilenet-v1-0.25-quant-tflite", "mobilenet-v2-ptq-tflite", "mobilenet-v2-quant-tflite")
ENGINES: tuple[EngineName, ...] = ("litert", "openvino")


def own(path: Path, **options: Any) -> OwnNetwork:
    labels = path.with_name("labels.txt")
    labels.write_text("first\nsecond\nthird\n", encoding="utf-8")
    usual = {"weights": path, "channels": "rgb", "scale": "1/255", "labels": str(labels)}
    return own_network(network_options(usual | options))


def answers(model: ResolvedModel, engine: EngineName, pictures: Any, **wish: Any) -> Mapping[str, Any]:
    with closing(make_loader(model, EngineWish(**wish), engine).load()) as loaded:
        return dict(loaded.run(pictures))


# ---- levels


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize(("step", "zero"), [(0.013, 7), (1 / 255, -20), (2.0, 90), (0.0078125, 100)])
def test_a_level_is_the_rounded_number_by_the_step_from_the_zero_point_on(dtype: Any, step: float, zero: int) -> None:
    plan = BlobPlan([0.01, 1.0, 0.5], [100.0, 3.3, -7.0])
    table = level_table(plan, Quantisation(step, zero, dtype))
    limits = np.iinfo(dtype)
    for channel, (scale, offset) in enumerate(zip(plan.scales, plan.offsets, strict=True)):
        exact = (np.arange(256) - offset) * scale / step + zero
        assert np.abs(table[:, channel] - exact.clip(limits.min, limits.max)).max() <= 0.5 + 1e-3
    assert table.dtype == dtype


@pytest.mark.parametrize(
    ("plan", "quantisation"),
    [
        (BlobPlan([1 / 128] * 3, [128.0] * 3, True, "NHWC"), Quantisation(0.0078125, 128, "uint8")),
        (BlobPlan([1 / 255] * 3, [0.0] * 3, True, "NHWC"), Quantisation(float(np.float32(1 / 255)), 0, "uint8")),
        (MINUS_ONE_TO_ONE, Quantisation(float(np.float32(1 / 127.5)), 127, "uint8")),
    ],
)
def test_the_usual_quantisations_take_the_picture_as_it_is(plan: BlobPlan, quantisation: Quantisation) -> None:
    batch = probe_pictures(2, (6, 4), 3)
    np.testing.assert_array_equal(LevelMaker(plan, quantisation).make(batch), batch[..., ::-1])
    as_it_is = replace(plan, swap=False)
    assert np.shares_memory(LevelMaker(as_it_is, quantisation).make(batch), batch)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("channels", ["rgb", "bgr", "grey"])
def test_the_levels_of_a_picture_are_the_table_s_in_the_network_s_order(channels: Any, layout: Any) -> None:
    count = 1 if channels == "grey" else 3
    mean, std = (0.4, 0.5, 0.6)[:count], (0.2, 0.3, 0.4)[:count]
    spec = InputSpec(width=6, height=4, channels=channels, scale=1 / 255, mean=mean, std=std, fit="stretch")
    quantisation = Quantisation(0.02, -3, "int8")
    batch = probe_pictures(2, (6, 4), count)
    before = batch.copy()
    levels = LevelMaker(blob_plan(spec, layout), quantisation).make(batch[:, ::-1])
    ordered = (batch[..., ::-1] if channels == "rgb" else batch)[:, ::-1].astype(np.float64)
    wanted = np.rint((ordered / 255 - mean) / std / 0.02) - 3
    wanted = wanted.clip(-128, 127)
    np.testing.assert_array_equal(levels, wanted if layout == "NHWC" else wanted.transpose(0, 3, 1, 2))
    assert levels.dtype == np.int8
    np.testing.assert_array_equal(batch, before)


def test_levels_become_numbers_again() -> None:
    numbers = Quantisation(0.25, -4, "int8").numbers(np.array([[-128, -4, 127]], np.int8))
    assert numbers.dtype == np.float32
    assert numbers.tolist() == [[-31.0, 0.0, 32.75]]


# ---- networks


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("dtype", "quantisation"),
    [("float32", None), ("uint8", (1 / 256, 0)), ("int8", (1 / 128, -100)), ("int8", (0.01, 20))],
)
def test_numbers_and_levels_give_the_means_of_the_channels(
    dtype: str, quantisation: tuple[float, int] | None, engine: EngineName, tmp_path: Path
) -> None:
    path = mean_network(tmp_path / "mean.tflite", dtype=dtype, quantisation=quantisation)
    model = own(path).model
    pictures = probe_pictures(1, (6, 4), 3)
    (found,) = answers(model, engine, pictures).values()
    wanted = pictures[0, ..., ::-1].mean((0, 1)) / 255
    np.testing.assert_allclose(found[0], wanted, atol=1e-5 if quantisation is None else 1.1 * quantisation[0])
    assert is_quantised("tflite", path) == (quantisation is not None)


@pytest.mark.parametrize("engine", ENGINES)
def test_channels_that_come_first_are_seen_in_the_file(engine: EngineName, tmp_path: Path) -> None:
    model = own(mean_network(tmp_path / "mean.tflite", (1, 3, 4, 6), axes=(2, 3))).model
    assert "layout" not in model.card.input.model_fields_set
    pictures = probe_pictures(1, (6, 4), 3)
    (found,) = answers(model, engine, pictures).values()
    np.testing.assert_allclose(found[0], pictures[0, ..., ::-1].mean((0, 1)) / 255, atol=1e-5)


def test_a_network_that_allows_it_takes_several_pictures_and_others_one(models_env: Path, tmp_path: Path) -> None:
    little = own(mean_network(tmp_path / "mean.tflite")).model
    assert make_loader(little, EngineWish(batch=4), "litert").load().info.batch_sizes == (1, 2, 4)
    info = make_loader(find_model(NAMES[0]), EngineWish(batch=4), "litert").load().info
    assert info.batch_sizes == (1,)
    assert "does not give the answers of single pictures" in info.notes[-1]


@pytest.mark.parametrize("name", NAMES)
def test_the_file_says_what_litert_says_of_its_ends(name: str, models_env: Path) -> None:
    path = find_model(name).paths["weights"]
    interpreter = Interpreter(str(path))
    ends = read_tflite(path)
    for ours, theirs in (
        (ends.inputs, interpreter.get_input_details()),
        (ends.outputs, interpreter.get_output_details()),
    ):
        assert [(t.name, t.shape, t.dtype, (t.step, t.zero_point)) for t in ours] == [
            (t["name"], tuple(t["shape_signature"]), np.dtype(t["dtype"]).name, t["quantization"]) for t in theirs
        ]


@pytest.mark.parametrize("name", NAMES)
def test_litert_s_answers_count_as_right_and_are_said_to_be_of_8_bits(name: str, models_env: Path) -> None:
    model = find_model(name)
    assert reference_engine(model) == "litert"
    info = make_loader(model, EngineWish(precision="fast", threads=1), "litert").load().info
    assert (info.name, info.arithmetic, info.threads, info.lanes) == ("litert", "int8", 1, 1)
    assert info.notes == ("precision fast: LiteRT computes as it does for exact",)


def test_lanes_run_side_by_side_since_python_goes_on_while_litert_computes(models_env: Path) -> None:
    interpreter = Interpreter(str(find_model(NAMES[0]).paths["weights"]), num_threads=1)
    interpreter.allocate_tensors()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e3)  # from now on another thread gets in only where Python's lock is let go of
    try:
        door, ran = threading.Lock(), list[bool]()
        door.acquire()

        def other() -> None:
            door.acquire()
            ran.append(True)

        thread = threading.Thread(target=other)
        thread.start()
        door.release()
        for _ in range(10_000):
            if ran:
                break
            interpreter.invoke()
        assert ran
    finally:
        sys.setswitchinterval(interval)
        thread.join()


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's stderr")
def test_nothing_is_told_to_the_terminal_and_what_others_say_still_is(models_env: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from streamclf.engines._litert import LiteRtNet; import numpy as np\n"
        "net = LiteRtNet(Path(sys.argv[1]), 1); net.run(np.zeros((1, 128, 128, 3), np.uint8))\n"
        "import ctypes; c = ctypes.CDLL(None); c.perror(b'from C'); print('from Python', file=sys.stderr)"
    )
    path = find_model(NAMES[0]).paths["weights"]
    ran = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    lines = ran.stderr.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("from C")
    assert lines[1] == "from Python"


# ---- what goes wrong


def cut(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("share", [0.02, 0.5, 0.9, 0.95])
def test_a_file_that_was_cut_off_is_called_so(share: float, models_env: Path, tmp_path: Path) -> None:
    whole = find_model(NAMES[0]).paths["weights"].read_bytes()  # its last 4 % are labels, zipped
    path = cut(tmp_path / "net.tflite", whole[: int(share * len(whole))])
    with pytest.raises(ModelFileError, match=r"net\.tflite: is no whole TensorFlow Lite network; get the file anew"):
        own(path)


@pytest.mark.parametrize("content", [b"\x1c\0\0\0TFL3", b"\x1c\0\0\0TFL3" + b"\xff" * 64, b"\xff" * 64, b"plain words"])
def test_bytes_that_are_no_network_are_called_so(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"net\.tflite: is no whole TensorFlow Lite network; get the file anew"):
        read_tflite(cut(tmp_path / "net.tflite", content))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_card_of_another_size_or_other_channels_is_refused_in_a_sentence(
    engine: EngineName, models_env: Path
) -> None:
    model = find_model(NAMES[0])

    def changed(**keys: Any) -> ResolvedModel:
        spec = model.card.input.model_copy(update=keys)
        return replace(model, card=model.card.model_copy(update={"input": spec}))

    with pytest.raises(EngineError, match=r"\(1, 128, 128, 3\), which is no picture of 1 channels"):
        make_loader(changed(channels="grey", mean=(1.0,)), EngineWish(), engine).load()
    with pytest.raises(EngineError, match=r"(failed on an input of the shape \(1, 90, 90, 3\)|cannot run .*) ?\(.*\)$"):
        make_loader(changed(width=90, height=90), EngineWish(), engine).load()


def test_an_input_that_no_picture_fits_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"takes int16; streamclf gives float32, or 8 bits that are quantised"):
        own(mean_network(tmp_path / "mean.tflite", dtype="int16", quantisation=(0.1, 0)))


def test_without_litert_the_sentence_names_the_extra(
    without: Callable[..., None], models_env: Path, tmp_path: Path
) -> None:
    model, path = find_model(NAMES[0]), mean_network(tmp_path / "mean.tflite")
    without("ai_edge_litert", "openvino")
    with pytest.raises(
        EngineError, match=r"no engine here reads it; pip install 'streamclf\[litert\]' or 'streamclf\[openvino\]'"
    ):
        make_loader(model, EngineWish())
    with pytest.raises(EngineError, match=r"LiteRT is not installed; pip install 'streamclf\[litert\]' adds it"):
        make_loader(model, EngineWish(), "litert")
    with pytest.raises(
        EngineError, match=r"mean\.tflite: is a TensorFlow Lite network, and LiteRT is .*'streamclf\[litert\]'"
    ):
        own(path)


def test_a_target_of_opencv_s_is_refused_for_what_opencv_does_not_read(models_env: Path) -> None:
    with pytest.raises(UsageError, match="--target opencl: only OpenCV has it, which reads no tflite networks"):
        make_loader(find_model(NAMES[0]), EngineWish(target="opencl"))


@pytest.mark.parametrize("name", NAMES)
def test_a_real_file_gets_the_card_that_the_catalogue_has_of_it(name: str, models_env: Path) -> None:
    wanted = find_model(name).card
    arithmetic = (
        {"preset": None, "channels": "rgb", "scale": "1/128", "mean": "1"}
        if "quant" in name
        else {"preset": "imagenet-tf"}
    )
    fit = {} if arithmetic["preset"] else {"fit": "centre_crop", "crop_fraction": "0.875", "interpolation": "linear"}
    options = {key: value for key, value in (arithmetic | fit).items() if value}
    found = own_network(network_options({"weights": models_env / wanted.files[0].name, **options})).model.card
    assert found.input == wanted.input
    assert (found.output, found.labels, found.framework) == (wanted.output, wanted.labels, "tflite")
    assert found.files[0].sha256 == wanted.files[0].sha256
