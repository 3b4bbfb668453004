from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamclf import verify as verify_module
from streamclf.catalogue.expected import Expectation, labels_digest, read_expectation
from streamclf.catalogue.find import find_model, named_folder
from streamclf.errors import CardError, UnknownModelError
from streamclf.prediction import Box, Prediction
from streamclf.verify import compare, label_problem, shared, verify

NETWORKS = (
    "face-detector",
    "framecheck",
    "mobilenet-v1-0.25",
    "mobilenet-v2-qdq",
    "nanodet",
    "squeezenet-1.0-dc",
    "tiny-darknet",
    "yolo-fastest-1.1",
)
OTHER_FITS = {
    '"centre_crop"': ("crop_fraction", "1.0"),
    '"short_side"': ("fit", '"centre_crop"'),
    '"stretch"': ("fit", '"letterbox"'),
    '"letterbox"': ("fit", '"stretch"'),
    '"overview_tiles"': ("fit", '"stretch"'),
}
LABELS = ("cat", "dog", "owl")


@pytest.fixture(autouse=True)
def few_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_module, "RUNS_A_PICTURE", 1)


@pytest.fixture
def copied(models_env: Path, tmp_path: Path) -> Callable[[str], Path]:
    """A copy of a network's folder; its files are in the mirror."""

    def copy(name: str) -> Path:
        folder = named_folder(name)
        assert folder is not None
        return Path(shutil.copytree(folder, tmp_path / name, ignore=shutil.ignore_patterns("*.py", "*.png")))

    return copy


def value(card: str, key: str) -> str | None:
    found = re.search(rf"^{key} = (.*?)( +#.*)?$", card, re.MULTILINE)
    return found and found[1]


def said(card: str, key: str, text: str) -> str:
    """The card with one key of [input] changed or added."""
    line = f"{key} = {text}"
    changed, count = re.subn(rf"^{key} = .*$", line, card, flags=re.MULTILINE)
    return changed if count else card.replace("[input]\n", f"[input]\n{line}\n")


def swapped_channels(card: str, folder: Path) -> str:
    return said(card, "channels", '"bgr"' if value(card, "channels") == '"rgb"' else '"rgb"')


def wrong_scale(card: str, folder: Path) -> str:
    return said(card, "scale", "0.00392156862745098" if value(card, "scale") is None else "1.0")


def wrong_mean(card: str, folder: Path) -> str:
    return said(card, "mean", "[0.0, 0.0, 0.0]" if value(card, "mean") else "[0.485, 0.456, 0.406]")


def wrong_crop(card: str, folder: Path) -> str:
    changed = said(card, *OTHER_FITS[value(card, "fit") or ""])
    return "\n".join(line for line in changed.splitlines() if "pad_value" not in line or '"letterbox"' in changed)


def shuffled_labels(card: str, folder: Path) -> str:
    labels = list(find_model(folder).labels)
    (folder / "shuffled.txt").write_text("\n".join([*labels[1:], labels[0]]), encoding="utf-8")
    return re.sub(r"\[labels\]\n.*\n", '[labels]\nfile = "shuffled.txt"\n', card)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_as_it_comes_passes(name: str, copied: Callable[[str], Path]) -> None:
    verdict = verify(copied(name))
    assert (verdict.outcome, verdict.problems, verdict.pictures) == ("pass", (), 3)
    assert verdict.made_by
    assert "OpenCV" not in verdict.made_by
    assert verdict.batch_sizes[0] == 1
    assert verdict.picture_ms
    assert verdict.picture_ms > 0


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (name, change)
        for name in NETWORKS
        for change in (swapped_channels, wrong_scale, wrong_mean, wrong_crop, shuffled_labels)
        if (name, change) != ("face-detector", shuffled_labels)  # it has a single one
    ],
)
def test_one_wrong_thing_in_a_card_fails(
    name: str, change: Callable[[str, Path], str], copied: Callable[[str], Path]
) -> None:
    folder = copied(name)
    card = folder / "card.toml"
    before = card.read_text(encoding="utf-8")
    card.write_text(change(before, folder), encoding="utf-8")
    assert card.read_text(encoding="utf-8") != before
    verdict = verify(folder)
    assert verdict.outcome == "fail"
    if change is shuffled_labels:
        assert "its label list is not the one of the expected answers: class " in verdict.problems[0]


