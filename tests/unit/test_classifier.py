from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamclf.catalogue.find import find_model
from streamclf.classifier import Classifier
from streamclf.errors import EngineError, UnknownModelError
from streamclf.frame import Image
from streamclf.interpreter import Interpreter
from streamclf.testing import ScriptedSource


def read(path: Path) -> Image:
    return np.asarray(cv2.imread(str(path)), np.uint8)


def test_a_picture_gets_its_label_and_everything_around_it(models_env: Path, images: Path) -> None:
    image = read(images / "hot_dog.jpg")
    with Classifier("mobilenet-v1-0.25", top_k=3) as classifier:
        assert classifier.info.effective_target == "cpu"
        assert len(classifier.labels) == 1000
        prediction = classifier.classify(image)
    assert prediction.model == "mobilenet-v1-0.25"
    assert prediction.top.label == "hotdog" == classifier.labels[prediction.top.class_id]
    assert [score.probability for score in prediction.scores] == sorted(
        (s.probability for s in prediction.scores), reverse=True
    )
    assert len(prediction.scores) == 3
    assert prediction.probabilities.shape == (1000,)
    assert prediction.probabilities.dtype == np.float32
    assert 0.9 < prediction.probabilities.sum() <= 1.0001
    assert not prediction.probabilities.flags.writeable
    assert prediction.probabilities[prediction.top.class_id] == np.float32(prediction.top.probability)
    assert prediction.steady is None
    assert prediction.latency is not None
    assert 0 < prediction.latency.infer_ms <= prediction.latency.total_ms
    np.testing.assert_array_equal(prediction.frame.image, image)


def test_the_background_class_is_never_an_answer(models_env: Path) -> None:
    with Classifier("mobilenet-v1-0.25") as classifier:
        prediction = classifier.classify(np.full((300, 300, 3), 127, np.uint8))
    assert prediction.probabilities.shape == (1000,)
    assert "background" not in classifier.labels


def test_pictures_of_different_sizes_come_back_in_order(models_env: Path, images: Path) -> None:
    pictures = [
        read(images / name) for name in ("dog.jpg", "parrot.jpg", "hot_dog.jpg", "stingray.jpg", "granny_smith_0.jpg")
    ]
    with Classifier("tiny-darknet", batch=2) as classifier:  # its input's size follows the picture
        assert classifier.info.best_batch == 2
        together = classifier.classify_batch(pictures)
        alone = [classifier.classify(picture) for picture in pictures]
        assert classifier.classify_batch([]) == []
    assert [p.top.label for p in together] == ["malamute", "macaw", "hotdog", "stingray", "Granny Smith"]
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-5)
    assert [p.frame.index for p in together] == [0, 1, 2, 3, 4]


def test_grey_and_alpha_pictures_are_taken(models_env: Path, images: Path) -> None:
    image = read(images / "hot_dog.jpg")
    with Classifier("mobilenet-v1-0.25") as classifier:
        plain, alpha, grey = classifier.classify_batch(
            [image, np.dstack([image, np.zeros(image.shape[:2], np.uint8)]), image[..., 1]]
        )
        assert classifier.classify(image[::2, ::-1]).scores  # not contiguous
    np.testing.assert_array_equal(plain.probabilities, alpha.probabilities)
    assert grey.frame.image.shape == image.shape


def test_the_caller_s_array_stays_writeable(models_env: Path) -> None:
    image = np.zeros((20, 30, 3), np.uint8)
    with Classifier("mobilenet-v1-0.25") as classifier:
        prediction = classifier.classify(image)
    image[0, 0] = 1
    assert not prediction.frame.image.flags.writeable


def test_what_is_no_picture_is_refused_in_a_sentence(models_env: Path) -> None:
    with Classifier("mobilenet-v1-0.25") as classifier:
        with pytest.raises(ValueError, match="an array of float64: a picture is"):
            classifier.classify(np.zeros((4, 4, 3)))  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="NoneType"):
            classifier.classify(cv2.imread("/nowhere.jpg"))  # type: ignore[arg-type]


