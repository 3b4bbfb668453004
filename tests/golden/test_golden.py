"""The accuracy path: every network's answers on real pictures, against those of another engine and what a person sees.

NAME.json is what the other engine said: scripts/make_expectations.py --photographs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamclf.catalogue.expected import read_expectation
from streamclf.catalogue.find import find_model
from streamclf.classifier import Classifier
from streamclf.loading import EngineChoice
from streamclf.prediction import Prediction
from streamclf.verify import compare, label_problem

GOLDEN = Path(__file__).parent
NAMES = sorted(path.stem for path in GOLDEN.glob("*.json"))

# What a person sees, and what each network at least has to see of it.
CLEAR = {
    "granny_smith_0.jpg": "Granny Smith",
    "hot_dog.jpg": "hotdog",
    "parrot.jpg": "macaw",
    "black_bear.jpg": "American black bear",
}
SEEN = {
    "tiny-darknet": {
        "banana_0.jpg": "banana",
        "orange_0.jpg": "orange",
        "stingray.jpg": "stingray",
        "airplane_0.jpg": "warplane",
        "dog.jpg": "malamute",
    },
    "mobilenet-v1-0.25": {"banana_0.jpg": "banana", "stingray.jpg": "stingray", "cat.bmp": "tabby"},
    "mobilenet-v2-qdq": {
        "banana_0.jpg": "banana",
        "orange_0.jpg": "orange",
        "stingray.jpg": "stingray",
        "eagle.jpg": "bald eagle",
        "dog.jpg": "malamute",
        "grace_hopper.bmp": "military uniform",
    },
    "mobilenet-v2-dequant": {
        "banana_0.jpg": "banana",
        "orange_0.jpg": "orange",
        "stingray.jpg": "stingray",
        "eagle.jpg": "bald eagle",
        "dog.jpg": "malamute",
    },
    "mobilenet-v2-quant-tflite": {
        "banana_0.jpg": "banana",
        "stingray.jpg": "stingray",
        "eagle.jpg": "bald eagle",
        "airplane_0.jpg": "warplane",
        "cat.bmp": "Egyptian cat",
    },
    "mobilenet-v2-ptq-tflite": {"banana_0.jpg": "banana", "airplane_0.jpg": "warplane", "cat.bmp": "Egyptian cat"},
    "squeezenet-1.0-dc": {
        "banana_0.jpg": "banana",
        "stingray.jpg": "stingray",
        "airplane_0.jpg": "warplane",
        "cat.bmp": "tiger cat",
    },
}


def classify_all(name: str, images: Path, pictures: Iterable[str]) -> dict[str, Prediction]:
    with Classifier(name) as classifier:
        return {p: classifier.classify(np.asarray(cv2.imread(str(images / p)), np.uint8)) for p in pictures}


def test_another_engine_reads_every_framework_but_torch_and_boxes_of_every_layout(models_env: Path) -> None:
    cards = [find_model(name).card for name in NAMES]
    assert {card.framework for card in cards} == {"caffe", "tensorflow", "darknet", "onnx", "tflite"}
    assert {card.output.boxes for card in cards} == {None, "ssd", "yolo_regions", "nanodet"}


@pytest.mark.parametrize("name", NAMES)
def test_a_network_answers_as_another_engine_does(name: str, models_env: Path, images: Path) -> None:
    expectation = read_expectation(GOLDEN / f"{name}.json")
    assert expectation is not None
    assert set(expectation.pictures) == {path.name for path in images.iterdir()}
    model = find_model(name)
    found = classify_all(name, images, expectation.pictures)
    assert label_problem(expectation, model.labels) is None
    assert compare(expectation, found, model.card.output.threshold or 0).problems == ()


@pytest.mark.parametrize("name", SEEN)
def test_a_network_sees_what_a_person_sees(name: str, models_env: Path, images: Path) -> None:
    seen = CLEAR | SEEN[name]
    found = classify_all(name, images, seen)
    assert {picture: prediction.top.label for picture, prediction in found.items()} == seen


@pytest.mark.parametrize("name", NAMES)
def test_a_card_s_reference_picture_gets_its_expected_answer(name: str, models_env: Path, images: Path) -> None:
    reference = find_model(name).card.reference
    assert reference is not None
    top = classify_all(name, images, [reference.picture])[reference.picture].top
    assert top.label == reference.top1
    assert top.probability >= reference.min_probability


def test_the_caffe_and_torch_squeezenets_agree(models_env: Path, images: Path) -> None:
    pictures = sorted(path.name for path in images.iterdir())
    caffe, torch = (classify_all(name, images, pictures) for name in ("squeezenet-1.0-dc", "squeezenet-1.0-dc-torch"))
    for picture in pictures:
        np.testing.assert_allclose(caffe[picture].probabilities, torch[picture].probabilities, atol=1e-5)


@pytest.mark.parametrize("engine", ["litert", "openvino"])
@pytest.mark.parametrize(
    ("name", "number", "least"),
    [
        ("mobilenet-v2-quant-tflite", 286, 0.7),
        ("mobilenet-v1-0.25-quant-tflite", 283, 0.25),
        ("mobilenet-v2-ptq-tflite", 286, 0.6),
    ],
)
def test_tensorflow_lite_networks_give_their_published_class_on_cat(
    name: str, number: int, least: float, engine: EngineChoice, models_env: Path, images: Path
) -> None:
    """Published for the whole picture squeezed to the input; the cards take the middle of it, as the networks were trained."""
    model = find_model(name)
    squeezed = model.card.input.model_copy(update={"fit": "stretch", "crop_fraction": 1.0})
    model = replace(model, card=model.card.model_copy(update={"input": squeezed}))
    with Classifier(model, engine=engine) as classifier:
        top = classifier.classify(np.asarray(cv2.imread(str(images / "cat.bmp")), np.uint8)).top
    assert top.class_id + model.card.output.background == number
    assert top.probability >= least


def test_tiny_darknet_gives_its_published_five_on_dog_at_298x224(models_env: Path, images: Path) -> None:
    plan = find_model("tiny-darknet").card.fit_plan()
    assert plan.geometry((768, 576)).canvas_wh == (298, 224)
    best = classify_all("tiny-darknet", images, ["dog.jpg"])["dog.jpg"].scores
    published = ["malamute", "Eskimo dog", "dogsled", "standard schnauzer", "Siberian husky"]
    assert [score.label for score in best][:3] == published[:3]
    assert {score.label for score in best} == set(published)
