from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from streamclf.catalogue.find import builtin_folder, find_model
from streamclf.catalogue.formats import NetworkFiles
from streamclf.catalogue.network_options import Gap, NetworkOptions, network_options
from streamclf.classifier import Classifier
from streamclf.engines.opencv_look import Look, crash
from streamclf.errors import ConfigError, EngineError, ModelFileError, StreamclfError
from streamclf.own_network import OwnNetwork, own_network
from tests.networks import NO_CLASSES, PIXELS, SECOND_INPUT, SECOND_OUTPUT, SIGMOID, SOFTMAX, mean_colour

COLOURS = {"channels": "bgr", "scale": "1/255"}
FRAMECHECK = builtin_folder() / "framecheck"


def own(weights: Path, ask: Any = None, **options: Any) -> OwnNetwork:
    return own_network(network_options({"weights": weights, **options}), ask)


def colour(weights: Path, **options: Any) -> OwnNetwork:
    return own(weights, **{**COLOURS, "labels": str(weights.with_name("labels.txt")), **options})


def refused(kind: type[StreamclfError], words: str, weights: Path, **options: Any) -> None:
    with pytest.raises(kind, match=words) as caught:
        colour(weights, **options)
    assert weights.name in str(caught.value)


def test_a_tiny_network_is_described_and_answers(tmp_path: Path) -> None:
    found = colour(mean_colour(tmp_path, more=SOFTMAX))
    card = found.model.card
    assert (card.name, card.framework, card.task) == ("colour", "caffe", "classification")
    assert (card.input.width, card.input.height, card.input.layout) == (12, 8, "NCHW")
    assert (card.output.classes, card.output.softmax, card.output.background) == (3, True, 0)
    assert found.label_file == tmp_path / "labels.txt"
    assert any("probabilities already" in sentence for sentence in found.found)
    picture = np.zeros((40, 40, 3), np.uint8)
    picture[..., 1] = 255
    with Classifier(found.model) as classifier:
        assert classifier.classify(picture).top.label == "green"


def test_raw_numbers_get_a_softmax_and_that_is_said(tmp_path: Path) -> None:
    found = colour(mean_colour(tmp_path))
    assert found.model.card.output.softmax is False
    assert any("softmax" in sentence for sentence in found.assumed)


def test_a_grey_network_is_seen_by_its_channels(tmp_path: Path) -> None:
    weights = mean_colour(
        tmp_path, shape=(1, 1, 1, 4), more=SECOND_OUTPUT.replace("kernel_size: 2", "kernel_h: 1 kernel_w: 2")
    )
    (tmp_path / "labels.txt").write_text("left\nright\n", encoding="utf-8")
    found = own(weights, scale="1/255", labels=str(tmp_path / "labels.txt"), output_layer="small")
    assert (found.model.card.input.channels, found.model.card.output.name) == ("grey", "small")


@pytest.mark.parametrize(
    ("weights", "options", "card"),
    [
        ("squeezenet_v1.0_dc.caffemodel", {"preset": "imagenet-caffe"}, "squeezenet-1.0-dc"),
        ("squeezenet_v1.0_dc.t7", {"preset": "imagenet-caffe", "size": "227"}, "squeezenet-1.0-dc-torch"),
        ("mobilenetv2-12-qdq.onnx", {"preset": "imagenet-torch"}, "mobilenet-v2-qdq"),
        ("mobilenet_v1_0.25_224_frozen.pb", {"preset": "imagenet-tf"}, "mobilenet-v1-0.25"),
        (
            "tiny.weights",
            {"channels": "rgb", "scale": "1/255", "fit": "short_side", "interpolation": "linear"},
            "tiny-darknet",
        ),
        ("yolo-fastest-1.1.weights", {"preset": "yolo"}, "yolo-fastest-1.1"),
    ],
)
def test_a_real_network_gets_the_card_that_the_catalogue_has_of_it(
    weights: str, options: dict[str, Any], card: str, models_env: Path
) -> None:
    found, wanted = own(models_env / weights, **options), find_model(card)
    assert found.model.card.input == wanted.card.input
    assert found.model.card.output == wanted.card.output
    assert found.model.labels == wanted.labels
    assert [file.sha256 for file in found.model.card.files] == [file.sha256 for file in wanted.card.files]


