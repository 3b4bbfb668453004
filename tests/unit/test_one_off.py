from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from streamclf.catalogue.card import InputSpec, ModelCard, read_card
from streamclf.catalogue.card_text import card_toml
from streamclf.catalogue.find import builtin_folder
from streamclf.catalogue.formats import NetworkFiles
from streamclf.catalogue.network_options import Gap, network_options
from streamclf.catalogue.one_off import Declared, Told, input_spec, make_card, network_labels, plain_name
from streamclf.catalogue.presets import PRESETS
from streamclf.config import RunConfig
from streamclf.errors import CardError, ConfigError, ModelFileError

CATALOGUE = builtin_folder()


def spec(declared: Declared | None = None, **options: Any) -> InputSpec:
    return input_spec(network_options(options), declared or Declared((224, 224), 3, "NCHW"), "net.onnx", Told())


@pytest.mark.parametrize(
    ("preset", "name"),
    [
        ("imagenet-torch", "mobilenet-v2-qdq"),
        ("imagenet-caffe", "squeezenet-1.0-dc"),
        ("imagenet-tf", "mobilenet-v1-0.25"),
        ("yolo", "yolo-fastest-1.1"),
        ("ssd", "face-detector"),
    ],
)
def test_a_preset_prepares_pictures_as_the_catalogue_s_own_card(preset: str, name: str) -> None:
    wanted = read_card(CATALOGUE / name / "card.toml").input
    declared = Declared((wanted.width, wanted.height), 3, "NCHW")
    assert spec(declared, preset=preset) == wanted


def test_an_option_changes_its_part_of_the_preset() -> None:
    found = spec(preset="imagenet-torch", std="1", fit="stretch", size="300x200")
    assert (found.std, found.fit, found.crop_fraction) == ((1.0, 1.0, 1.0), "stretch", 1.0)
    assert (found.width, found.height) == (300, 200)
    assert found.mean == PRESETS["imagenet-torch"].mean


def test_a_preset_s_numbers_stay_with_their_colours() -> None:
    found = spec(preset="imagenet-torch", channels="bgr")
    assert (found.mean, found.std) == ((0.406, 0.456, 0.485), (0.225, 0.224, 0.229))


def test_numbers_may_be_written_as_people_write_them() -> None:
    found = spec(channels="bgr", scale="1/255", mean="104 117, 123", std="[0.5]")
    assert found.scale == 1 / 255
    assert (found.mean, found.std) == ((104.0, 117.0, 123.0), (0.5, 0.5, 0.5))


def test_a_grey_network_has_one_number_of_each() -> None:
    found = spec(Declared((28, 28), 1, "NCHW"), scale="1/255", mean="0.13", std="0.3")
    assert (found.channels, found.mean, found.std) == ("grey", (0.13,), (0.3,))
    with pytest.raises(
        ConfigError, match="imagenet-torch is for pictures of three channels, and this network takes one"
    ):
        spec(Declared((28, 28), 1, "NCHW"), preset="imagenet-torch")


@pytest.mark.parametrize(
    ("options", "declared", "option", "words"),
    [
        (
            {},
            Declared((224, 224), 3),
            "preset",
            "give --preset .*imagenet-torch.*--channels, --scale, --mean and --std",
        ),
        ({"scale": "1"}, Declared((224, 224), 3), "channels", "give --channels bgr, rgb or grey"),
        ({"scale": "1", "channels": "bgr"}, Declared(None, 3), "size", "give --size WxH"),
    ],
)
def test_what_nobody_says_is_a_gap_that_names_the_option(
    options: dict[str, Any], declared: Declared, option: str, words: str
) -> None:
    with pytest.raises(Gap, match=words) as caught:
        spec(declared, **options)
    assert (caught.value.option, caught.value.exit_code) == (option, 2)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"size": "big"}, "--size 'big': is not WIDTHxHEIGHT"),
        ({"size": "0x3"}, "--size .*must be at least 1"),
        ({"mean": "1,2"}, "--mean '1,2': is not one number, or three"),
        ({"scale": "1/0"}, "--scale '1/0': is no number"),
        ({"scale": "0"}, "--scale .*must be more than 0"),
        ({"preset": "imagenet"}, "--preset 'imagenet': must be 'imagenet-torch'"),
        ({"label_format": "csv"}, "--label-format 'csv': must be"),
        ({"crop_fraction": "2"}, "--crop-fraction '2': must be at most 1"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        network_options(options)


def test_the_channels_cannot_be_others_than_the_file_s() -> None:
    with pytest.raises(ConfigError, match="--channels rgb, but its input has 1 channels"):
        spec(Declared((28, 28), 1), channels="rgb", scale="1")


def test_an_impossible_fit_is_a_sentence_without_a_card() -> None:
    with pytest.raises(ConfigError, match=r"^net\.onnx: overview_tiles: 224x224 is not possible"):
        spec(channels="bgr", scale="1", fit="overview_tiles")


@pytest.mark.parametrize(
    ("shape", "declared"),
    [
        ((1, 3, 128, 448), Declared((448, 128), 3, "NCHW")),
        ((0, 3, 0, 0), Declared(None, 3, "NCHW")),
        ((1, 32, 48, 3), Declared((48, 32), 3, "NHWC")),
        ((-1, 28, 28, 1), Declared((28, 28), 1, "NHWC")),
        ((1, 3, 3, 3), Declared((3, 3), 3, "NCHW")),
    ],
)
def test_a_declared_shape_tells_size_channels_and_layout(shape: tuple[int, ...], declared: Declared) -> None:
    assert Declared.of(shape, "net.onnx") == declared


@pytest.mark.parametrize(
    ("shape", "said"), [((1, 4, 32, 32), "pictures of 1 or 3 channels"), ((1, 784), "is no batch of pictures")]
)
def test_what_is_no_picture_is_refused(shape: tuple[int, ...], said: str) -> None:
    with pytest.raises(ModelFileError, match=said):
        Declared.of(shape, "net.onnx")


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("My Net (1).onnx", "my-net-1"),
        ("resnet18.onnx", "resnet18"),
        ("..onnx", "network"),
        ("Blumen_Äpfel.pb", "blumen_-pfel"),
    ],
)
def test_a_file_s_name_makes_a_network_s(file: str, name: str) -> None:
    assert plain_name(Path(file)) == name


