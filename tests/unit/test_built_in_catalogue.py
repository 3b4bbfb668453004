"""The cards that come with streamclf: what they say is the publishers', and what they promise is tested."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from streamclf.catalogue.card import ModelCard, read_card
from streamclf.catalogue.expected import EXPECTED_NAME
from streamclf.catalogue.labels import read_labels

REPOSITORY = Path(__file__).resolve().parents[2]
MODELS = REPOSITORY / "models"
CARDS = {path.parent.name: read_card(path) for path in sorted(MODELS.glob("*/card.toml"))}
GOLDEN = {path.stem for path in (REPOSITORY / "tests" / "golden").glob("*.json")}

each = pytest.mark.parametrize("card", CARDS.values(), ids=lambda card: card.name)


def lies_beside(card: ModelCard, name: str) -> bool:
    return (MODELS / card.name / name).is_file()


def test_there_are_networks_of_all_frameworks_with_a_public_zoo() -> None:
    assert len(CARDS) >= 20
    assert {card.framework for card in CARDS.values()} >= {"caffe", "tensorflow", "darknet", "onnx", "tflite"}


@each
def test_every_file_can_be_had_or_the_card_says_why_not(card: ModelCard) -> None:
    for file in card.files:
        assert file.url or lies_beside(card, file.name) or card.note, file.name


@each
def test_a_card_is_called_verified_if_and_only_if_a_test_checks_its_answers(card: ModelCard) -> None:
    assert card.verified == (card.name in GOLDEN)
    assert card.verified == lies_beside(card, EXPECTED_NAME)
    assert (card.reference is not None) == card.verified


@each
def test_every_network_has_as_many_labels_as_classes(card: ModelCard) -> None:
    path = MODELS / card.name / card.labels.file if card.labels.file else MODELS / "labels" / f"{card.labels.set}.txt"
    assert len(read_labels(path, card.labels.format)) == card.output.classes


def test_no_two_files_share_a_name_because_they_are_looked_up_by_it() -> None:
    names = [file.name for card in CARDS.values() for file in card.files]
    assert sorted(names) == sorted(set(names))


def test_sizes_and_digests_are_those_of_the_real_files(assets: Path) -> None:
    mirror = assets / "mirror"
    lines = (mirror / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    real = {name: digest for digest, name in (line.split() for line in lines)}
    said = {file.name: file for card in CARDS.values() for file in card.files if file.name in real}
    assert set(said) == {
        "mobilenet_v1_0.25_128_quant.tflite",
        "mobilenet_v1_0.25_224_frozen.pb",
        "mobilenet_v2_1.0_224_quant.tflite",
        "mobilenetv2-12-qdq.onnx",
        "object_detection_nanodet_2022nov.onnx",
        "opencv_face_detector.pbtxt",
        "opencv_face_detector_uint8.pb",
        "squeezenet_v1.0_dc.caffemodel",
        "squeezenet_v1.0_dc.prototxt",
        "tf2_mobilenet_v2_1.0_224_ptq.tflite",
        "tiny.cfg",
        "tiny.weights",
        "yolo-fastest-1.1.cfg",
        "yolo-fastest-1.1.weights",
    }
    for name, file in said.items():
        assert (file.sha256, file.bytes) == (real[name], (mirror / name).stat().st_size), name


RED, GREEN, BLUE = 250.0, 130.0, 10.0
IMAGENET = ((RED / 255 - 0.485) / 0.229, (GREEN / 255 - 0.456) / 0.224, (BLUE / 255 - 0.406) / 0.225)
VGG_MEANS = (BLUE - 103.939, GREEN - 116.779, RED - 123.68)
CAFFE_MEANS = (BLUE - 104, GREEN - 117, RED - 123)
PUBLISHED = {
    **dict.fromkeys(
        [
            "mobilenet-v1",
            "mobilenet-v2",
            "mobilenet-v2-int8",
            "mobilenet-v2-qdq",
            "pp-resnet50",
            "resnet-18",
            "resnet-50",
            "resnet-50-v2",
            "resnet-101",
            "shufflenet-v2",
            "squeezenet-1.0",
            "squeezenet-1.1",
            "vgg-16",
            "vgg-19",
        ],
        ("rgb", 224, IMAGENET),
    ),
    **dict.fromkeys(["alexnet", "caffenet", "googlenet", "inception-v1", "zfnet-512"], ("bgr", 224, VGG_MEANS)),
    **dict.fromkeys(["googlenet-caffe", "resnet-50-caffe"], ("bgr", 224, CAFFE_MEANS)),
    **dict.fromkeys(["alexnet-caffe", "squeezenet-1.0-dc", "squeezenet-1.1-caffe"], ("bgr", 227, CAFFE_MEANS)),
    "densenet-121": ("bgr", 224, tuple(0.017 * x for x in (BLUE - 103.94, GREEN - 116.78, RED - 123.68))),
    "efficientnet-lite4": ("rgb", 224, tuple((x - 127) / 128 for x in (RED, GREEN, BLUE))),
    "mobilenet-v1-0.25": ("rgb", 224, tuple((x - 127.5) / 127.5 for x in (RED, GREEN, BLUE))),
    "mobilenet-v1-0.25-quant-tflite": ("rgb", 128, tuple((x - 128) / 128 for x in (RED, GREEN, BLUE))),
    "mobilenet-v2-quant-tflite": ("rgb", 224, tuple((x - 128) / 128 for x in (RED, GREEN, BLUE))),
    "mobilenet-v2-ptq-tflite": ("rgb", 224, tuple((x - 127.5) / 127.5 for x in (RED, GREEN, BLUE))),
    "tiny-darknet": ("rgb", 224, (RED / 255, GREEN / 255, BLUE / 255)),
    "face-detector": ("bgr", 300, (BLUE - 104, GREEN - 177, RED - 123)),
    "mobilenet-ssd": ("bgr", 300, tuple((x - 127.5) * 0.007843 for x in (BLUE, GREEN, RED))),
    "nanodet": ("bgr", 416, ((BLUE - 103.53) / 57.375, (GREEN - 116.28) / 57.12, (RED - 123.675) / 58.395)),
    "yolo-fastest-1.1": ("rgb", 320, (RED / 255, GREEN / 255, BLUE / 255)),
    "yolov4-tiny": ("rgb", 416, (RED / 255, GREEN / 255, BLUE / 255)),
}


def test_the_published_preprocessing_of_every_borrowed_network_is_written_down_here() -> None:
    assert set(PUBLISHED) == set(CARDS) - {"framecheck"}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_pixel_reaches_the_network_as_its_publisher_says(name: str) -> None:
    channels, side, values = PUBLISHED[name]
    spec = CARDS[name].input
    pixel = (RED, GREEN, BLUE) if channels == "rgb" else (BLUE, GREEN, RED)
    prepared = [(x * spec.scale - mean) / std for x, mean, std in zip(pixel, spec.means, spec.stds, strict=True)]
    assert (spec.channels, spec.width, spec.height) == (channels, side, side)
    assert prepared == pytest.approx(values, rel=1e-6)
    if spec.fit == "centre_crop":
        assert spec.crop_fraction == (0.875 if CARDS[name].framework == "tflite" else side / 256)


def test_the_publishers_say_which_networks_put_out_probabilities_and_which_want_the_channels_last() -> None:
    assert {name for name, card in CARDS.items() if card.output.softmax} == {
        *("alexnet", "caffenet", "efficientnet-lite4", "googlenet", "inception-v1", "squeezenet-1.0", "zfnet-512"),
        *("alexnet-caffe", "googlenet-caffe", "resnet-50-caffe", "squeezenet-1.1-caffe"),
        *("mobilenet-v1-0.25", "tiny-darknet"),
        *("mobilenet-v1-0.25-quant-tflite", "mobilenet-v2-ptq-tflite", "mobilenet-v2-quant-tflite"),
    }
    assert {name for name, card in CARDS.items() if card.input.layout == "NHWC"} == {"efficientnet-lite4"}


def test_the_1001_labels_of_tensorflow_lite_s_networks_are_the_background_and_then_imagenet_s(assets: Path) -> None:
    background, *theirs = read_labels(assets / "mirror" / "labels" / "imagenet_labels_1001_coral.txt")
    ours = read_labels(MODELS / "labels" / "imagenet-1000.txt")
    assert background == "background"
    for name, synonyms in zip(ours, theirs, strict=True):
        assert name.split(" (")[0] in synonyms.split(", "), name


def test_the_coco_classes_are_in_darknet_s_order_under_coco_s_own_names(assets: Path) -> None:
    theirs = read_labels(assets / "mirror" / "labels" / "coco.names")
    ours = read_labels(MODELS / "labels" / "coco-80.txt")
    assert {name: own for name, own in zip(theirs, ours, strict=True) if name != own} == {
        "motorbike": "motorcycle",
        "aeroplane": "airplane",
        "sofa": "couch",
        "pottedplant": "potted plant",
        "diningtable": "dining table",
        "tvmonitor": "tv",
    }


@pytest.mark.parametrize(("readme", "folder"), [("README.md", "models/"), ("models/README.md", "")])
def test_the_tables_of_the_readmes_are_made_from_the_cards(readme: str, folder: str) -> None:
    script = runpy.run_path(str(REPOSITORY / "scripts" / "make_models_table.py"))
    page = next(page for page in script["PAGES"] if page.path == REPOSITORY / readme)
    text = page.path.read_text(encoding="utf-8")
    assert page.updated(text) == text, "make models-table"
    for name in CARDS:
        assert f"| [`{name}`]({folder}{name}) |" in text
    with pytest.raises(SystemExit, match="are missing"):
        page.updated("no table here")