def test_a_folder_and_a_resolved_model_do_as_well(models_env: Path, images: Path) -> None:
    resolved = find_model("mobilenet-v1-0.25")
    image = read(images / "parrot.jpg")
    for model in (resolved, resolved.folder, str(resolved.folder)):
        with Classifier(model) as classifier:
            assert classifier.classify(image).top.label == "macaw"
    with pytest.raises(UnknownModelError, match=r"did you mean mobilenet-v1-0\.25"):
        Classifier("mobilenet-v1-0.5")


def test_a_closed_classifier_says_so(models_env: Path) -> None:
    classifier = Classifier("mobilenet-v1-0.25")
    classifier.close()
    with pytest.raises(EngineError, match="closed"):
        classifier.classify(np.zeros((4, 4, 3), np.uint8))


def test_threads_may_share_a_classifier(models_env: Path, images: Path) -> None:
    pictures = [read(images / name) for name in ("hot_dog.jpg", "parrot.jpg", "granny_smith_0.jpg")]
    labels: dict[int, list[str]] = {}
    with Classifier("mobilenet-v1-0.25") as classifier:

        def work(number: int) -> None:
            labels[number] = [classifier.classify(pictures[number]).top.label for _ in range(5)]

        threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert labels == {0: ["hotdog"] * 5, 1: ["macaw"] * 5, 2: ["Granny Smith"] * 5}


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({"a": np.zeros((2, 999))}, r"shape \(2, 999\)"),
        ({"a": np.zeros((1, 1000))}, r"shape \(1, 1000\), not 1000 numbers for each of 2 pictures"),
        ({"a": np.full((2, 1000), np.nan)}, "the network produced NaN"),
        ({"a": np.zeros((2, 1000)), "b": np.zeros((2, 4))}, "the engine puts out a, b; the card wants the only one"),
    ],
)
def test_an_interpreter_never_makes_a_label_of_what_it_does_not_understand(
    models_env: Path, outputs: dict[str, np.ndarray], message: str
) -> None:  # type: ignore[type-arg]
    interpreter = Interpreter(find_model("mobilenet-v2-qdq"), top_k=5)
    frames = list(ScriptedSource([1, 2]))
    with pytest.raises(EngineError, match=message):
        interpreter.predictions(frames, outputs)


def test_an_interpreter_answers_each_frame_of_a_batch(models_env: Path) -> None:
    interpreter = Interpreter(find_model("mobilenet-v2-qdq"), top_k=2)
    frames = list(ScriptedSource([1, 2, 3]))
    logits = np.zeros((3, 1, 1000), np.float32)
    logits[0, 0, 898] = logits[1, 0, 954] = logits[2, 0, 0] = 20
    predictions = interpreter.predictions(frames, {"output": logits})
    assert [p.top.label for p in predictions] == ["water bottle", "banana", "tench"]
    assert [p.frame for p in predictions] == frames
    assert all(p.latency is None and p.steady is None and len(p.scores) == 2 for p in predictions)


@pytest.mark.parametrize("shape", [(1, 1000), (1, 1000, 1, 1), (1000,)])
def test_answers_interpreted_together_are_those_of_each_alone(models_env: Path, shape: tuple[int, ...]) -> None:
    interpreter = Interpreter(find_model("mobilenet-v2-qdq"), top_k=5)
    frames = list(ScriptedSource(range(7)))
    rng = np.random.default_rng(0)
    outputs = [{"output": rng.normal(0, 4, shape).astype(np.float32)} for _ in frames]
    together = interpreter.of_each(frames, outputs)
    for frame, own, prediction in zip(frames, outputs, together, strict=True):
        (alone,) = interpreter.predictions([frame], own)
        assert prediction.frame is frame
        assert prediction.scores == alone.scores
        assert np.array_equal(prediction.probabilities, alone.probabilities)