def test_the_face_detector_of_opencv_needs_only_its_label(models_env: Path, images: Path, tmp_path: Path) -> None:
    (tmp_path / "face.txt").write_text("face\n", encoding="utf-8")
    found = own(
        models_env / "opencv_face_detector_uint8.pb",
        config=models_env / "opencv_face_detector.pbtxt",
        preset="ssd",
        labels=str(tmp_path / "face.txt"),
    )
    assert found.model.card.output == find_model("face-detector").card.output
    picture = cv2.imread(str(images / "opencv_er.png"))
    assert picture is not None
    with Classifier(found.model) as classifier:
        assert classifier.classify(np.asarray(picture, np.uint8)).top.label == "face"


def test_a_graph_that_cannot_be_used_alone_takes_the_only_definition_beside_it(assets: Path, tmp_path: Path) -> None:
    mirror = assets / "mirror"
    weights = copied(mirror / "opencv_face_detector_uint8.pb", tmp_path / "frozen_inference_graph.pb")
    copied(mirror / "opencv_face_detector.pbtxt", tmp_path / "ssd.pbtxt")
    (tmp_path / "label_map.pbtxt").write_text('item {\n  id: 1\n  name: "face"\n}\n', encoding="utf-8")
    (tmp_path / "face.txt").write_text("face\n", encoding="utf-8")
    options = {"preset": "ssd", "labels": str(tmp_path / "face.txt")}
    found = own(weights, **options)
    assert found.model.paths["config"] == tmp_path / "ssd.pbtxt"
    assert found.assumed[0] == (
        "its definition is ssd.pbtxt, the only one beside it; alone it cannot be used (--config names another)"
    )
    copied(tmp_path / "ssd.pbtxt", tmp_path / "other.pbtxt")
    with pytest.raises(
        EngineError, match=r"knows no layer of the type Maximum\); does it need a \.pbtxt, given in --config"
    ):
        own(weights, **options)


def test_a_graph_that_can_be_used_alone_is(assets: Path, tmp_path: Path) -> None:
    copied(assets / "mirror" / "opencv_face_detector.pbtxt", tmp_path / "eval.pbtxt")
    weights = copied(assets / "mirror" / "mobilenet_v1_0.25_224_frozen.pb", tmp_path / "frozen.pb")
    assert list(own(weights, preset="imagenet-tf").model.paths) == ["weights"]


def test_a_detector_of_another_kind_is_described_by_options(models_env: Path) -> None:
    options = {"channels": "bgr", "mean": "103.53,116.28,123.675", "std": "57.375,57.12,58.395", "fit": "letterbox"}
    found = own(models_env / "object_detection_nanodet_2022nov.onnx", boxes="nanodet", **options)
    assert found.model.card.output.boxes == "nanodet"
    assert found.model.card.input.width == 416
    assert found.model.labels == find_model("nanodet").labels


def test_the_bundled_network_is_described_by_its_fit() -> None:
    options = {"channels": "bgr", "scale": "1/255", "mean": "0.5", "std": "0.25", "fit": "overview_tiles"}
    found = own(FRAMECHECK / "framecheck.onnx", labels=str(FRAMECHECK / "labels.txt"), **options)
    wanted = find_model("framecheck")
    assert found.model.card.input == wanted.card.input
    assert found.model.labels == wanted.labels


