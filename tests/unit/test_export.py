"""What `streamclf export` says and refuses, without Keras and PyTorch; what they do is proven in tests/exporters."""

from __future__ import annotations

import importlib.util
import json
import os
import pickle
import tomllib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamclf.catalogue.find import ResolvedModel
from streamclf.catalogue.network_options import Gap, network_options
from streamclf.classifier import Classifier
from streamclf.cli.export import _print, _report
from streamclf.equality import difference, logits, pillow_fit, prove
from streamclf.errors import CardError, ConfigError, EngineError, ModelFileError, UsageError
from streamclf.exporters._frameworks import NEEDED, as_input, check_classes, check_installed, no_pickles
from streamclf.exporting import export, free_name, open_network
from streamclf.frame import FitPlan, Interpolation
from streamclf.verify import verify
from streamclf.vision.preprocess import fit_image
from streamclf.vision.reference import REFERENCE_PICTURES, reference_picture
from tests.conftest import REPOSITORY

PLAIN = {"channels": "rgb", "scale": "1/255"}


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where exported networks are put: a home of the test's own."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("STREAMCLF_MODELS", raising=False)
    return tmp_path / "home" / ".local" / "share" / "streamclf" / "models"


def varint(number: int) -> bytes:
    low, rest = number & 127, number >> 7
    return bytes([low | 128]) + varint(rest) if rest else bytes([low])