def files(folder: Path, name: str = "net.onnx") -> NetworkFiles:
    (folder / name).write_bytes(b"network")
    return NetworkFiles("onnx", {"weights": folder / name})


def test_a_card_names_its_file_with_size_and_digest(tmp_path: Path) -> None:
    card = make_card(
        "mine", files(tmp_path), spec(preset="imagenet-torch"), {"classes": 2, "softmax": True}, None, "MIT"
    )
    assert card.files[0].bytes == 7
    assert card.files[0].sha256 == hashlib.sha256(b"network").hexdigest()
    assert (card.labels.file, card.licence, card.verified) == ("labels.txt", "MIT", False)


@pytest.mark.parametrize("name", ["../../x", "a/b", "Mine", ".hidden", ""])
def test_a_name_that_leaves_its_folder_is_no_card_s(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"name \(.*must be of small letters, digits"):
        make_card(name, files(tmp_path), spec(preset="imagenet-torch"), {"classes": 2, "softmax": True}, None)


@pytest.mark.parametrize("path", sorted(CATALOGUE.glob("*/card.toml")), ids=lambda path: path.parent.name)
def test_the_text_of_a_card_reads_as_the_card(path: Path, tmp_path: Path) -> None:
    card = read_card(path)
    text = card_toml(card, ["made for a test\nover two lines\x07"])
    (tmp_path / "card.toml").write_text(text, encoding="utf-8")
    assert read_card(tmp_path / "card.toml") == card
    assert text.startswith("# made for a test over two lines \nschema = 1\n")


def test_the_text_of_a_card_holds_odd_words(tmp_path: Path) -> None:
    content = tomllib.loads(card_toml(read_card(CATALOGUE / "framecheck" / "card.toml")))
    content["title"] = 'a "quoted" \\ title\n\x7f of ünïcode 🐶'
    card = ModelCard.model_validate_json(json.dumps(content))
    (tmp_path / "card.toml").write_text(card_toml(card), encoding="utf-8")
    assert read_card(tmp_path / "card.toml").title == content["title"]


def labels(count: int | None = 2, usual: str | None = None, **options: Any) -> tuple[tuple[str, ...], str | None, Told]:
    told = Told()
    found = network_labels(network_options(options), count, usual, "net.onnx", told)
    return found.names, found.set, told


def test_a_label_file_is_read_in_the_format_its_lines_have(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("n01440764 tench, Tinca tinca\nn01443537 goldfish\n", encoding="utf-8")
    names, of_set, told = labels(labels=str(path))
    assert (names, of_set) == (("tench", "goldfish"), None)
    assert told.found == ["2 labels in words.txt, each after its WordNet number"]
    assert labels(labels=str(path), label_format="lines")[0][1] == "n01443537 goldfish"


def test_a_list_of_the_catalogue_is_taken_by_name() -> None:
    names, of_set, _ = labels(80, labels="coco-80")
    assert (len(names), of_set) == (80, "coco-80")


def test_a_usual_number_of_classes_has_a_usual_list_and_that_is_said() -> None:
    names, of_set, told = labels(1000, "imagenet-1000")
    assert (len(names), of_set) == (1000, "imagenet-1000")
    assert "those of imagenet-1000" in told.assumed[0]


def test_without_labels_there_is_a_gap() -> None:
    with pytest.raises(Gap, match="the names of its 7 classes are not in the file; give --labels") as caught:
        labels(7)
    assert caught.value.option == "labels"


def test_a_list_that_is_neither_file_nor_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match="--labels imagenet: there is no such file, and no such list; the lists are coco-80"
    ):
        labels(labels="imagenet")
    with pytest.raises(CardError, match=r"words\.txt: there is no such label list"):
        labels(labels=str(tmp_path / "words.txt"))


def test_no_option_of_a_network_is_one_of_a_run_as_well() -> None:
    assert not set(RunConfig.model_fields) & set(network_options({}).model_dump())
