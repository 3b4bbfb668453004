from __future__ import annotations

import re
from pathlib import Path

import pytest

from streamclf.catalogue.card import read_card
from streamclf.errors import CardError
from streamclf.frame import FitPlan

REPOSITORY = Path(__file__).resolve().parents[2]
CARDS = sorted([*REPOSITORY.glob("models/*/card.toml"), *REPOSITORY.glob("tests/cards/*/card.toml")])
CARD = """
schema = 1
name = "some-net"
task = "classification"
framework = "caffe"
licence = "MIT"
origin = "https://example.org"
verified = false

[[files]]
role = "config"
name = "net.prototxt"
bytes = 10
sha1 = "0000000000000000000000000000000000000000"

[[files]]
role = "weights"
name = "net.caffemodel"
bytes = 20
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"

[input]
width = 224
height = 160
channels = "rgb"
scale = 0.017
mean = [1, 2.5, 3]
fit = "centre_crop"
crop_fraction = 0.875

[output]
classes = 3
softmax = false

[labels]
file = "labels.txt"
"""


def write(folder: Path, text: str = CARD) -> Path:
    path = folder / "card.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.parent.name)
def test_every_shipped_card_is_valid_and_named_after_its_folder(path: Path) -> None:
    card = read_card(path)
    assert card.name == path.parent.name


def test_a_card_knows_how_pictures_are_fitted(tmp_path: Path) -> None:
    card = read_card(write(tmp_path))
    assert card.fit_plan() == FitPlan("centre_crop", (224, 160), crop_fraction=0.875)
    assert card.input.means == (1.0, 2.5, 3.0)
    assert card.input.stds == (1.0, 1.0, 1.0)
    assert card.size_bytes == 30


def test_the_size_is_unknown_where_that_of_one_file_is(tmp_path: Path) -> None:
    card = read_card(write(tmp_path, CARD.replace("bytes = 20\n", "")))
    assert [file.bytes for file in card.files] == [10, None]
    assert card.size_bytes is None


def test_a_card_may_carry_a_note(tmp_path: Path) -> None:
    assert read_card(write(tmp_path)).note is None
    noted = CARD.replace("verified = false", 'verified = false\nnote = "mind the step"')
    assert read_card(write(tmp_path, noted)).note == "mind the step"


def test_a_grey_network_gets_one_channel(tmp_path: Path) -> None:
    text = CARD.replace('"rgb"', '"grey"').replace("[1, 2.5, 3]", "[1.5]")
    card = read_card(write(tmp_path, text))
    assert card.fit_plan().channels == 1
    assert card.input.means == (1.5,)