def part(number: int, content: bytes | str | int) -> bytes:
    """A field of a protobuf message."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    data = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(data)) + data


def mean_network(sign: float = 1.0) -> bytes:
    """An ONNX file: the mean of each channel, times 4 and a sign; any number of pictures of 8x8."""

    def value(name: str, *sides: str | int) -> bytes:
        shape = b"".join(part(1, part(2 if isinstance(side, str) else 1, side)) for side in sides)
        return part(1, name) + part(2, part(1, part(1, 1) + part(2, shape)))

    def node(kind: str, inputs: Sequence[str], output: str, more: bytes = b"") -> bytes:
        return b"".join(part(1, name) for name in inputs) + part(2, output) + part(4, kind) + more

    axis = part(5, part(1, "axis") + part(3, 1) + part(20, 2))
    four = part(1, 1) + part(2, 1) + part(8, "four") + part(9, np.array([4 * sign], "<f4").tobytes())
    graph = (
        part(1, node("GlobalAveragePool", ["input"], "mean"))
        + part(1, node("Flatten", ["mean"], "row", axis))
        + part(1, node("Mul", ["row", "four"], "output"))
        + part(2, "tiny")
        + part(5, four)
        + part(11, value("input", "n", 3, 8, 8))
        + part(12, value("output", "n", 3))
    )
    return part(1, 8) + part(7, graph) + part(8, part(1, "") + part(2, 13))


@dataclass
class Mean:
    """A source whose network is plain: ``sign`` is what the file has, the source itself has 1."""

    sign: float = 1.0
    name: str = "keras:mean"
    plain_name: str = "mean"
    made_by: str = "a fake 1.0"
    known: dict[str, Any] = field(default_factory=lambda: {"size": "8x8"})
    classes: int | None = 3
    found: tuple[str, ...] = ()
    note: str | None = None
    prepares_itself: str | None = None
    had_softmax: bool = False

    def prepare(self, spec: Any, pictures: Sequence[np.ndarray]) -> None:
        assert {picture.shape for picture in pictures} == {(8, 8, 3)}

    def write(self, path: Path) -> None:
        path.write_bytes(mean_network(self.sign))

    def answers(self, fitted: np.ndarray) -> np.ndarray:
        return (fitted[..., ::-1].mean((1, 2)) / 255 * 4).astype(np.float32)


@pytest.fixture
def labels(tmp_path: Path) -> str:
    path = tmp_path / "colours.txt"
    path.write_text("red\ngreen\nblue\n", encoding="utf-8")
    return str(path)


def test_what_is_exported_is_proven_put_in_place_and_verified(own: Path, labels: str) -> None:
    heard: list[str] = []
    done = export(Mean(), network_options({**PLAIN, "labels": labels}), tell=heard.append)
    assert done.folder == own / "mean"
    names = {path.name for path in done.folder.iterdir()}
    assert names == {"added.json", "card.toml", "expected.json", "labels.txt", "mean.onnx"}
    assert done.proof.difference < 1e-6
    assert done.proof.exchanged_colours is not None
    assert done.proof.exchanged_colours > 0.1 < done.proof.half_scale
    assert done.proof.batch_sizes == (1, 2, 4)
    assert len(heard) == 3
    assert "exported from keras:mean by a fake 1.0" in (done.folder / "card.toml").read_text()
    expected = json.loads((done.folder / "expected.json").read_text())
    assert list(expected["classes"]) == list(REFERENCE_PICTURES)
    assert verify("mean").outcome == "pass"
    with Classifier("mean") as classifier:
        assert classifier.classify(np.full((20, 20, 3), (0, 0, 255), np.uint8)).top.label == "red"
    with pytest.raises(UsageError, match="replace it with --overwrite"):
        export(Mean(), network_options({**PLAIN, "labels": labels}))
    assert export(Mean(), network_options({**PLAIN, "labels": labels}), overwrite=True).folder == done.folder


def test_a_network_that_says_something_else_in_opencv_is_not_kept(own: Path, labels: str) -> None:
    with pytest.raises(ModelFileError, match=r"keras:mean: .* off by .* nothing was kept"):
        export(Mean(sign=1.001), network_options({**PLAIN, "labels": labels}))
    assert not own.exists() or not list(own.iterdir())


@pytest.mark.parametrize("wrong", [{"channels": "bgr"}, {"scale": 1 / 250}, {"mean": (0.01, 0.0, 0.0)}])
def test_a_wrong_card_fails_the_proof(labels: str, wrong: dict[str, Any]) -> None:
    done = export(Mean(), network_options({**PLAIN, "labels": labels}))
    card = done.model.card
    changed = card.model_copy(update={"input": card.input.model_copy(update=wrong)})
    pairs = [(bgr, bgr[..., ::-1]) for bgr in map(reference_picture, REFERENCE_PICTURES)]
    assert prove(Mean(), done.model, pairs).difference < 1e-6
    with pytest.raises(ModelFileError, match="off by"):
        prove(Mean(), ResolvedModel(changed, done.model.folder, done.model.paths, done.model.labels), pairs)


def test_what_is_missing_is_asked_or_named_before_anything_takes_time(labels: str) -> None:
    class Never(Mean):
        def prepare(self, spec: Any, pictures: Sequence[np.ndarray]) -> None:
            raise AssertionError("too late")

    with pytest.raises(Gap, match="give --preset") as gap:
        export(Never(), network_options({"labels": labels}))
    assert gap.value.option == "preset"
    with pytest.raises(Gap, match="its 3 classes"):
        export(Never(), network_options(PLAIN))
    with pytest.raises(ConfigError, match="keras:mean takes pictures of 8x8"):
        export(Never(), network_options({**PLAIN, "size": "9x9", "labels": labels}))
    with pytest.raises(ConfigError, match="has a preparation of its own"):
        export(Never(known={"size": "8x8", "mean": "1", "channels": "rgb"}), network_options({"mean": "2"}))
    with pytest.raises(ConfigError, match="is for detectors"):
        export(Never(), network_options({"preset": "yolo", "labels": labels}))
    asked: list[str] = []

    def ask(gap: Gap, options: Any) -> Any:
        asked.append(gap.option)
        return options.also(gap.option, {"preset": "imagenet-torch", "labels": labels}[gap.option])

    with pytest.raises(AssertionError, match="too late"):
        export(Never(), network_options({}), ask=ask)
    assert asked == ["preset", "labels"]


def test_labels_are_counted_and_looked_for_before_anything_takes_time(labels: str, tmp_path: Path) -> None:
    class Unwritten(Mean):
        """It says how many classes it has when it is prepared, as PyTorch's networks do."""

        def prepare(self, spec: Any, pictures: Sequence[np.ndarray]) -> None:
            self.classes = 3

        def write(self, path: Path) -> None:
            raise AssertionError("too late")

    class Never(Mean):
        def prepare(self, spec: Any, pictures: Sequence[np.ndarray]) -> None:
            raise AssertionError("too late")

    (tmp_path / "two.txt").write_text("red\ngreen\n", encoding="utf-8")
    two, absent = str(tmp_path / "two.txt"), str(tmp_path / "absent.txt")
    for source in (Unwritten(classes=None), Never()):
        with pytest.raises(ConfigError, match=r"two.txt: 2 labels, but keras:mean puts out 3 numbers"):
            export(source, network_options({**PLAIN, "labels": two}))
    with pytest.raises(CardError, match=r"absent.txt"):
        export(Never(classes=None), network_options({**PLAIN, "labels": absent}))
    with pytest.raises(Gap, match="its 3 classes"):
        export(Unwritten(classes=None), network_options(PLAIN))
    with pytest.raises(AssertionError, match="too late"):
        export(Unwritten(classes=None), network_options({**PLAIN, "labels": labels}))


@dataclass
class Describing(Mean):
    """A source that knows more of itself; its network gets what the card says."""

    def prepare(self, spec: Any, pictures: Sequence[np.ndarray]) -> None:
        self.spec = spec

    def answers(self, fitted: np.ndarray) -> np.ndarray:
        return (as_input(fitted, self.spec).astype(np.float64).mean((1, 2)) * 4).astype(np.float32)