def test_a_look_tells_inputs_and_outputs_without_a_picture(models_env: Path) -> None:
    look = Look(NetworkFiles("onnx", {"weights": models_env / "object_detection_nanodet_2022nov.onnx"}))
    assert look.input_shapes() == ((1, 3, 416, 416),)
    assert len(look.output_names) == 6
    frozen = Look(NetworkFiles("tensorflow", {"weights": models_env / "mobilenet_v1_0.25_224_frozen.pb"}))
    assert frozen.input_shapes() == ()


def test_what_is_missing_is_asked_one_after_the_other(tmp_path: Path) -> None:
    weights = mean_colour(tmp_path, shape=None, more=SECOND_OUTPUT)
    answers = {"preset": "imagenet-tf", "output_layer": "mean", "labels": str(tmp_path / "labels.txt")}
    asked: list[str] = []

    def ask(gap: Gap, options: NetworkOptions) -> NetworkOptions:
        asked.append(gap.option)
        return options.also(gap.option, answers[gap.option])

    found = own(weights, ask)
    assert asked == ["preset", "output_layer", "labels"]
    assert (found.model.card.output.name, found.model.card.input.width) == ("mean", 224)
    assert any("224x224, as usual with imagenet-tf" in sentence for sentence in found.assumed)


def test_a_detector_without_a_word_is_asked_for_its_boxes(models_env: Path) -> None:
    for name, kind in (
        ("yolo-fastest-1.1.weights", "yolo_regions"),
        ("object_detection_nanodet_2022nov.onnx", "nanodet"),
    ):
        with pytest.raises(Gap, match=f"as a detector does; say it with --boxes {kind}") as caught:
            own(models_env / name, preset="imagenet-torch")
        assert caught.value.option == "boxes"


def test_boxes_of_another_kind_than_the_network_s_are_refused(models_env: Path) -> None:
    with pytest.raises(
        ConfigError,
        match=r"--preset ssd: .*yolo-fastest.* puts out \(300, 85\).* look like boxes of the kind yolo_regions \(--boxes",
    ):
        own(models_env / "yolo-fastest-1.1.weights", preset="ssd")
    with pytest.raises(ConfigError, match=r"--boxes ssd: .*\(1, 1000\), which are no boxes; leave it out if it is a"):
        own(models_env / "mobilenetv2-12-qdq.onnx", preset="imagenet-torch", boxes="ssd")


def test_a_classifier_with_the_preset_of_detectors_is_told_so(models_env: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"--preset yolo: is for detectors, and .*tiny\.weights puts out \(1, 1000"
    ) as said:
        own(models_env / "tiny.weights", preset="yolo")
    assert "--boxes" not in str(said.value)
    assert "of a classifier say with --channels, --scale, --mean and --std" in str(said.value)


