from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from streamclf.classifier import Classifier
from streamclf.equality import PATH_TOLERANCE, TOLERANCE, prove
from streamclf.errors import ModelFileError
from streamclf.exporter import SourceNetwork
from streamclf.exporting import Exported
from streamclf.sources.image_folder import read_picture
from streamclf.verify import verify
from tests.exporters.conftest import PHOTOGRAPHS

Get = Callable[[str], tuple[SourceNetwork, Exported]]
NETWORKS = ["mobilenetv2", "resnet50", "inceptionv3", "xception", "vgg16", "vgg19"]
"""The smallest one first."""


def pair(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with Image.open(path) as file:
        return read_picture(path).bgr(), np.asarray(ImageOps.exif_transpose(file).convert("RGB"))


@pytest.mark.parametrize("name", NETWORKS)
def test_opencv_says_of_photographs_what_keras_says_and_a_wrong_card_is_found_out(exported: Get, name: str) -> None:
    source, done = exported(name)
    proof, card = done.proof, done.model.card
    assert proof.difference <= TOLERANCE == 1e-4
    assert proof.from_picture <= PATH_TOLERANCE
    assert proof.spread >= 1
    assert proof.pictures == 3 + len(PHOTOGRAPHS)
    assert {1, 2, 4} <= set(proof.batch_sizes)
    assert proof.exchanged_colours is not None
    assert min(proof.exchanged_colours, proof.half_scale) > 100 * TOLERANCE
    assert not done.warnings
    assert card.note == "untrained, seed 1: its answers mean nothing"
    assert (card.output.softmax, card.output.classes, card.labels.set) == (False, 1000, "imagenet-1000")

    verdict = verify(done.folder)
    assert (verdict.outcome, verdict.problems) == ("pass", ())
    assert verdict.made_by == source.made_by

    spec = card.input
    mistakes: dict[str, dict[str, Any]] = {
        "channels": {"channels": "rgb" if spec.channels == "bgr" else "bgr"},
        "scale": {"scale": spec.scale * 1.01},
    }
    pictures = [pair(PHOTOGRAPHS[0])]
    for wrong in mistakes.values():
        changed = card.model_copy(update={"input": spec.model_copy(update=wrong)})
        with pytest.raises(ModelFileError, match="off by"):
            prove(source, replace(done.model, card=changed), pictures)


def test_cards_say_what_keras_does_to_pictures(exported: Get) -> None:
    _, done = exported("mobilenetv2")
    spec = done.model.card.input
    assert (spec.channels, spec.fit, spec.width, spec.height) == ("rgb", "stretch", 224, 224)
    assert (spec.scale, spec.means) == (pytest.approx(1 / 127.5), (1.0, 1.0, 1.0))
    assert "exported from keras:mobilenetv2 by Keras" in done.model.card.origin


def test_an_exported_network_needs_no_keras_to_run(exported: Get) -> None:
    _, done = exported("mobilenetv2")
    images = [read_picture(path).bgr() for path in PHOTOGRAPHS]
    with Classifier(done.model.card.name, batch=2, engine="opencv") as classifier:
        together = [prediction.top.label for prediction in classifier.classify_batch(images)]
        assert together == [classifier.classify(image).top.label for image in images]
        assert len(set(together)) > 1


def test_the_command_tells_a_program_everything_and_replaces_only_what_it_may(
    streamclf: Callable[..., Any], own: Path
) -> None:
    arguments = ("export", "keras:mobilenetv2", "--weights", "none", "--seed", "2", "--name", "seeded", "--json")
    done = streamclf(*arguments)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["name"] == "seeded"
    assert said["folder"] == str(own / "seeded")
    assert said["proof"]["difference"] <= said["proof"]["tolerance"]
    assert sorted(path.name for path in (own / "seeded").iterdir()) == [
        "added.json",
        "card.toml",
        "expected.json",
        "seeded.onnx",
    ]
    again = streamclf(*arguments)
    assert again.returncode == 2
    assert "replace it with --overwrite" in again.stderr
    removed = streamclf("models", "remove", "seeded", "--yes")
    assert removed.returncode == 0
    assert not (own / "seeded").exists()
    shutil.rmtree(own / ".adding", ignore_errors=True)
