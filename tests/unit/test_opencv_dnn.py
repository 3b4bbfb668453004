from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from streamclf.catalogue.card import InputSpec
from streamclf.catalogue.find import ResolvedModel, find_model
from streamclf.engine import EngineWish
from streamclf.engines import _network
from streamclf.engines._network import blob_maker
from streamclf.engines.opencv_dnn import OpenCvDnnLoader, available_targets, readable_frameworks
from streamclf.errors import CardError, EngineError, UsageError
from streamclf.interpreter import Interpreter
from streamclf.proof import probe_pictures
from streamclf.testing import ScriptedSource


@pytest.fixture
def little(models_env: Path) -> ResolvedModel:
    """The fastest network to load."""
    return find_model("mobilenet-v1-0.25")


def with_output(model: ResolvedModel, **changes: Any) -> ResolvedModel:
    output = model.card.output.model_copy(update=changes)
    return dataclasses.replace(model, card=model.card.model_copy(update={"output": output}))


# ---- what reaches the network


@pytest.mark.parametrize("channels", ["bgr", "rgb", "grey"])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_the_blob_follows_the_card_s_one_formula(channels: Any, layout: Any) -> None:
    count = 1 if channels == "grey" else 3
    mean, std = (0.485, 0.456, 0.406)[:count], (0.229, 0.224, 0.225)[:count]
    spec = InputSpec(
        width=8, height=6, channels=channels, scale=1 / 255, mean=mean, std=std, fit="stretch", layout=layout
    )
    batch = probe_pictures(2, (8, 6), count)
    ordered = batch[..., ::-1] if channels == "rgb" else batch
    expected = (ordered / 255 - np.array(mean)) / np.array(std)
    maker = blob_maker(spec)
    maker.make(batch[:, ::-1])
    blob = maker.make(batch)
    assert blob.dtype == np.float32
    assert blob.flags.c_contiguous
    assert maker.make(batch) is blob, "its memory is used again"
    np.testing.assert_allclose(blob, expected if layout == "NHWC" else expected.transpose(0, 3, 1, 2), atol=1e-5)


# ---- lanes, threads, batches


def test_recorded_sources_get_a_lane_of_one_thread_for_each_processor(
    little: ResolvedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_network, "usable_cpus", lambda: 4)

    def lanes_threads(model: ResolvedModel = little, **options: Any) -> tuple[int, int]:
        loader = OpenCvDnnLoader(model, EngineWish(**options))
        return loader.plan.lanes, loader.plan.threads

    assert lanes_threads() == (4, 1)
    assert lanes_threads(live=True) == (1, 4)
    assert lanes_threads(threads=2) == (2, 1)
    assert lanes_threads(threads=2, live=True) == (1, 2)
    large = little.card.files[0].model_copy(update={"bytes": 200_000_000})
    assert lanes_threads(dataclasses.replace(little, card=little.card.model_copy(update={"files": (large,)}))) == (1, 4)


@pytest.mark.parametrize("options", [{"batch": 0}, {"threads": -1}])
def test_impossible_numbers_are_refused(little: ResolvedModel, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="must be at least 1"):
        OpenCvDnnLoader(little, EngineWish(**options))


def test_the_first_load_proves_and_later_ones_reuse_it(little: ResolvedModel) -> None:
    loader = OpenCvDnnLoader(little)
    first, second = loader.load(), loader.load()
    assert first.info is second.info
    assert first.info.batch_sizes == (1,), "over files more pictures at once gain nothing"
    assert first.info.best_batch == 1 == first.info.threads
    assert OpenCvDnnLoader(little, EngineWish(live=True)).load().info.batch_sizes == (1, 2, 4)
    assert OpenCvDnnLoader(little, EngineWish(threads=2)).load().info.best_batch in (1, 2, 4)
    assert (first.info.requested_target, first.info.effective_target, first.info.notes) == ("cpu", "cpu", ())
    pictures = probe_pictures(1, (224, 224), 3)
    for name, output in first.run(pictures).items():
        np.testing.assert_array_equal(second.run(pictures)[name], output)


