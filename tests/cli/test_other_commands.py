from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from tests.conftest import REPOSITORY

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def test_help_and_version_answer_at_once(streamclf: Run) -> None:
    assert "run" in streamclf("--help").stdout
    assert streamclf("--version").stdout.startswith("streamclf ")
    for command in ("run", "classify", "doctor"):
        text = streamclf(command, "--help").stdout
        assert "Examples" in text
    assert "models list --framework onnx --max-mb 10" in streamclf("models", "list", "--help").stdout


def test_every_option_of_the_configuration_is_on_the_command_line_with_its_help(streamclf: Run) -> None:
    from streamclf.config import RunConfig

    text = " ".join(streamclf("run", "--help", COLUMNS="400").stdout.split())
    for name, field in RunConfig.model_fields.items():
        if name != "sources":
            assert f"--{name.replace('_', '-')}" in text
        assert field.description is not None
        assert " ".join(field.description.split()) in text, name


def test_an_unknown_command_or_option_is_a_usage_error(streamclf: Run) -> None:
    for arguments in (["rum"], ["run", "--modle", "x"], ["run", "0", "--top-k", "many"]):
        done = streamclf(*arguments)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr


def test_classify_prints_the_top_five_and_the_forward_time(streamclf: Run, images: Path) -> None:
    done = streamclf("classify", images / "banana_0.jpg", "--model", "mobilenet-v2-qdq")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "mobilenet-v2-qdq" in lines[0]
    assert " ms" in lines[0]
    assert len(lines) == 6
    assert lines[1].endswith("banana")


def test_classify_with_the_bundled_network_says_where_the_imagenet_classes_are(
    streamclf: Run, images: Path, tmp_path: Path
) -> None:
    done = streamclf("classify", images / "dog.jpg")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1].endswith(" ok")
    hint = " ".join(done.stderr.split())
    assert "the 1000 ImageNet classes" in hint
    assert "--model mobilenet-v2-qdq --pull" in hint
    for quiet in (("--json",), ("--model", "mobilenet-v2-qdq")):
        assert "ImageNet classes" not in streamclf("classify", images / "dog.jpg", *quiet).stderr