def test_a_label_renamed_where_no_answer_shows_it_is_found_all_the_same(copied: Callable[[str], Path]) -> None:
    folder = copied("mobilenet-v1-0.25")
    labels = list(find_model(folder).labels)
    expectation = read_expectation(folder / "expected.json")
    assert expectation is not None
    known = {row[1] for rows in (expectation.classes or {}).values() for row in rows}
    unseen = next(number for number, label in enumerate(labels) if label not in known)
    labels[unseen] = "something else"
    assert label_problem(expectation, labels) == "its label list is not the one of the expected answers"


def test_altered_weights_fail_and_missing_ones_are_not_here(copied: Callable[[str], Path]) -> None:
    folder = copied("tiny-darknet")
    (folder / "tiny.weights").write_bytes(b"other weights")
    verdict = verify(folder)
    assert verdict.outcome == "fail"
    assert "this is not the file that the card of tiny-darknet describes" in verdict.problems[0]


def test_a_network_whose_files_are_nowhere_is_not_here_unless_what_is_here_of_it_is_wrong(
    copied: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied("tiny-darknet")
    monkeypatch.setenv("STREAMCLF_MIRROR", "")
    verdict = verify(folder)
    assert (verdict.outcome, verdict.made_by, verdict.picture_ms) == ("not here", None, None)
    assert "tiny.cfg: a file of tiny-darknet" in verdict.problems[0]
    (folder / "tiny.weights").write_bytes(b"other weights")
    assert verify(folder).outcome == "fail"


def test_a_card_that_contradicts_itself_or_its_network_fails(copied: Callable[[str], Path]) -> None:
    folder = copied("mobilenet-v1-0.25")
    card = folder / "card.toml"
    text = card.read_text(encoding="utf-8")
    card.write_text(text.replace("softmax = true", "softmax = false"), encoding="utf-8")
    assert "output.softmax is false" in verify(folder).problems[0]
    card.write_text(text.replace("softmax", "softmacks"), encoding="utf-8")
    verdict = verify(folder)
    assert (verdict.outcome, verdict.name) == ("fail", str(folder))
    assert "softmacks is no key of a card" in verdict.problems[0]


def test_without_expected_answers_a_network_is_unproven(copied: Callable[[str], Path]) -> None:
    folder = copied("mobilenet-v1-0.25")
    (folder / "expected.json").unlink()
    verdict = verify(folder)
    assert (verdict.outcome, verdict.pictures, verdict.made_by, verdict.difference) == ("unproven", 0, None, None)
    assert verdict.picture_ms
    card = folder / "card.toml"
    card.write_text(card.read_text(encoding="utf-8").replace("softmax = true", "softmax = false"), encoding="utf-8")
    assert verify(folder).outcome == "fail"  # what can be known without them still is


def test_a_network_that_does_not_exist_is_the_caller_s_mistake(models_env: Path) -> None:
    with pytest.raises(UnknownModelError):
        verify("no-such-network")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"tolerance": 0}, "tolerance: must be more than 0"),
        ({"classes": None}, "give either classes or boxes"),
        ({"classes": {}}, "classes: must not be empty"),
        ({"classes": {"portrait": [["cat"]]}}, "classes.portrait.0"),
        (
            {"classes": {"moonscape": [[0, "cat", 0.5]]}},
            "there is no reference picture 'moonscape'; there are portrait, street",
        ),
        ({"more": 1}, "more"),
    ],
)
def test_what_is_wrong_with_expected_answers_is_said(
    change: dict[str, Any], complaint: str, copied: Callable[[str], Path]
) -> None:
    folder = copied("framecheck")
    path = folder / "expected.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | change), encoding="utf-8")
    verdict = verify(folder)
    assert verdict.outcome == "fail"
    assert str(path) in verdict.problems[0]
    assert complaint in verdict.problems[0]


