"""The bundled network: what its card promises, and that it sees what is plain to see. Its accuracy: models/framecheck/evaluate.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamclf import Classifier
from streamclf.catalogue.find import find_model
from streamclf.config import DEFAULT_MODEL
from streamclf.engine import EngineWish
from streamclf.engines.opencv_dnn import OpenCvDnnLoader
from streamclf.frame import Image
from streamclf.sources.synthetic import SEGMENTS, SyntheticSource
from streamclf.vision.preprocess import fit_image

FOLDER = Path(__file__).resolve().parents[2] / "models" / "framecheck"
LABELS = ("ok", "defocus", "motion_blur", "dark", "bright", "covered", "noise", "blocky", "no_signal")


@pytest.fixture(scope="module")
def classifier() -> Iterator[Classifier]:
    with Classifier("framecheck") as made:
        yield made


@pytest.fixture(scope="module")
def scenes() -> dict[str, Image]:
    """A frame from the middle of each kind of segment of the generated scene."""
    wanted = {segment.start + segment.length // 2: segment.label for segment in SEGMENTS}
    return {wanted[frame.index]: frame.image for frame in SyntheticSource("scene") if frame.index in wanted}


def test_it_is_the_default_and_comes_along() -> None:
    model = find_model(DEFAULT_MODEL)
    assert model.folder == FOLDER
    assert model.labels == LABELS
    assert model.card.size_bytes <= 2_000_000
    assert all(path.parent == FOLDER for path in model.paths.values())


def test_its_card_carries_what_was_measured_and_whose_photographs_it_learned_from() -> None:
    card = find_model("framecheck").card
    on = " ".join(entry.on for entry in card.evaluation)
    for what in ("224 lines", "360 lines", "720 lines", "1080 lines", "undamaged", "damaged by ffmpeg"):
        assert what in on
    for collection in ("Caltech 101", "TrashNet", "metadata-extractor", "Kodak"):
        assert collection in " ".join(card.trained_on)


def test_it_was_trained_on_what_the_product_feeds_it() -> None:
    text = (FOLDER / "dataset.py").read_text(encoding="utf-8")
    plan = find_model("framecheck").card.fit_plan()
    assert f'PLAN = FitPlan("{plan.mode}", {plan.size_wh})' in text


@pytest.mark.parametrize("label", LABELS)
def test_it_names_each_damage_of_the_generated_scene(
    label: str, classifier: Classifier, scenes: dict[str, Image]
) -> None:
    assert classifier.classify(scenes[label]).top.label == label


@pytest.mark.parametrize("lines", [224, 360, 720, 1080])
def test_the_size_of_a_frame_does_not_change_what_is_plain_to_see(
    lines: int, classifier: Classifier, scenes: dict[str, Image]
) -> None:
    height, width = lines, lines * 16 // 9
    sharp = cv2.resize(scenes["ok"], (width, height), interpolation=cv2.INTER_AREA)
    radius = max(1, round(0.012 * lines))
    soft = cv2.GaussianBlur(sharp, (0, 0), radius)
    rng = np.random.default_rng(1)
    grainy = np.clip(sharp + rng.normal(0, 30, sharp.shape), 0, 255).astype(np.uint8)
    blocks = cv2.imdecode(cv2.imencode(".jpg", sharp, [cv2.IMWRITE_JPEG_QUALITY, 5])[1], cv2.IMREAD_COLOR)
    said = [classifier.classify(np.asarray(image, np.uint8)).top.label for image in (sharp, soft, grainy, blocks)]
    assert said == ["ok", "defocus", "noise", "blocky"]


def test_a_frame_gets_the_same_answer_alone_and_in_any_batch(scenes: dict[str, Image]) -> None:
    model = find_model("framecheck")
    engine = OpenCvDnnLoader(model, EngineWish(batch=5)).load()
    assert engine.info.batch_sizes[-1] >= 5
    fitted = np.stack([fit_image(image, model.card.fit_plan()) for image in list(scenes.values())[:5]])
    (together,) = engine.run(fitted).values()
    for number in range(5):
        (alone,) = engine.run(fitted[number : number + 1]).values()
        np.testing.assert_allclose(together[number], alone[0], atol=1e-5)
    engine.close()