def test_a_network_that_prepares_its_pictures_itself_gets_them_raw(labels: str) -> None:
    source = Describing(prepares_itself="a Rescaling layer")
    done = export(source, network_options({"labels": labels}))
    spec = done.model.card.input
    assert (spec.channels, spec.scale, set(spec.means), set(spec.stds)) == ("rgb", 1.0, {0.0}, {1.0})
    assert (
        "it prepares its pictures itself (a Rescaling layer), so it gets them as they are: rgb, 0 to 255" in done.found
    )
    assert not done.warnings

    said = "it prepares its pictures itself (a Rescaling layer), and {} prepares them once more; give --channels rgb --scale 1"
    for options, name in (({"preset": "imagenet-tf"}, "--preset imagenet-tf"), (PLAIN, "--scale")):
        done = export(source, network_options({**options, "labels": labels}), overwrite=True)
        assert done.warnings[0].startswith(said.format(name))
    raw = {"channels": "rgb", "scale": "1", "mean": "0", "std": "1"}
    assert not export(source, network_options({**raw, "labels": labels}), overwrite=True).warnings
    assert not export(Describing(), network_options({**PLAIN, "labels": labels}), overwrite=True).warnings


def test_answers_that_hardly_depend_on_the_picture_are_doubted(labels: str) -> None:
    done = export(Describing(), network_options({**PLAIN, "mean": "100,0,-100", "labels": labels}))
    (warning,) = [sentence for sentence in done.warnings if "hardly depend" in sentence]
    assert "is the preparation right?" in warning


def test_what_a_user_should_know_is_in_the_card(labels: str) -> None:
    note = "untrained, seed 1: its answers mean nothing"
    done = export(Describing(note=note), network_options({**PLAIN, "labels": labels}))
    assert (done.model.card.note, done.model.card.title) == (note, "mean, untrained, seed 1")


@pytest.mark.parametrize(
    ("options", "fitted"), [(PLAIN, ("stretch", 1.0)), ({"preset": "imagenet-torch"}, ("centre_crop", 0.875))]
)
def test_what_was_assumed_and_found_is_said_once(
    labels: str, options: dict[str, str], fitted: tuple[str, float]
) -> None:
    done = export(Describing(had_softmax=True), network_options({**options, "labels": labels}))
    assert len([sentence for sentence in done.assumed if "squeezed" in sentence]) == (fitted[0] == "stretch")
    assert len(set(done.assumed)) == len(done.assumed)
    assert "its softmax was taken off the end; streamclf does it" in done.found
    assert "probabilities" not in " ".join((*done.found, *done.assumed))
    spec = done.model.card.input
    assert (spec.fit, spec.crop_fraction) == fitted


def test_numbers_between_0_and_1_that_are_no_softmax_are_those_of_sigmoids() -> None:
    rows = np.array([[0.9, 0.8, 0.1], [0.2, 0.3, 0.4]], np.float32)
    with pytest.raises(ModelFileError, match=r"torch:net: ends in a sigmoid, .* with a softmax"):
        check_classes(rows, "torch:net")
    check_classes(rows / rows.sum(axis=1, keepdims=True), "torch:net")
    check_classes(rows - 0.5, "torch:net")
    check_classes(rows * 3, "torch:net")