def test_expected_answers_that_cannot_be_read_are_a_card_s_error(tmp_path: Path) -> None:
    assert read_expectation(tmp_path / "expected.json") is None
    with pytest.raises(CardError, match="cannot be read"):
        read_expectation(tmp_path)


def expecting(tolerance: float = 1.2, **answers: Any) -> Expectation:
    base = {
        "made_by": "an engine",
        "prepared_by": "hand",
        "labels_sha256": labels_digest(LABELS),
        "tolerance": tolerance,
    }
    return Expectation.model_validate_json(json.dumps(base | answers))


def classified(*probabilities: float) -> Prediction:
    return Prediction(None, (), np.array(probabilities, np.float32), "net")  # type: ignore[arg-type]


def detected(*boxes: Box) -> Prediction:
    return Prediction(None, (), np.zeros(3, np.float32), "net", boxes)  # type: ignore[arg-type]


def test_probabilities_may_differ_by_a_factor_in_the_mean_over_all_classes() -> None:
    expectation = expecting(classes={"a": [[0, "cat", 0.5], [1, "dog", 0.4]], "b": [[2, "owl", 0.8], [1, "dog", 0.1]]})
    right = {"a": classified(0.5, 0.4, 0.1), "b": classified(0.1, 0.1, 0.8)}
    assert compare(expectation, right).difference == pytest.approx(1.0)
    near = compare(expectation, right | {"a": classified(0.4, 0.5, 0.1)})  # two of four by 1.25: 1.17 in the mean
    assert near.difference == pytest.approx(1.171, abs=1e-3)
    assert not near.problems
    far = compare(expectation, right | {"a": classified(0.1, 0.8, 0.1)})
    assert far.difference > 1.2
    assert "'cat' of the picture 'a' is 10.0%, not 50.0%" in far.problems[0]
    assert "those of an engine" in far.problems[0]


def test_what_is_next_to_nothing_counts_as_nothing() -> None:
    expectation = expecting(classes={"a": [[0, "cat", 1.0], [1, "dog", 1e-9]]})
    assert compare(expectation, {"a": classified(1.0, 3e-6, 0)}).difference == 1.0


def test_a_box_has_to_be_where_it_was_with_its_score_and_no_other_may_come() -> None:
    place = (10.0, 10.0, 50.0, 50.0)
    expectation = expecting(0.02, boxes={"a": [[0, "cat", 0.9, place], [1, "dog", 0.51, [60, 60, 90, 90]]]})

    def problems(*boxes: Box) -> tuple[str, ...]:
        return compare(expectation, {"a": detected(*boxes)}, threshold=0.5).problems

    cat = Box(0, "cat", 0.91, (10, 10, 50, 51))
    assert problems(cat) == ()  # the dog is so near the threshold that it may be missing
    assert problems(cat, Box(2, "owl", 0.515, place)) == ()  # and so may others come
    assert problems(Box(0, "cat", 0.8, place)) == ("a: 'cat' at (10, 10) to (50, 50) has the score 0.900, here 0.800",)
    assert [problem.split(" at ")[0] for problem in problems(Box(1, "dog", 0.9, place))] == ["a: 'cat'", "a: 'dog'"]
    assert "is not found here" in problems(Box(0, "cat", 0.9, (10, 10, 50, 58)))[0]
    assert problems(cat, Box(2, "owl", 0.6, place)) == (
        "a: 'owl' at (10, 10) to (50, 50) should not be found (score 0.600)",
    )


def test_boxes_apart_or_without_any_area_share_nothing() -> None:
    assert shared((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(1 / 3)
    assert shared((0, 0, 2, 2), (5, 5, 6, 6)) == shared((1, 1, 1, 1), (1, 1, 1, 1)) == 0