def test_a_batch_the_network_cannot_do_falls_back_quietly(models_env: Path, capfd: pytest.CaptureFixture[str]) -> None:
    logging = getattr(cv2.utils, "logging", cv2)
    level = logging.setLogLevel(4)  # INFO
    info = OpenCvDnnLoader(find_model("mobilenet-v2-qdq"), EngineWish(batch=2)).load().info
    assert (info.batch_sizes, info.best_batch) == ((1,), 1)
    assert any(note.startswith("batch 2: ") and note.endswith("uses 1") for note in info.notes)
    assert logging.setLogLevel(level) == 4  # it answers with the level before
    assert capfd.readouterr() == ("", "")


def test_the_user_s_batch_is_taken_where_it_is_proven(little: ResolvedModel) -> None:
    info = OpenCvDnnLoader(little, EngineWish(batch=3)).load().info
    assert (info.batch_sizes, info.best_batch, info.notes) == ((1, 2, 3), 3, ())
    assert OpenCvDnnLoader(little, EngineWish(batch=1)).load().info.batch_sizes == (1,)


def test_a_network_whose_input_follows_the_picture_runs_at_several_sizes(models_env: Path) -> None:
    engine = OpenCvDnnLoader(find_model("tiny-darknet"), EngineWish(batch=2)).load()
    for size in ((298, 224), (224, 400), (224, 224)):
        pictures = probe_pictures(2, size, 3)
        (together,) = engine.run(pictures).values()
        (alone,) = engine.run(pictures[1:]).values()
        np.testing.assert_allclose(together[1], alone[0], atol=1e-5)


# ---- running


def test_a_failed_batch_does_not_spoil_the_next_one(models_env: Path) -> None:
    engine = OpenCvDnnLoader(find_model("mobilenet-v2-qdq"), EngineWish(batch=1)).load()
    pictures = probe_pictures(2, (224, 224), 3)
    before = engine.run(pictures[:1])["output"]
    with pytest.raises(
        EngineError,
        match=r"mobilenet-v2-qdq: .*mobilenetv2-12-qdq\.onnx failed on a batch of the shape \(2, 224, 224, 3\) \(DNN/MatMul",
    ) as caught:
        engine.run(pictures)
    assert "\n" not in str(caught.value)
    np.testing.assert_array_equal(engine.run(pictures[:1])["output"], before)


def test_outputs_are_the_caller_s_to_keep(little: ResolvedModel) -> None:
    engine = OpenCvDnnLoader(little, EngineWish(batch=1)).load()
    pictures = probe_pictures(2, (224, 224), 3)
    (first,) = engine.run(pictures[:1]).values()
    kept = first.copy()
    engine.run(pictures[1:])
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize(
    "batch",
    [
        np.zeros((224, 224, 3), np.uint8),
        np.zeros((1, 224, 224, 1), np.uint8),
        np.zeros((1, 224, 224, 3), np.float32),
        np.zeros((0, 224, 224, 3), np.uint8),
    ],
)
def test_what_is_no_batch_is_refused(little: ResolvedModel, batch: Any) -> None:
    engine = OpenCvDnnLoader(little, EngineWish(batch=1)).load()
    with pytest.raises(EngineError, match=r"a batch is \(N, H, W, 3\) uint8"):
        engine.run(batch)


def test_a_closed_engine_says_so(little: ResolvedModel) -> None:
    engine = OpenCvDnnLoader(little, EngineWish(batch=1)).load()
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="the engine is closed"):
        engine.run(probe_pictures(1, (224, 224), 3))


