from __future__ import annotations

import gzip
import pickle
import zipfile
from pathlib import Path

import pytest

from streamclf.catalogue.formats import check_weights, darknet_input, network_files
from streamclf.errors import ConfigError, ModelFileError
from tests.networks import message_field, onnx_with_weights_in


def written(path: Path, content: bytes | str = b"\x08\x07whatever") -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def zipped(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return path


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty; get the file anew"),
        (pickle.dumps({"weight": 1}), "is a Python pickle, .*streamclf export torch:MODULE:FUNCTION"),
        (gzip.compress(b"network"), "is a gzip archive; unpack it"),
        (b"\x89HDF\r\n\x1a\n" + bytes(20), "is an HDF5 file, .*Keras"),
        (b"\x1c\0\0\0TFL3" + bytes(20), "is a TensorFlow Lite network, not one of onnx; say --framework tflite"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "is a Git LFS pointer.*git lfs pull"),
        (b"\n <!DOCTYPE html><title>404</title>", "is a web page"),
        (b"\x50\0\0\0\0\0\0\0" + b'{"weight":{}}', "is a safetensors file"),
        (b"\x89PNG\r\n\x1a\n", "is a picture"),
        (bytes(257) + b"ustar" + bytes(250), "is a tar archive"),
    ],
)
def test_something_else_under_a_network_s_name_is_called_what_it_is(content: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=rf"^.*weights\.onnx: {said}") as caught:
        network_files(written(tmp_path / "weights.onnx", content))
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        (("archive/data.pkl", "archive/data/0"), "as PyTorch saves it; 'streamclf export torch"),
        (("config.json", "model.weights.h5"), "as Keras saves it"),
        (("deploy.prototxt", "net.caffemodel"), "is a zip archive; unpack it"),
    ],
)
def test_a_zip_archive_is_told_by_what_is_in_it(inside: tuple[str, ...], said: str, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=said):
        check_weights(zipped(tmp_path / "weights.onnx", *inside))


def test_a_saved_model_is_no_frozen_graph(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"saved_model\.pb: is a SavedModel of TensorFlow; .*ONNX"):
        check_weights(written(tmp_path / "saved_model.pb"))


def test_real_networks_of_every_framework_pass(assets: Path) -> None:
    for path in (assets / "mirror").iterdir():
        if path.suffix in (".onnx", ".pb", ".t7", ".weights", ".caffemodel", ".tflite"):
            check_weights(path)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("weights.pth", r"reads no \.pth networks, but \.onnx, .*torch\.onnx\.export"),
        ("weights.keras", r"reads no \.keras networks.*tf2onnx"),
        ("weights.dat", "what kind of network is it.*--framework"),
        ("deploy.prototxt", r"is a definition; give the weights \(\.caffemodel\), and this in --config"),
    ],
)
def test_an_ending_that_tells_no_framework_says_what_to_do(name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=said):
        network_files(written(tmp_path / name))


def test_an_unusual_ending_is_believed_with_the_framework(tmp_path: Path) -> None:
    files = network_files(written(tmp_path / "weights.dat"), framework="onnx")
    assert (files.framework, files.paths) == ("onnx", {"weights": tmp_path / "weights.dat"})


@pytest.mark.parametrize("name", ["net.tflite", "net.dat"])
def test_a_tensorflow_lite_network_is_known_by_its_ending_or_its_first_bytes(name: str, tmp_path: Path) -> None:
    assert network_files(written(tmp_path / name, b"\x1c\0\0\0TFL3" + bytes(20))).framework == "tflite"


def test_the_definition_of_the_same_name_lies_beside_its_weights(tmp_path: Path) -> None:
    written(tmp_path / "other.cfg", "[net]")
    config = written(tmp_path / "tiny.cfg", "[net]")
    files = network_files(written(tmp_path / "tiny.weights"))
    assert files.paths["config"] == config
    assert "its definition is tiny.cfg" in files.assumed[0]


def test_the_only_definition_beside_the_weights_is_theirs(tmp_path: Path) -> None:
    config = written(tmp_path / "deploy.prototxt", "layer {}")
    assert network_files(written(tmp_path / "net.caffemodel")).paths["config"] == config


def test_of_two_definitions_none_is_guessed(tmp_path: Path) -> None:
    for name in ("a.prototxt", "b.prototxt"):
        written(tmp_path / name, "layer {}")
    with pytest.raises(ConfigError, match=r"a caffe network is two files; name the \.prototxt in --config"):
        network_files(written(tmp_path / "net.caffemodel"))


def test_a_network_of_one_file_takes_no_definition(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="onnx networks are one file; leave it out"):
        network_files(written(tmp_path / "net.onnx"), written(tmp_path / "net.cfg", "[net]"))


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"\0\1\2", "is no text, .*changed places"), (b" \n", "is empty"), (b"<html>", "is a web page")],
)
def test_a_definition_is_text(content: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=rf"net\.cfg: {said}"):
        network_files(written(tmp_path / "net.weights"), written(tmp_path / "net.cfg", content))


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"nothing\.onnx: there is no such file"):
        network_files(tmp_path / "nothing.onnx")
    with pytest.raises(ModelFileError, match="is a folder; name the network's file in it"):
        network_files(tmp_path)


def test_a_darknet_definition_tells_the_size_of_its_input(assets: Path, tmp_path: Path) -> None:
    assert darknet_input(assets / "mirror" / "yolo-fastest-1.1.cfg") == (320, 320, 3)
    grey = written(tmp_path / "grey.cfg", "# mine\n[net]\nwidth = 64 # wide\nheight=48\nchannels=1\n[conv]\nwidth=9\n")
    assert darknet_input(grey) == (64, 48, 1)
    assert darknet_input(written(tmp_path / "open.cfg", "[net]\nbatch=1\n")) is None


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("dyn.onnx.data",), "its weights are in dyn.onnx.data, and OpenCV reads only whole files"),
        (("w.bin",) * 3, "its weights are in w.bin, and"),
        (("b", "a", "c"), "its weights are in a and 2 other files, and"),
        (("weights" * 30,), f"its weights are in {'weights' * 30}, and"),
    ],
)
def test_an_onnx_network_whose_weights_lie_elsewhere_is_called_so(
    names: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    weights = written(tmp_path / "dyn.onnx", onnx_with_weights_in(*names))
    with pytest.raises(ModelFileError) as caught:
        network_files(weights)
    assert str(caught.value).startswith(f"{weights}: {said}")
    assert str(caught.value).endswith("; export it with external_data=False")


@pytest.mark.parametrize(
    "content",
    [
        b"location",
        message_field(13, message_field(1, b"location")),
        message_field(13, message_field(1, b"location") + message_field(2, b"w.bin") + message_field(3, b"more")),
        message_field(12, message_field(1, b"location") + message_field(2, b"w.bin")),
        message_field(13, message_field(1, b"location") + message_field(2, b"\xff\xfe")),
        message_field(13, message_field(1, b"allocation") + message_field(2, b"w.bin")),
    ],
)
def test_bytes_that_only_look_like_weights_elsewhere_are_passed(content: bytes, tmp_path: Path) -> None:
    network_files(written(tmp_path / "net.onnx", b"\x08\x08" + content))
