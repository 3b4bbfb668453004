"""The accuracy path: every network's answers on real pictures, against what was written down and what a person sees."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamclf.catalogue.find import find_model
from streamclf.classifier import Classifier
from streamclf.prediction import Prediction

GOLDEN = Path(__file__).parent
NAMES = sorted(path.stem for path in GOLDEN.glob("*.json"))
TOLERANCE = 0.005
QUANTISED_TOLERANCE = 0.03  # int8 layers round differently on other processors

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
    "squeezenet-1.0-dc": {
        "banana_0.jpg": "banana",
        "stingray.jpg": "stingray",
        "airplane_0.jpg": "warplane",
        "cat.bmp": "tiger cat",
    },
}
SEEN["squeezenet-1.0-dc-torch"] = SEEN["squeezenet-1.0-dc"]


def classify_all(name: str, images: Path, pictures: list[str]) -> dict[str, Prediction]:
    with Classifier(name) as classifier:
        return {p: classifier.classify(np.asarray(cv2.imread(str(images / p)), np.uint8)) for p in pictures}


def test_every_framework_has_a_golden_network(models_env: Path) -> None:
    frameworks = {find_model(name).card.framework for name in NAMES}
    assert frameworks == {"caffe", "tensorflow", "torch", "darknet", "onnx"}


@pytest.mark.parametrize("name", NAMES)
def test_a_network_answers_as_written_down_and_sensibly(name: str, models_env: Path, images: Path) -> None:
    golden = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    assert set(golden) == {path.name for path in images.iterdir()}
    found = classify_all(name, images, sorted(golden))
    tolerance = QUANTISED_TOLERANCE if name.endswith("-qdq") else TOLERANCE
    for picture, expected in golden.items():
        probability = {score.label: score.probability for score in found[picture].scores}
        for label, wanted in expected[:3]:
            assert probability.get(label, 0.0) == pytest.approx(wanted, abs=tolerance), (picture, label)
        if expected[0][1] - expected[1][1] > 2 * tolerance:
            assert found[picture].top.label == expected[0][0], picture
    for picture, label in (CLEAR | SEEN[name]).items():
        assert found[picture].top.label == label, picture


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


def test_tiny_darknet_gives_its_published_five_on_dog_at_298x224(models_env: Path, images: Path) -> None:
    plan = find_model("tiny-darknet").card.fit_plan()
    assert plan.geometry((768, 576)).canvas_wh == (298, 224)
    best = classify_all("tiny-darknet", images, ["dog.jpg"])["dog.jpg"].scores
    published = ["malamute", "Eskimo dog", "dogsled", "standard schnauzer", "Siberian husky"]
    assert [score.label for score in best][:3] == published[:3]
    assert {score.label for score in best} == set(published)