def test_the_command_says_what_pillows_difference_is(labels: str, capsys: pytest.CaptureFixture[str]) -> None:
    _print(_report(export(Mean(), network_options({**PLAIN, "labels": labels}))))
    said = capsys.readouterr().out
    assert "where Pillow instead of OpenCV reads and shrinks the picture, the logits differ by" in said
    assert "of their spread, at most 0.25: two programs shrink pictures a little differently" in said


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("keras:resnet5", "did you mean resnet50"),
        ("keras:VGG-61", "did you mean vgg19, vgg16?"),
        ("keras:yolo", "there are vgg16, vgg19, resnet50, inceptionv3, xception, mobilenetv2"),
        ("resnet50", "did you mean keras:resnet50?"),
        ("net.pt2", "did you mean torch:net.pt2?"),
        ("caffe:net", "say whose network it is"),
        ("torch:resnet", "neither a file that ends in .pt2 nor MODULE:FUNCTION"),
    ],
)
def test_a_network_that_is_none_is_named_with_what_was_meant(target: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as problem:
        open_network(target, None, None)
    assert sentence in str(problem.value)


def test_options_of_keras_own_networks_are_refused_elsewhere() -> None:
    for target, weights, seed in (("torch:a:b", "none", None), ("torch:a:b", None, 1), ("keras:resnet50", None, 1)):
        with pytest.raises(ConfigError, match="leave it out"):
            open_network(target, weights, seed)
    with pytest.raises(ConfigError, match="must be imagenet, none, or a file"):
        open_network("keras:resnet50", "imagnet", None)


@pytest.mark.parametrize("extra", ["keras", "torch"])
def test_an_extra_that_is_not_installed_is_named(extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EngineError) as problem:
        check_installed(f"{extra}:net", extra)
    assert f'pip install "streamclf[{extra}]"' in str(problem.value)
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {
        name: {line.partition(">")[0] for line in lines} for name, lines in project["optional-dependencies"].items()
    }
    assert extras[extra] == {"pillow" if module == "PIL" else module for module in NEEDED[extra]}
    assert not extras[extra] & {line.partition(">")[0] for line in project["dependencies"]}


def files(folder: Path) -> dict[str, Path]:
    folder.mkdir()
    kinds = {name: folder / name for name in ("pickle.h5", "pickle.pt2", "empty.keras", "other.keras", "torch.keras")}
    kinds["pickle.h5"].write_bytes(pickle.dumps({"a": 1}))
    kinds["pickle.pt2"].write_bytes(pickle.dumps({"a": 1}))
    kinds["empty.keras"].write_bytes(b"")
    for name, inside in (("other.keras", "letter.txt"), ("torch.keras", "net/data.pkl")):
        with zipfile.ZipFile(kinds[name], "w") as archive:
            archive.writestr(inside, "x")
    for name in ("other", "torch"):
        kinds[f"{name}.pt2"] = kinds[f"{name}.keras"].rename(folder / f"{name}.pt2")
        kinds[f"{name}.keras"].write_bytes(kinds[f"{name}.pt2"].read_bytes())
    return kinds


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("keras:pickle.h5", "is a Python pickle, and reading one could run any program"),
        ("keras:empty.keras", "is empty"),
        ("keras:other.keras", "a zip archive of something else than Keras'"),
        ("keras:torch.keras", "a zip archive of what PyTorch saves"),
        ("keras:absent.keras", "there is no such file"),
        ("torch:pickle.pt2", "is a Python pickle, and reading one could run any program"),
        ("torch:other.pt2", "is a zip of something else"),
        ("torch:torch.pt2", "is what torch.save or torch.jit.save writes"),
        ("torch:absent.pt2", "there is no such file"),
        ("torch:net.pth", "make a .pt2 of it"),
        ("torch:net.pt", "torch.export.save"),
    ],
)
def test_a_file_of_something_else_is_named_before_a_framework_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, sentence: str
) -> None:
    files(tmp_path / "files")
    monkeypatch.chdir(tmp_path / "files")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: pytest.fail("looks for a framework"))
    with pytest.raises(ModelFileError) as problem:
        open_network(name, None, None)
    assert sentence in str(problem.value)


def test_no_pickle_gets_to_name_a_function_while_a_file_is_read() -> None:
    evil = pickle.dumps(os.getcwd)
    with (
        pytest.raises(ModelFileError, match=r"net.pt2: holds a pickle that wants to use posix.getcwd"),
        no_pickles("net.pt2"),
    ):
        pickle.loads(evil)
    assert pickle.loads(evil) is os.getcwd


def test_a_name_that_a_network_of_the_catalogue_has_gets_the_frameworks_behind_it() -> None:
    assert free_name("resnet50", "keras") == "resnet50"
    assert free_name("alexnet", "torch") == "alexnet-torch"


def test_logits_are_what_a_softmax_sees() -> None:
    rows = np.array([[1.0, 2.0, 6.0]], np.float32)
    powers = np.exp(rows) / np.exp(rows).sum()
    assert np.allclose(logits(rows, False), logits(rows + 7, False))
    assert np.allclose(logits(powers, True), logits(rows, False), atol=1e-6)
    assert difference(rows, np.zeros_like(rows)) == float("inf")
    assert difference(rows, rows[:, :2]) == float("inf")


@pytest.mark.parametrize("interpolation", ["area_linear", "linear"])
@pytest.mark.parametrize("mode", ["stretch", "centre_crop", "letterbox", "short_side"])
def test_pillow_fits_a_picture_as_the_card_says_but_for_a_few_levels(mode: Any, interpolation: Interpolation) -> None:
    picture = reference_picture(next(iter(REFERENCE_PICTURES)))
    plan = FitPlan(mode, (224, 200), interpolation=interpolation)
    apart = np.abs(fit_image(picture, plan).astype(int) - pillow_fit(picture[..., ::-1], plan))
    assert apart.mean() < 1
    assert apart.max() <= 6


def test_every_folder_of_tests_is_run_by_one_of_the_two_targets() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    folders = {path.parent.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "tests").rglob("test_*.py")}
    assert folders == {*project["tool"]["pytest"]["ini_options"]["testpaths"], "tests/exporters"}
    assert "tests/exporters" in (REPOSITORY / "Makefile").read_text(encoding="utf-8")