def test_one_number_more_than_imagenet_s_classes_is_the_background(models_env: Path) -> None:
    found = own(models_env / "mobilenet_v1_0.25_224_frozen.pb", preset="imagenet-tf", labels="imagenet-1000")
    assert found.model.card.output.background == 1
    assert any("first of the 1001" in sentence for sentence in found.assumed)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("", r"labels\.txt: 4 labels, but .*puts out 3 numbers$"),
        ("background", r"labels\.txt: 2 labels, but .*; if the first 1 are no class, say --background 1$"),
    ],
)
def test_as_many_labels_as_numbers(more: str, said: str, tmp_path: Path) -> None:
    weights = mean_colour(tmp_path)
    (tmp_path / "labels.txt").write_text("a\nb\n" if more else "a\nb\nc\nd\n", encoding="utf-8")
    refused(ConfigError, said, weights)
    if more:
        assert colour(weights, background="1").model.card.output.background == 1


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ({"text": NO_CLASSES}, r"puts out \(1, 3, 4, 4\) for a picture, which is no row of classes"),
        ({"more": SECOND_INPUT}, "takes 2 inputs; streamclf gives one, a picture"),
        ({"shape": (1, 4, 8, 8)}, "pictures of 1 or 3 channels"),
        ({"shape": (1, 3)}, "is no batch of pictures"),
    ],
)
def test_a_network_that_is_no_classifier_of_pictures_is_refused(
    network: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises((EngineError, ModelFileError), match=said) as caught:
        colour(mean_colour(tmp_path, **network))
    assert caught.value.exit_code == 1


def test_several_outputs_are_a_gap_and_a_wrong_name_is_refused(tmp_path: Path) -> None:
    weights = mean_colour(tmp_path, more=SECOND_OUTPUT)
    refused(Gap, r"has 2 outputs, mean \(1, 3, 1, 1\), small .*--output-layer", weights)
    refused(ConfigError, "--output-layer prob: .*its outputs are mean, small", weights, output_layer="prob")


def test_an_answer_that_never_changes_is_told(tmp_path: Path) -> None:
    found = colour(mean_colour(tmp_path, more=SOFTMAX), scale="1e-12")
    assert found.warnings == (
        "the network said the same of every picture that was tried: are --scale, --mean and --std right?",
    )
    assert not any("same of every" in sentence for sentence in found.assumed)
    assert not colour(mean_colour(tmp_path, more=SOFTMAX)).warnings


def test_a_network_of_several_classes_at_once_is_warned_of(tmp_path: Path) -> None:
    (warning,) = colour(mean_colour(tmp_path, more=SIGMOID)).warnings
    assert "lie between 0 and 1 and do not add up to 1, as those of a network that ends in a sigmoid" in warning
    assert "takes one class a picture, so the probabilities that it shows are wrong" in warning
    assert not colour(mean_colour(tmp_path), mean="0.5").warnings  # numbers below 0 are of no sigmoid
    assert not colour(mean_colour(tmp_path), scale="1").warnings  # nor are those above 1


def test_answers_that_are_almost_even_are_warned_of(tmp_path: Path) -> None:
    weights = mean_colour(tmp_path, text=PIXELS)
    (tmp_path / "labels.txt").write_text("\n".join(f"place {number}" for number in range(16)), encoding="utf-8")
    (warning,) = own(weights, scale="1/255", mean="0.5", labels=str(tmp_path / "labels.txt")).warnings
    assert re.fullmatch(
        r"the answers are almost even \(\d+(\.\d)? % at best\): is it trained, and are --scale, --mean and --std right\?",
        warning,
    )
    assert not own(weights, scale="1", mean="127", labels=str(tmp_path / "labels.txt")).warnings


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"preset": "imagenet-torch", "size": "224"},
            "of a picture only the middle is looked at, 87.5 % of its short side, as usual with imagenet-torch "
            "(--fit, --crop-fraction)",
        ),
        (
            {"preset": "imagenet-caffe", "size": "299"},
            "of a picture only the middle is looked at, as usual with imagenet-caffe (--fit, --crop-fraction)",
        ),
        (
            {"channels": "bgr", "scale": "1", "size": "224"},
            "a picture is squeezed to that size whatever its shape (--fit)",
        ),
        ({"preset": "imagenet-torch", "size": "224", "fit": "centre_crop"}, None),
        ({"preset": "imagenet-torch", "size": "224", "fit": "letterbox"}, None),
        ({"preset": "imagenet-torch", "size": "224", "crop_fraction": "0.9"}, None),
    ],
)
def test_how_a_picture_is_fitted_is_said_where_the_user_does_not(
    options: dict[str, Any], said: str | None, tmp_path: Path
) -> None:
    weights = mean_colour(tmp_path, shape=None)
    assumed = own(weights, labels=str(tmp_path / "labels.txt"), **options).assumed
    told = [sentence for sentence in assumed if "--fit" in sentence]
    assert told == ([said] if said else [])


def test_numbers_that_are_none_are_refused(tmp_path: Path) -> None:
    refused(
        EngineError,
        "puts out NaN or infinite numbers.*Is colour.prototxt its definition",
        mean_colour(tmp_path),
        scale="1e308",
    )