def test_the_background_widens_the_output(tmp_path: Path) -> None:
    card = read_card(write(tmp_path, CARD.replace("classes = 3", "classes = 3\nbackground = 1")))
    assert card.output.width == 4


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("width = 224", "widht = 224", r"input\.widht is no key of a card; did you mean width\?"),
        ("licence = ", "license = ", r"license is no key of a card; did you mean licence\?"),
        (
            "softmax = false",
            "softmax = false\nzebra = 1",
            r"output\.zebra is no key of a card; known here: classes, softmax",
        ),
        ("bytes = 10", "bytse = 10", r"files\.0\.bytse is no key of a card; did you mean bytes\?"),
        ("width = 224", "width = -224", r"input\.width \(-224\): must be at least 1$"),
        ("width = 224", "width = 8192", r"input\.width \(8192\): must be at most 4096$"),
        ("width = 224", "width = 224.0", r"input\.width \(224\.0\): must be a whole number"),
        ("width = 224", 'width = "224"', r"input\.width \('224'\): must be a whole number"),
        ("bytes = 20", "bytes = 0", r"files\.1\.bytes \(0\): must be more than 0"),
        ("classes = 3", "classes = 0", r"output\.classes \(0\)"),
        ("scale = 0.017", "scale = 0", r"input\.scale \(0.*\): must be more than 0"),
        ("scale = 0.017", "scale = nan", r"input\.scale \(nan\): must be a finite number"),
        ("scale = 0.017", "std = [1, 0, 1]", r"input\.std\.1"),
        ("mean = [1, 2.5, 3]", "mean = [1, 2]", r"input: mean: 2 values, but rgb has 3 channels"),
        ("crop_fraction = 0.875", "crop_fraction = 1.5", r"input\.crop_fraction \(1\.5\)"),
        ('fit = "centre_crop"', 'fit = "stretch"', r"input: crop_fraction: only fit = 'centre_crop'"),
        ('fit = "centre_crop"', 'fit = "crop"', r"input\.fit \('crop'\): .*'stretch'"),
        ('"net.caffemodel"', '"../net.caffemodel"', r"files\.1\.name"),
        (
            '"net.caffemodel"',
            '"/etc/passwd"',
            r"files\.1\.name \('/etc/passwd'\): must be a plain file name, without a folder$",
        ),
        ('"net.caffemodel"', '""', r"files\.1\.name \(''\): must be a plain file name"),
        ('"net.caffemodel"', '".."', r"files\.1\.name \('\.\.'\): must be a plain file name"),
        ('"net.caffemodel"', "'a\\b'", r"files\.1\.name"),
        ('file = "labels.txt"', 'file = "../labels.txt"', r"labels\.file"),
        ('file = "labels.txt"', 'set = "../labels"', r"labels\.set"),
        ('file = "labels.txt"', 'set = "x"\nfile = "y"', r"labels: give either file or set"),
        ('file = "labels.txt"', "", r"labels: give either file or set"),
        ('sha1 = "0000000000000000000000000000000000000000"', "", r"files\.0: sha256 or sha1 is missing"),
        ('name = "some-net"', 'name = "Some Net"', r"name \('Some Net'\): must be of small letters, digits"),
        ('role = "config"', 'role = "weights"', r"files: 2 files with role 'weights'"),
        ('framework = "caffe"', 'framework = "onnx"', r"files: onnx has none with role 'config'"),
        ('framework = "caffe"', 'framework = "keras"', r"framework \('keras'\)"),
        ('sha1 = "00', 'sha1 = "', r"files\.0\.sha1 .*: must be 40 digits of 0-9 and a-f"),
        ("verified = false", "", r"verified is missing"),
        ("verified = false", 'verified = "no"', r"verified \('no'\): must be true or false"),
        ("softmax = false", "softmax = false\nname = 3", r"output\.name \(3\): must be text in quotes"),
        ("mean = [1, 2.5, 3]", "mean = 1", r"input\.mean \(1\): must be a list"),
        ("licence = ", "output = 1\nlicence = ", r"is not valid TOML"),
        ("schema = 1", "", r"schema is missing"),
        ("schema = 1", "schema = 2", r"schema 2 is newer than this streamclf, which knows 1; please upgrade"),
        ("schema = 1", "schema = =", r"is not valid TOML"),
    ],
)
def test_a_wrong_card_is_refused_by_file_and_key(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert CARD.count(old) >= 1
    path = write(tmp_path, CARD.replace(old, new, 1))
    with pytest.raises(CardError, match=message) as caught:
        read_card(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert caught.value.exit_code == 2
    assert not re.search("pattern|[Ii]nput should|valid (string|integer|tuple)", str(caught.value))
    assert "\n" not in str(caught.value).rstrip()


def test_a_caffe_network_without_its_definition_is_refused(tmp_path: Path) -> None:
    text = re.sub(r"\[\[files\]\]\nrole = \"config\".*?\n\n", "", CARD, flags=re.DOTALL)
    with pytest.raises(CardError, match="caffe also needs one with role 'config'"):
        read_card(write(tmp_path, text))


DETECTOR = (
    CARD.replace('"classification"', '"detection"')
    .replace("softmax = false", 'background = 1\nboxes = "ssd"\nthreshold = 0.5\noverlap = 0.45')
    .replace('fit = "centre_crop"\ncrop_fraction = 0.875', 'fit = "stretch"')
)


def test_a_detector_s_card_says_how_its_boxes_are_read(tmp_path: Path) -> None:
    card = read_card(write(tmp_path, DETECTOR))
    assert (card.task, card.output.boxes, card.output.threshold, card.output.overlap) == ("detection", "ssd", 0.5, 0.45)
    assert card.output.softmax is None
    assert card.output.width == 4


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"detection"', '"classification"', r"output\.boxes: only task = 'detection' has it, not 'classification'$"),
        (
            "overlap =",
            "softmax = true\noverlap =",
            r"output\.softmax: only task = 'classification' has it, not 'detection'$",
        ),
        ('boxes = "ssd"', "", r"output\.boxes is missing; task = 'detection' needs it$"),
        ("threshold = 0.5", "", r"output\.threshold is missing; task = 'detection' needs it$"),
        ("overlap = 0.45", "", r"output\.overlap is missing; task = 'detection' needs it$"),
        ("threshold = 0.5", "threshold = 0", r"output\.threshold \(0(\.0)?\): must be more than 0$"),
        ("overlap = 0.45", "overlap = 45", r"output\.overlap \(45(\.0)?\): must be at most 1$"),
        ('"ssd"', '"yolox"', r"output\.boxes \('yolox'\): .*'yolo_regions'"),
        ('"ssd"', '"nanodet"', r"output: background: boxes = 'nanodet' has none$"),
        (
            "height = 160",
            "height = 64",
            r"input\.fit: boxes cannot be found in 'overview_tiles'; take 'stretch' or 'letterbox'$",
        ),
        (
            "[labels]",
            "[accuracy]\ntop1 = 50\nsource = 'x'\n\n[labels]",
            r"accuracy: only task = 'classification' has it",
        ),
    ],
)
def test_a_detector_s_card_that_contradicts_itself_is_refused(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in DETECTOR
    text = DETECTOR.replace(old, new)
    if "overview" in message:
        text = text.replace('"stretch"', '"overview_tiles"')
    with pytest.raises(CardError, match=message):
        read_card(write(tmp_path, text))


def test_a_classifier_s_card_without_softmax_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"output\.softmax is missing; task = 'classification' needs it$"):
        read_card(write(tmp_path, CARD.replace("softmax = false", "")))


def test_several_faults_are_counted(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"\(and 1 more\)"):
        read_card(write(tmp_path, CARD.replace("width = 224", "width = 0").replace("classes = 3", "classes = 0")))


def test_a_card_that_is_not_text_or_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CardError, match="cannot be read"):
        read_card(tmp_path / "card.toml")
    path = tmp_path / "card.toml"
    path.write_bytes(b"\xff\xfe\x00name")
    with pytest.raises(CardError, match="not valid TOML"):
        read_card(path)


def test_the_example_in_the_readme_is_a_valid_card(tmp_path: Path) -> None:
    readme = (REPOSITORY / "models" / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", readme, flags=re.DOTALL)
    card = read_card(write(tmp_path, example))
    assert card.name == "my-network"
    parts = (card.input, card.output, card.labels, card.accuracy, card.evaluation[0], card.reference)
    for part in (card, card.files[0], *parts):
        for field in type(part).model_fields.values():
            if field.alias:
                assert field.alias in example
        assert all(key in example for key in type(part).model_fields if key not in ("schema_version", "sha1"))