def test_classify_json_has_a_row_a_picture_with_its_error(streamclf: Run, images: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_text("no picture")
    done = streamclf("classify", images / "dog.jpg", "broken.jpg", "--model", "tiny-darknet", "--json", "--top-k", 2)
    assert done.returncode == 1
    good, bad = json.loads(done.stdout)
    assert list(good) == ["file", "model", "engine", "top", "infer_ms", "error"]
    assert good["error"] is None
    assert good["infer_ms"] > 0
    assert [set(score) for score in good["top"]] == [{"class_id", "label", "probability"}] * 2
    assert bad["top"] == []
    assert "broken.jpg" in bad["error"]


def test_classify_sends_videos_to_run(streamclf: Run, videos: Path) -> None:
    clip = next(videos.glob("*.mp4"))
    done = streamclf("classify", clip)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"error: {clip}: a video, not a picture; streamclf run takes videos" in done.stderr


def test_classify_saves_labelled_pictures(streamclf: Run, images: Path, tmp_path: Path) -> None:
    model = ("--model", "mobilenet-v2-qdq")
    assert streamclf("classify", images / "dog.jpg", *model, "--save", "one.png").returncode == 0
    original, labelled = cv2.imread(str(images / "dog.jpg")), cv2.imread(str(tmp_path / "one.png"))
    assert original is not None
    assert labelled is not None
    assert labelled.shape == original.shape
    assert (labelled != original).any()
    assert streamclf("classify", images / "dog.jpg", images / "eagle.jpg", *model, "--save", "both").returncode == 0
    assert sorted(path.name for path in (tmp_path / "both").iterdir()) == ["dog.jpg", "eagle.jpg"]
    again = streamclf("classify", images / "dog.jpg", *model, "--save", "one.png")
    assert again.returncode == 2
    assert "--overwrite" in again.stderr


def test_models_list_tells_name_task_framework_size_licence_and_what_is_here(streamclf: Run) -> None:
    models = {model["name"]: model for model in json.loads(streamclf("models", "list", "--json").stdout)}
    assert set(models["tiny-darknet"]) == {
        "name",
        "task",
        "framework",
        "size_mb",
        "licence",
        "verified",
        "available",
    }
    assert models["tiny-darknet"]["available"] is True
    frameworks = {model["framework"] for model in models.values()}
    assert frameworks == {"caffe", "tensorflow", "torch", "darknet", "onnx", "tflite"}
    assert streamclf("models", "list", STREAMCLF_MIRROR="").stdout.count("  no") >= 3
    text = streamclf("models", "list").stdout
    assert all(name in text for name in models)


def listed(streamclf: Run, *options: object, **extra: str) -> dict[str, dict[str, object]]:
    done = streamclf("models", "list", "--json", *options, **extra)
    assert done.returncode == 0, done.stderr
    return {model["name"]: model for model in json.loads(done.stdout)}


def test_models_list_is_narrowed_by_task_framework_and_size(streamclf: Run) -> None:
    every = listed(streamclf)
    assert listed(streamclf, "--task", "classification") == {
        name: model for name, model in every.items() if model["task"] == "classification"
    }
    caffe = listed(streamclf, "--framework", "caffe")
    assert caffe == {name: model for name, model in every.items() if model["framework"] == "caffe"}
    assert {"googlenet-caffe", "squeezenet-1.1-caffe"} <= set(caffe) < set(every)
    small = listed(streamclf, "--framework", "caffe", "--max-mb", 10)
    assert "squeezenet-1.1-caffe" in small
    assert "googlenet-caffe" not in small
    text = streamclf("models", "list", "--framework", "darknet", "--task", "classification").stdout.splitlines()
    assert [line.split()[0] for line in text] == ["name", "tiny-darknet"]
    detectors = listed(streamclf, "--task", "detection")
    assert {"face-detector", "mobilenet-ssd", "nanodet", "yolo-fastest-1.1", "yolov4-tiny"} <= set(detectors)
    assert not set(detectors) & set(listed(streamclf, "--task", "classification"))


def test_models_list_says_it_when_nothing_is_of_that_kind(streamclf: Run) -> None:
    done = streamclf("models", "list", "--framework", "darknet", "--max-mb", "0.1")
    assert (done.returncode, done.stdout) == (0, "")
    assert "(darknet, up to 0.1 MB)" in done.stderr
    assert "'streamclf models list' shows them all" in done.stderr
    assert listed(streamclf, "--framework", "darknet", "--max-mb", "0.1") == {}


def test_models_list_refuses_a_kind_there_cannot_be(streamclf: Run) -> None:
    for option, value, known in (("--framework", "keras", "darknet"), ("--task", "poetry", "classification")):
        done = streamclf("models", "list", option, value)
        assert done.returncode == 2
        assert f"{option} '{value}': must be one of " in done.stderr
        assert known in done.stderr
    assert streamclf("models", "list", "--max-mb", "-1").returncode == 2


def test_a_size_that_nobody_gives_is_a_question_mark(streamclf: Run, tmp_path: Path) -> None:
    card = Path(__file__).parents[1] / "cards" / "mobilenet-v2-dequant" / "card.toml"
    (tmp_path / "own" / "vague").mkdir(parents=True)
    vague = card.read_text(encoding="utf-8").replace("mobilenet-v2-dequant", "vague").replace("bytes = 13969133\n", "")
    (tmp_path / "own" / "vague" / "card.toml").write_text(vague, encoding="utf-8")
    own = {"STREAMCLF_MODELS": str(tmp_path / "own")}
    row = next(line for line in streamclf("models", "list", **own).stdout.splitlines() if line.startswith("vague "))
    assert row.split()[3] == "?"
    assert listed(streamclf, **own)["vague"]["size_mb"] is None
    assert "vague" not in listed(streamclf, "--max-mb", 1000, **own)


def test_how_many_networks_of_unknown_size_a_limit_leaves_out_is_said(streamclf: Run) -> None:
    unknown = [model for model in listed(streamclf).values() if model["size_mb"] is None]
    assert [(model["name"], model["task"]) for model in unknown] == [("yolov4-tiny", "detection")]
    for options in (("--max-mb", 10), ("--max-mb", 0.1, "--framework", "darknet")):
        assert "1 of unknown size left out" in streamclf("models", "list", *options).stderr
    for options in ((), ("--max-mb", 10, "--json"), ("--max-mb", 10, "--task", "classification")):
        assert "unknown size" not in streamclf("models", "list", *options).stderr


def test_models_show_has_what_to_know_before_taking_a_network(streamclf: Run) -> None:
    assert "note: OpenCV 4.14 cannot import this file" in streamclf("models", "show", "densenet-121").stdout
    assert "note" not in streamclf("models", "show", "tiny-darknet").stdout


def test_models_show_says_where_the_files_are(streamclf: Run) -> None:
    shown = json.loads(streamclf("models", "show", "tiny-darknet", "--json").stdout)
    assert shown["schema"] == 1
    assert all(Path(file["found_at"]).is_file() for file in shown["files"])
    assert "tiny.weights" in streamclf("models", "show", "tiny-darknet").stdout
    unknown = streamclf("models", "show", "tiny-darkness")
    assert unknown.returncode == 2
    assert "tiny-darknet" in unknown.stderr


def test_doctor_tells_what_this_machine_can_do(streamclf: Run) -> None:
    done = streamclf("doctor", "--json")
    assert done.returncode == 0, done.stdout
    found = json.loads(done.stdout)
    assert found["problems"] == []
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(found["packages"]) == {re.split(r"[^\w-]", each, maxsplit=1)[0] for each in project["dependencies"]}
    assert found["frameworks"] == dict.fromkeys(["caffe", "tensorflow", "torch", "darknet", "onnx", "tflite"], True)
    assert found["targets"]["cpu"]["available"] is True
    assert found["h264_encoder"] is True
    assert found["display"]["available"] is False
    assert "DISPLAY" in found["display"]["reason"]
    assert "tiny-darknet" in found["models"]["available"]
    text = streamclf("doctor").stdout
    for word in ("opencv-python", "darknet yes", "cpu yes", "H.264 output  yes", "screen"):
        assert word in text


@pytest.mark.parametrize("module", ["numpy", "cv2", "av"])
def test_help_loads_no_heavy_library(module: str) -> None:
    import sys

    code = f"import sys; sys.argv[1:] = ['--help']\ntry:\n import streamclf.cli; streamclf.cli.main()\nexcept SystemExit: pass\nsys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_doctor_still_speaks_where_opencv_cannot_be_loaded(streamclf: Run, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "cv2.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
    done = streamclf("doctor", PYTHONPATH=str(tmp_path / "broken"))
    assert done.returncode == 1
    assert "apt install libgl1" in done.stderr
    assert "Traceback" not in done.stderr
    run = streamclf("run", "x.mp4", "--no-display", PYTHONPATH=str(tmp_path / "broken"))
    assert run.returncode == 1
    assert "libGL.so.1" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("address", ["rtsp://me:SECRET@host/x?key=SECRET", "rtsp:/me:SECRET@host/x"])
def test_classify_sends_addresses_to_run_and_shows_no_password(streamclf: Run, address: str) -> None:
    done = streamclf("classify", address, "--model", "tiny-darknet")
    assert done.returncode == 2
    assert "streamclf run" in done.stderr
    assert "SECRET" not in done.stderr