def copied(source: Path, target: Path, part: float = 1.0) -> Path:
    content = source.read_bytes()
    target.write_bytes(content[: int(len(content) * part)])
    return target


@pytest.mark.parametrize(
    ("weights", "config", "said"),
    [
        ("mobilenetv2-12-qdq.onnx", None, r"weights\.onnx: not a readable onnx network; is it whole"),
        ("mobilenet_v1_0.25_224_frozen.pb", None, r"weights\.pb: not a readable tensorflow network; is it a whole"),
        ("squeezenet_v1.0_dc.t7", None, r"weights\.t7: not a readable torch network; is it whole"),
        (
            "squeezenet_v1.0_dc.caffemodel",
            "squeezenet_v1.0_dc.prototxt",
            "not a readable caffe network; are both whole",
        ),
        (
            "tiny.weights",
            "tiny.cfg",
            r"weights\.weights: holds 523242 numbers, but tiny\.cfg needs 1046488; it is truncated",
        ),
    ],
)
def test_half_a_file_is_refused_by_name(
    weights: str, config: str | None, said: str, assets: Path, tmp_path: Path
) -> None:
    mirror = assets / "mirror"
    half = copied(mirror / weights, (tmp_path / "weights").with_suffix(Path(weights).suffix), 0.5)
    with pytest.raises((EngineError, ModelFileError), match=said) as caught:
        own(half, preset="imagenet-caffe", config=mirror / config if config else None)
    assert caught.value.exit_code == 1


def test_weights_with_another_network_s_definition_are_refused(assets: Path, tmp_path: Path) -> None:
    mirror = assets / "mirror"
    with pytest.raises(
        ModelFileError, match=r"holds 1046488 numbers, but yolo-fastest-1\.1\.cfg needs 346062.*another network"
    ):
        own(mirror / "tiny.weights", config=mirror / "yolo-fastest-1.1.cfg", preset="yolo")
    text = (mirror / "squeezenet_v1.0_dc.prototxt").read_text(encoding="utf-8")
    for old, new, said in (
        ("fire2", "fyre2", "has no outputs for the layer fyre2/"),
        ("num_output: 1000", "num_output: 500", "has 1000 outputs for the layer conv_final, which has 500 in"),
    ):
        (tmp_path / "other.prototxt").write_text(text.replace(old, new), encoding="utf-8")
        with pytest.raises(ModelFileError, match=f"{said}.*other.prototxt; they are of different networks"):
            own(mirror / "squeezenet_v1.0_dc.caffemodel", config=tmp_path / "other.prototxt", preset="imagenet-caffe")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")
def test_a_file_that_kills_opencv_is_refused_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = mean_colour(tmp_path)
    options = network_options({"weights": weights, **COLOURS, "labels": str(tmp_path / "labels.txt")})
    assert own_network(options, trusted=False).model.card.name == "colour"
    killed = tmp_path / "python"
    killed.write_text("#!/bin/sh\nkill -SEGV $$\n", encoding="utf-8")
    killed.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(killed))
    with pytest.raises(
        EngineError, match=r"colour\.caffemodel: OpenCV crashes \(with -11\) when it reads this; get the file anew"
    ):
        own_network(options, trusted=False)


@pytest.mark.skipif(sys.platform == "win32", reason="needs named pipes")
def test_a_file_that_never_ends_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "net.onnx")
    assert (
        crash(NetworkFiles("onnx", {"weights": tmp_path / "net.onnx"}), timeout_s=0.1)
        == "does not come back within 0.1 s"
    )


def test_a_file_that_is_merely_unreadable_is_no_crash(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"\x08\x07nonsense")
    assert crash(NetworkFiles("onnx", {"weights": tmp_path / "net.onnx"})) is None


def test_options_of_a_network_without_weights_say_what_is_missing() -> None:
    with pytest.raises(ConfigError, match="--preset: is for a network without a card; name its weights with --weights"):
        own_network(network_options({"preset": "yolo"}))