def test_engines_side_by_side_give_the_answers_of_one_alone(little: ResolvedModel) -> None:
    loader = OpenCvDnnLoader(little, EngineWish(threads=1, batch=1))
    pictures = probe_pictures(8, (224, 224), 3)
    expected = [next(iter(loader.load().run(picture[None]).values())) for picture in pictures]
    found: dict[int, list[np.ndarray[Any, Any]]] = {}

    def lane(number: int) -> None:
        engine = loader.load()
        found[number] = [next(iter(engine.run(picture[None]).values())) for picture in pictures]

    threads = [threading.Thread(target=lane, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for answers in found.values():
        np.testing.assert_array_equal(answers, expected)


# ---- a card that does not fit its network


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"classes": 999},
            r"card\.toml: says output\.classes 999 \+ output\.background 1, but the network gives 1001 numbers",
        ),
        ({"background": 0}, "but the network gives 1001 numbers"),
        ({"softmax": False}, r"output\.softmax is false, but the network's numbers are probabilities already"),
        (
            {"name": "prob"},
            r"output\.name 'prob' is none of the network's; its outputs are MobilenetV1/Predictions/Reshape_1",
        ),
    ],
)
def test_a_card_that_does_not_fit_its_network_is_refused(
    little: ResolvedModel, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(CardError, match=message):
        OpenCvDnnLoader(with_output(little, **changes)).load()


def test_raw_scores_called_probabilities_are_refused(models_env: Path) -> None:
    with pytest.raises(CardError, match=r"output\.softmax is true, but the network's numbers .* are no probabilities"):
        OpenCvDnnLoader(with_output(find_model("mobilenet-v2-qdq"), softmax=True)).load()


def test_an_output_can_be_named(little: ResolvedModel) -> None:
    engine = OpenCvDnnLoader(with_output(little, name="MobilenetV1/Predictions/Softmax"), EngineWish(batch=1)).load()
    assert list(engine.run(probe_pictures(1, (224, 224), 3))) == ["MobilenetV1/Predictions/Softmax"]


# ---- detectors

# An SSD without a single weight: in each quarter of the picture its green is the score of class 1, its red that of class 2.
SSD = """
name: "tiny"
input: "data"
input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }
layer { name: "quarters" type: "Pooling" bottom: "data" top: "quarters" pooling_param { pool: AVE kernel_size: 4 stride: 4 } }
layer { name: "cut" type: "Slice" bottom: "quarters" top: "one" top: "rest" slice_param { axis: 1 slice_point: 1 } }
layer { name: "four" type: "Concat" bottom: "quarters" bottom: "one" top: "four" concat_param { axis: 1 } }
layer { name: "still" type: "Power" bottom: "four" top: "still" power_param { scale: 0 } }
layer { name: "place" type: "Flatten" bottom: "still" top: "place" }
layer { name: "order" type: "Permute" bottom: "quarters" top: "order" permute_param { order: 0 order: 2 order: 3 order: 1 } }
layer { name: "scores" type: "Flatten" bottom: "order" top: "scores" }
layer { name: "grid" type: "PriorBox" bottom: "quarters" bottom: "data" top: "grid"
  prior_box_param { min_size: 4 flip: false clip: false step: 4 offset: 0.5 variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2 } }
layer { name: "found" type: "DetectionOutput" bottom: "place" bottom: "scores" bottom: "grid" top: "found"
  detection_output_param { num_classes: 3 share_location: true background_label_id: 0 code_type: CENTER_SIZE keep_top_k: 10
    confidence_threshold: 0.1 nms_param { nms_threshold: 0.45 top_k: 10 } } }
"""
SSD_CARD = """
schema = 1
name = "tiny"
task = "detection"
framework = "caffe"
licence = "ours"
origin = "here"
verified = false
input = { width = 8, height = 8, channels = "bgr", scale = 0.00392156862745098, fit = "stretch" }
output = { classes = 2, background = 1, boxes = "ssd", threshold = 0.5, overlap = 0.45 }
labels = { file = "labels.txt" }
files = [
  { role = "config", name = "net.prototxt", sha256 = "CONFIG" },
  { role = "weights", name = "net.caffemodel", sha256 = "WEIGHTS" },
]
"""


@pytest.fixture
def tiny_ssd(tmp_path: Path) -> ResolvedModel:
    weights = b"\n\x04tiny"  # a network of that name, and nothing else
    (tmp_path / "net.prototxt").write_text(SSD, encoding="utf-8")
    (tmp_path / "net.caffemodel").write_bytes(weights)
    (tmp_path / "labels.txt").write_text("green\nred\n", encoding="utf-8")
    card = SSD_CARD.replace("CONFIG", hashlib.sha256(SSD.encode()).hexdigest())
    card = card.replace("WEIGHTS", hashlib.sha256(weights).hexdigest())
    (tmp_path / "card.toml").write_text(card, encoding="utf-8")
    return find_model(tmp_path)


def test_the_ssd_boxes_of_a_batch_are_each_picture_s_own(tiny_ssd: ResolvedModel) -> None:
    engine = OpenCvDnnLoader(tiny_ssd, EngineWish(batch=4)).load()
    assert (engine.info.batch_sizes, engine.info.best_batch) == ((1, 2, 4), 4)
    pictures = np.zeros((3, 8, 8, 3), np.uint8)
    pictures[0, :4, :4, 1] = 200  # green, upper left
    pictures[1, 4:, :4, 2] = pictures[1, :4, 4:, 1] = 240  # red, lower left; green, upper right
    frames = list(ScriptedSource([1, 2, 3], size_wh=(80, 80)))
    found = Interpreter(tiny_ssd, 5).predictions(frames, engine.run(pictures))
    said = [{box.label: tuple(round(side) for side in box.box_xyxy) for box in p.boxes or ()} for p in found]
    assert said == [{"green": (0, 0, 40, 40)}, {"red": (0, 40, 40, 80), "green": (40, 0, 80, 40)}, {}]
    assert [prediction.top.label for prediction in found[::2]] == ["green", "unknown"]


@pytest.mark.parametrize(
    ("name", "sizes"), [("yolo-fastest-1.1", (1, 2, 4)), ("nanodet", (1,)), ("face-detector", (1,))]
)
def test_a_detector_runs_in_the_batches_that_give_every_output_of_single_pictures(
    models_env: Path, name: str, sizes: tuple[int, ...]
) -> None:
    model = find_model(name)
    engine = OpenCvDnnLoader(model, EngineWish(batch=4)).load()
    assert engine.info.batch_sizes == sizes
    (width, height), count = model.card.fit_plan().size_wh, sizes[-1]
    outputs = engine.run(probe_pictures(count, (width, height), 3))
    assert len(outputs) == {"yolo-fastest-1.1": 2, "nanodet": 6, "face-detector": 1}[name]
    assert {output.shape[0] for output in outputs.values()} == {count}


def test_a_detector_s_output_can_be_named(models_env: Path) -> None:
    engine = OpenCvDnnLoader(with_output(find_model("yolo-fastest-1.1"), name="yolo_130"), EngineWish(batch=1)).load()
    assert list(engine.run(probe_pictures(1, (320, 320), 3))) == ["yolo_130"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"classes": 20},
            r"card\.toml: the network puts out .*\(300, 85\).*output\.boxes = 'yolo_regions' is \(M, 25\)",
        ),
        ({"boxes": "ssd"}, r"card\.toml: the network puts out \(300, 85\); output\.boxes = 'ssd' is \(1, 1, M, 7\)"),
        ({"boxes": "nanodet"}, r"card\.toml: the network puts out .*output\.boxes = 'nanodet' is scores"),
    ],
)
def test_a_card_whose_boxes_do_not_fit_its_network_is_refused(
    models_env: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(CardError, match=message):
        OpenCvDnnLoader(with_output(find_model("yolo-fastest-1.1"), **changes)).load()


def test_a_classifier_called_a_detector_is_refused(little: ResolvedModel) -> None:
    changes = {"softmax": None, "boxes": "yolo_regions", "threshold": 0.5, "overlap": 0.5}
    model = with_output(little, **changes)
    model = dataclasses.replace(model, card=model.card.model_copy(update={"task": "detection"}))
    with pytest.raises(CardError, match=r"the network puts out .*output\.boxes = 'yolo_regions'"):
        OpenCvDnnLoader(model).load()


# ---- broken files and missing readers


def test_a_framework_this_opencv_cannot_read_is_one_sentence_with_the_way_out(
    models_env: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert readable_frameworks() == dict.fromkeys(("caffe", "tensorflow", "torch", "darknet", "onnx"), True)
    for reader in ("readNetFromCaffe", "readNetFromDarknet", "readNetFromTorch"):
        monkeypatch.delattr(cv2.dnn, reader)
    assert [name for name, readable in readable_frameworks().items() if readable] == ["tensorflow", "onnx"]
    for name in ("squeezenet-1.0-dc", "squeezenet-1.0-dc-torch", "tiny-darknet"):
        with pytest.raises(
            EngineError, match=rf"{name}: OpenCV .* does not read \w+ networks; install opencv-python below 5"
        ):
            OpenCvDnnLoader(find_model(name)).load()


BREAK = """
import dataclasses, json, sys
from pathlib import Path
from streamclf.catalogue.find import find_model
from streamclf.engine import EngineWish
from streamclf.engines.opencv_dnn import OpenCvDnnLoader
from streamclf.errors import CardError, EngineError
for name, role, broken in json.load(sys.stdin):
    model = find_model(name)
    try:
        OpenCvDnnLoader(dataclasses.replace(model, paths=model.paths | {role: Path(broken)}), EngineWish(batch=1)).load()
    except (CardError, EngineError) as error:
        print(json.dumps([name, broken, str(error)]))
    else:
        print(json.dumps([name, broken, None]))
"""


def test_mangled_networks_are_refused_by_name_and_never_kill_the_process(
    models_env: Path, hazards: Path, tmp_path: Path
) -> None:
    cases = []
    for name in (
        "squeezenet-1.0-dc",
        "squeezenet-1.0-dc-torch",
        "tiny-darknet",
        "mobilenet-v1-0.25",
        "mobilenet-v2-qdq",
    ):
        for role, path in find_model(name).paths.items():
            content = path.read_bytes()
            broken = {"empty": b"", "text": b"this is no network\n" * 50, "half": content[: len(content) // 2]}
            for kind, changed in broken.items():
                file = tmp_path / f"{name}-{kind}{path.suffix}"
                file.write_bytes(changed)
                cases.append((name, role, str(file)))
            with zipfile.ZipFile(tmp_path / f"{name}-zip{path.suffix}", "w") as archive:
                archive.writestr("weights", b"no")
            cases.append((name, role, str(tmp_path / f"{name}-zip{path.suffix}")))
    cases.append(("mobilenet-v1-0.25", "weights", str(hazards / "face_detector_text_mangled.pb")))
    # Darknet's weights have no mark, length or checksum: a cut file is read as it is. The card's digest guards against it.
    cases = [case for case in cases if Path(case[2]).name != "tiny-darknet-half.weights"]
    done = subprocess.run(
        [sys.executable, "-c", BREAK],
        input=json.dumps(cases),
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(cases)
    for name, file, message in answers:
        assert message, f"{file} was taken for {name}"
        assert name in message or file in message
        assert "\n" not in message
        assert len(message) < 500
        assert not re.search(r"\|\||\(\)|_param|\w = 0|Failed to parse", message), "cv2's own conditions help nobody"
    assert "[ERROR" not in done.stderr  # cv2's own; protobuf prints a line that nothing can silence


@pytest.mark.parametrize(
    ("name", "role", "known", "unknown"),
    [
        ("mobilenet-v2-qdq", "weights", b"\x04Conv", b"\x04Conx"),
        ("mobilenet-v1-0.25", "weights", b"\x06Conv2D", b"\x06Conv2X"),
        ("tiny-darknet", "config", b"[convolutional]", b"[convolutionax]"),
    ],
)
def test_a_layer_that_opencv_does_not_know_is_named(
    models_env: Path, tmp_path: Path, name: str, role: Any, known: bytes, unknown: bytes
) -> None:
    model = find_model(name)
    changed = tmp_path / "changed"
    changed.write_bytes(model.paths[role].read_bytes().replace(known, unknown))
    kind = unknown.decode().strip("[]\4\6")
    with pytest.raises(EngineError, match=rf"\(OpenCV .* knows no layer of the type {kind}\)$"):
        OpenCvDnnLoader(dataclasses.replace(model, paths=model.paths | {role: changed}), EngineWish(batch=1)).load()


def test_an_input_that_does_not_fit_the_network_points_at_the_card(little: ResolvedModel) -> None:
    small = little.card.input.model_copy(update={"width": 32, "height": 32})
    model = dataclasses.replace(little, card=little.card.model_copy(update={"input": small}))
    with pytest.raises(EngineError, match=r"shape \(1, 32, 32, 3\); does the \[input\] of its card fit the network\?$"):
        OpenCvDnnLoader(model).load()


# ---- targets


def test_opencl_without_a_device_runs_on_the_cpu_and_says_why(
    little: ResolvedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cv2.dnn, "getAvailableTargets", lambda backend: [0])
    monkeypatch.setattr(cv2.ocl, "haveOpenCL", lambda: False)
    assert available_targets() == {"cpu": True, "opencl": False, "opencl-fp16": False}
    loader = OpenCvDnnLoader(little, EngineWish("opencl"))
    info = loader.load().info
    assert (info.requested_target, info.effective_target) == ("opencl", "cpu")
    assert info.notes == ("asked for opencl, runs on the cpu: no OpenCL runtime is installed",)
    assert loader.lanes == OpenCvDnnLoader(little).lanes


OPENCL = """
import json, os, sys
import numpy as np
from streamclf.catalogue.find import find_model
from streamclf.engine import EngineWish
from streamclf.engines import opencv_dnn as engine
from streamclf.proof import probe_pictures
if not engine.available_targets()["opencl"]:
    sys.exit(77)
model = find_model("mobilenet-v1-0.25")
loader = engine.OpenCvDnnLoader(model, EngineWish("opencl"))
on_device = loader.load()
pictures = probe_pictures(3, (224, 224), 3)
on_cpu = engine.OpenCvDnnLoader(model, EngineWish("cpu", batch=1)).load()
def answers(it):
    return np.concatenate([next(iter(it.run(p[None]).values())).reshape(1, -1) for p in pictures])
difference = float(np.abs(answers(on_device) - answers(on_cpu)).max())
engine._TOLERANCES["opencl"] = 0.0
strict = engine.OpenCvDnnLoader(model, EngineWish("opencl")).load()
del os.environ["OPENCV_DNN_OPENCL_ALLOW_ALL_DEVICES"]
print(json.dumps({
    "lanes": loader.lanes, "requested": on_device.info.requested_target, "effective": on_device.info.effective_target,
    "notes": on_device.info.notes, "difference": difference, "sizes": on_device.info.batch_sizes,
    "strict": strict.info.effective_target, "strict_notes": strict.info.notes, "not_a_gpu": engine.usable_target("opencl"),
}))
"""


@pytest.mark.opencl
def test_opencl_is_used_compared_with_the_cpu_and_left_where_it_differs(models_env: Path) -> None:
    environment = os.environ | {"OPENCV_DNN_OPENCL_ALLOW_ALL_DEVICES": "1", "OPENCV_OPENCL_DEVICE": ":CPU:"}
    done = subprocess.run(
        [sys.executable, "-c", OPENCL], capture_output=True, text=True, timeout=240, env=environment, check=False
    )
    if done.returncode == 77 and os.environ.get("STREAMCLF_REQUIRE_ASSETS") != "1":
        pytest.skip("no OpenCL device; install pocl-opencl-icd")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["requested"], found["effective"], found["lanes"]) == ("opencl", "opencl", 1)
    assert found["difference"] < 1e-4
    (note,) = found["notes"]
    assert " ms a picture, cpu " in note
    assert "same answers" in note
    assert found["sizes"][0] == 1
    assert found["strict"] == "cpu"
    assert "opencl answers differently from the cpu" in found["strict_notes"][0]
    assert found["not_a_gpu"][0] == "cpu"
    assert "is no GPU" in found["not_a_gpu"][1]