@pytest.mark.parametrize("one", [np.zeros((2, 500)), np.zeros((10, 100)), np.full((1, 1000), np.nan)])
def test_one_answer_that_makes_no_sense_spoils_those_it_is_interpreted_with(models_env: Path, one: np.ndarray) -> None:  # type: ignore[type-arg]
    interpreter = Interpreter(find_model("mobilenet-v2-qdq"), top_k=5)
    outputs = [{"output": np.zeros((1, 1000), np.float32)}, {"output": one}]
    with pytest.raises(EngineError, match="mobilenet-v2-qdq: the network"):
        interpreter.of_each(list(ScriptedSource([1, 2])), outputs)


def test_a_detector_gives_boxes_and_what_they_say_of_classes(models_env: Path, images: Path) -> None:
    with Classifier("yolo-fastest-1.1", top_k=3) as classifier:
        prediction, nothing = classifier.classify_batch([read(images / "dog.jpg"), np.zeros((90, 160, 3), np.uint8)])
    assert prediction.boxes is not None
    assert [box.label for box in prediction.boxes] == ["car", "dog", "cat", "bicycle"]
    assert [box.probability for box in prediction.boxes] == sorted(
        (b.probability for b in prediction.boxes), reverse=True
    )
    for box in prediction.boxes:
        left, top, right, bottom = box.box_xyxy
        assert 0 <= left < right <= 768
        assert 0 <= top < bottom <= 576
        assert box.label == classifier.labels[box.class_id]
        assert prediction.probabilities[box.class_id] == np.float32(box.probability)
    assert [score.label for score in prediction.scores] == ["car", "dog", "cat"]
    assert prediction.top.label == "car"
    assert prediction.probabilities.shape == (80,)
    assert np.count_nonzero(prediction.probabilities) == 4
    assert (nothing.boxes, nothing.scores, nothing.probabilities.max()) == ((), (), 0)
    assert (nothing.top.class_id, nothing.top.label, nothing.top.probability) == (-1, "unknown", 0)


def test_a_classifier_has_no_boxes(models_env: Path) -> None:
    with Classifier("mobilenet-v1-0.25") as classifier:
        assert classifier.classify(np.zeros((20, 30, 3), np.uint8)).boxes is None


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({"a": np.zeros((1, 300, 85))}, r"puts out \(1, 300, 85\), not boxes for each of 2 pictures"),
        ({"a": np.zeros((2, 1000))}, r"output\.boxes = 'yolo_regions' is \(M, 85\)"),
        ({"a": np.full((2, 300, 85), np.nan)}, "the network produced NaN"),
        ({}, "the network puts out nothing"),
    ],
)
def test_an_interpreter_never_makes_a_box_of_what_it_does_not_understand(
    models_env: Path, outputs: dict[str, np.ndarray], message: str
) -> None:  # type: ignore[type-arg]
    interpreter = Interpreter(find_model("yolo-fastest-1.1"), top_k=5)
    with pytest.raises(EngineError, match=message):
        interpreter.predictions(list(ScriptedSource([1, 2])), outputs)


def test_each_frame_s_boxes_are_in_its_own_pixels(models_env: Path) -> None:
    interpreter = Interpreter(find_model("yolo-fastest-1.1"), top_k=5)
    regions = np.zeros((2, 1, 85), np.float32)
    regions[:, 0, :5] = 0.5, 0.5, 0.5, 0.25, 0.9
    regions[0, 0, 5 + 16], regions[1, 0, 5 + 2] = 0.8, 0.7
    wide, small = (
        next(iter(ScriptedSource([1], size_wh=(1000, 400)))),
        next(iter(ScriptedSource([1], size_wh=(64, 48)))),
    )
    one, other = interpreter.predictions([wide, small], {"yolo": regions})
    assert one.boxes is not None
    assert other.boxes is not None
    assert [(box.label, box.box_xyxy) for box in one.boxes] == [("dog", (250, 150, 750, 250))]
    assert [(box.label, box.box_xyxy) for box in other.boxes] == [("car", (16, 18, 48, 30))]


def test_importing_the_classifier_costs_neither_numpy_nor_cv2() -> None:
    code = "import sys, streamclf.classifier; print([m for m in ('cv2', 'numpy', 'av') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
