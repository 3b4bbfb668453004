from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from streamclf.catalogue.find import builtin_folder
from tests.networks import SOFTMAX, mean_colour

Run = Callable[..., "subprocess.CompletedProcess[str]"]
PLAIN = ("--channels", "bgr", "--scale", "1/255")


@pytest.fixture
def environment(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """A home of the test's own."""
    return {**environment, "HOME": str(tmp_path / "home")}


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Where ``models add`` puts networks."""
    return tmp_path / "home" / ".local" / "share" / "streamclf" / "models"


@pytest.fixture
def colour(tmp_path: Path) -> Path:
    """The weights of a network that says which channel is the brightest."""
    return mean_colour(tmp_path / "files", more=SOFTMAX)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def test_an_added_network_is_used_by_its_name_and_removed_again(
    streamclf: Run, own: Path, colour: Path, images: Path
) -> None:
    labels = colour.with_name("labels.txt")
    done = streamclf("models", "add", colour, *PLAIN, "--labels", labels, "--try", images / "granny_smith_0.jpg")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"colour is in {own / 'colour'} (colour.prototxt, colour.caffemodel, ")
    assert "  found: caffe, colour pictures of 12x8" in lines
    assert "  assumed: its name is colour, from its file's (--name)" in lines
    assert any("granny_smith_0.jpg  (colour, forward pass " in line for line in lines)
    assert lines[-1] == "Now: streamclf run 0 --model colour"
    assert "Assumed: its licence is not known (--licence)." in (own / "colour" / "card.toml").read_text()

    rows = json.loads(streamclf("models", "list", "--json").stdout)
    assert next(row for row in rows if row["name"] == "colour")["available"] is True
    answer = json.loads(streamclf("classify", images / "granny_smith_0.jpg", "--model", "colour", "--json").stdout)
    assert {score["label"] for score in answer[0]["top"]} == {"blue", "green", "red"}

    assert streamclf("models", "path", "colour").stdout == f"{own / 'colour'}\n"
    files = [str(own / "colour" / name) for name in ("colour.prototxt", "colour.caffemodel")]
    assert streamclf("models", "path", "colour", "--files").stdout.splitlines() == files

    refused = streamclf("models", "remove", "colour")
    assert refused.returncode == 2
    assert "say --yes" in refused.stderr
    removed = streamclf("models", "remove", "colour", "--yes", "--json")
    assert json.loads(removed.stdout)["left"] == []
    assert left(own) == []
    assert streamclf("models", "path", "colour").returncode == 2


def test_add_tells_a_program_everything(streamclf: Run, own: Path, colour: Path) -> None:
    definition, labels = colour.with_suffix(".prototxt"), colour.with_name("labels.txt")
    done = streamclf(
        "models",
        "add",
        definition,
        colour,
        *PLAIN,
        "--labels",
        labels,
        "--name",
        "mine",
        "--licence",
        "MIT",
        "--link",
        "--json",
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert list(report) == [
        "name",
        "folder",
        "files",
        "bytes",
        "linked",
        "found",
        "assumed",
        "warnings",
        "card",
        "tried",
    ]
    assert (report["name"], report["folder"], report["linked"]) == ("mine", str(own / "mine"), True)
    assert report["card"]["licence"] == "MIT"
    assert report["tried"]["file"] == "a drawn picture"
    assert len(report["tried"]["top"]) == 3
    assert (own / "mine" / "colour.caffemodel").resolve() == colour.resolve()


def test_what_looks_wrong_is_said_last_as_a_warning(streamclf: Run, own: Path, colour: Path, images: Path) -> None:
    options = ("--channels", "bgr", "--scale", "1e-12", "--labels", colour.with_name("labels.txt"))
    warning = "the network said the same of every picture that was tried: are --scale, --mean and --std right?"
    done = streamclf("models", "add", colour, *options)
    assert done.returncode == 0
    assert f"streamclf: warning: {warning}" in done.stderr.splitlines()
    assert warning not in done.stdout
    assert f"# Warning: {warning}" in (own / "colour" / "card.toml").read_text().splitlines()
    again = streamclf("models", "add", colour, *options, "--overwrite", "--json")
    assert json.loads(again.stdout)["warnings"] == [warning]
    once = streamclf("classify", images / "dog.jpg", "--weights", colour, *options)
    said = [line for line in once.stderr.splitlines() if line.startswith("streamclf: ")]
    assert said[-1] == f"streamclf: warning: {warning}"


def test_a_detector_is_added_with_two_words(streamclf: Run, assets: Path, images: Path) -> None:
    done = streamclf(
        "models", "add", assets / "mirror" / "yolo-fastest-1.1.weights", "--preset", "yolo", "--name", "yolo",
        "--try", images / "dog.jpg",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "  assumed: its classes are those of coco-80, in that order (--labels)" in done.stdout.splitlines()
    assert any("dog  from (" in line for line in done.stdout.splitlines())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "give --preset (imagenet-torch,"),
        (("--preset", "imagenet-caffe"), "the names of its 3 classes are not in the file; give --labels"),
        (("--scale", "1"), "give --channels bgr, rgb or grey"),
        (("--name", "../../x", *PLAIN), "must be of small letters"),
        (("--name", "framecheck", *PLAIN), "framecheck: is the name of the network in"),
        (("--preset", "yolo"), "--preset yolo: is for detectors"),
        (("--size", "12", "--preset", "nonsense"), "--preset 'nonsense': must be 'imagenet-torch'"),
    ],
)
def test_without_a_terminal_what_is_missing_or_wrong_is_named(
    options: tuple[str, ...], said: str, streamclf: Run, own: Path, colour: Path
) -> None:
    done = streamclf("models", "add", colour, *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("streamclf: ") == 1
    assert left(own) == []


def test_a_pickle_called_onnx_is_a_failure_in_one_sentence(streamclf: Run, own: Path, tmp_path: Path) -> None:
    (tmp_path / "weights.onnx").write_bytes(b"\x80\x04\x95" + bytes(30))
    done = streamclf("models", "add", "weights.onnx", "--preset", "imagenet-torch")
    assert done.returncode == 1
    assert "weights.onnx: is a Python pickle" in done.stderr
    assert left(own) == []


def test_an_unreadable_picture_to_try_adds_nothing(streamclf: Run, own: Path, colour: Path) -> None:
    done = streamclf("models", "add", colour, *PLAIN, "--labels", colour.with_name("labels.txt"), "--try", "no.jpg")
    assert done.returncode == 1
    assert "no.jpg: no such file" in done.stderr
    assert left(own) == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs named pipes")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_the_middle_leaves_nothing(
    number: signal.Signals, code: int, started: Callable[..., subprocess.Popen[str]], own: Path, colour: Path
) -> None:
    pipe = colour.with_name("picture.jpg")
    os.mkfifo(pipe)
    process = started("models", "add", colour, *PLAIN, "--labels", colour.with_name("labels.txt"), "--try", pipe)
    with pipe.open("wb"):  # which waits until the program reads it: all files are copied by then
        assert "colour.caffemodel" in left(own)
        process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert left(own) == []


def test_a_folder_with_a_card_is_added_as_it_is(streamclf: Run, own: Path, colour: Path, tmp_path: Path) -> None:
    options = (*PLAIN, "--labels", colour.with_name("labels.txt"))
    assert streamclf("models", "add", colour, *options).returncode == 0
    theirs = (own / "colour").rename(tmp_path / "theirs")
    done = streamclf("models", "add", theirs, "--name", "renamed", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(streamclf("models", "show", "renamed", "--json").stdout)["available"] is True
    assert streamclf("models", "add", theirs, "--preset", "yolo").returncode == 2


def test_the_expected_answers_of_a_folder_come_along_and_hold(streamclf: Run, own: Path) -> None:
    theirs = builtin_folder() / "framecheck"
    done = streamclf("models", "add", theirs, "--name", "mine", "--link")
    assert done.returncode == 0, done.stderr
    assert (own / "mine" / "expected.json").read_bytes() == (theirs / "expected.json").read_bytes()
    verdict = streamclf("models", "verify", "mine")
    assert verdict.stdout.endswith("1 pass, 0 unproven, 0 fail, 0 are not here\n")
    assert streamclf("models", "remove", "mine", "--yes").returncode == 0
    assert left(own) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tolerance": -1}, "tolerance"),
        ({"labels_sha256": "0" * 64}, "is not of this card: its label list is not the one of the expected"),
    ],
)
def test_expected_answers_that_are_damaged_or_of_other_labels_add_nothing(
    change: dict[str, object], said: str, streamclf: Run, own: Path, tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs"
    shutil.copytree(builtin_folder() / "framecheck", theirs, ignore=shutil.ignore_patterns("*.py", "*.png"))
    expected = theirs / "expected.json"
    expected.write_text(json.dumps(json.loads(expected.read_text()) | change), encoding="utf-8")
    done = streamclf("models", "add", theirs, "--name", "mine")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{expected}: {said}" in done.stderr
    assert left(own) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("schema = 2", "schema 2 is newer than this streamclf, which knows 1; please upgrade streamclf"),
        ('labels = { file = "../../secret.txt" }', "must be a plain file name, without a folder"),
    ],
)
def test_a_card_of_the_future_or_that_leaves_its_folder_is_refused(
    line: str, said: str, streamclf: Run, own: Path, colour: Path, tmp_path: Path
) -> None:
    assert streamclf("models", "add", colour, *PLAIN, "--labels", colour.with_name("labels.txt")).returncode == 0
    theirs = (own / "colour").rename(tmp_path / "theirs")
    card = theirs / "card.toml"
    key = line.split()[0]
    kept = card.read_text().split("[labels]")[0].splitlines()
    card.write_text("\n".join([line, *(each for each in kept if not each.startswith(key))]), encoding="utf-8")
    done = streamclf("models", "add", theirs)
    assert done.returncode == 2
    assert f"{card}: " in done.stderr
    assert said in done.stderr
    assert left(own) == []


def test_path_names_what_is_not_here(streamclf: Run) -> None:
    done = streamclf("models", "path", "tiny-darknet", "--files", STREAMCLF_MIRROR="")
    assert (done.returncode, done.stdout) == (1, "")
    assert "tiny.weights: is not here; 'streamclf models pull tiny-darknet' fetches it" in done.stderr


def test_classify_takes_a_network_as_the_tutorials_scripts_do(
    streamclf: Run, models_env: Path, images: Path, own: Path
) -> None:
    picture, mirror = images / "hot_dog.jpg", models_env
    once = streamclf(
        "classify", picture, "--weights", mirror / "squeezenet_v1.0_dc.caffemodel",
        "--config", mirror / "squeezenet_v1.0_dc.prototxt", "--labels", mirror / "labels" / "synset_words.txt",
        "--preset", "imagenet-caffe", "--json",
    )  # fmt: skip
    assert once.returncode == 0, once.stderr
    by_name = json.loads(streamclf("classify", picture, "--model", "squeezenet-1.0-dc", "--json").stdout)[0]["top"]
    found = json.loads(once.stdout)[0]["top"]
    assert [(each["class_id"], each["probability"]) for each in found] == [
        (each["class_id"], each["probability"]) for each in by_name
    ]
    assert found[0]["label"] == "hotdog"
    assert not own.exists()


def test_run_takes_one_beside_a_file_of_options(streamclf: Run, models_env: Path, images: Path, tmp_path: Path) -> None:
    (tmp_path / "options.toml").write_text('[run]\nmodel = "framecheck"\ntop-k = 1\n', encoding="utf-8")
    done = streamclf(
        "run", images / "dog.jpg", "--config", "options.toml", "--results", "-",
        "--weights", models_env / "tiny.weights", "--config", models_env / "tiny.cfg",
        "--channels", "rgb", "--scale", "1/255", "--fit", "short_side", "--interpolation", "linear",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)
    assert (row["model"], row["label"], len(row["top"])) == ("tiny", "malamute", 1)
    assert "assumed: its classes are those of imagenet-1000-darknet" in done.stderr


@pytest.mark.parametrize("command", ["run", "classify"])
def test_a_network_without_a_card_and_one_with_contradict_each_other(
    command: str, streamclf: Run, colour: Path, images: Path
) -> None:
    both = streamclf(command, images / "dog.jpg", "--weights", colour, "--model", "framecheck")
    assert both.returncode == 2
    assert "is another network than --model framecheck" in both.stderr
    neither = streamclf(command, images / "dog.jpg", "--preset", "yolo")
    assert neither.returncode == 2
    assert "--preset: is for a network without a card; name its weights with --weights" in neither.stderr


def test_the_labels_of_a_run_are_no_place_for_its_rows(streamclf: Run, colour: Path, images: Path) -> None:
    labels = colour.with_name("labels.txt").rename(colour.with_name("labels.csv"))
    done = streamclf(
        "run", images / "dog.jpg", "--weights", colour, *PLAIN, "--labels", labels, "--results", labels, "--overwrite"
    )
    assert done.returncode == 2
    assert labels.read_text() == "blue\ngreen\nred\n"


@pytest.mark.parametrize(
    "command", [("models", "add"), ("models", "remove"), ("models", "path"), ("run",), ("classify",)]
)
def test_help_has_examples_and_every_option_of_a_network(command: tuple[str, ...], streamclf: Run) -> None:
    from streamclf.catalogue.network_options import NetworkOptions, option_name

    text = " ".join(streamclf(*command, "--help", COLUMNS="400").stdout.split())
    assert "Examples" in text
    if command[-1] not in ("remove", "path"):
        for name, field in NetworkOptions.model_fields.items():
            assert option_name(name) in text
            assert name == "config" or " ".join(str(field.description).split()) in text


class Terminal:
    """The program at a terminal of its own: what it prints is read, what it asks is answered."""

    def __init__(self, environment: dict[str, str], *arguments: object):
        import pty

        self._own, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "streamclf", *map(str, arguments)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
        )
        os.close(theirs)
        self.text = ""

    def until(self, words: str) -> None:
        while words not in self.text:
            assert select.select([self._own], [], [], 60)[0], f"{words!r} never came: {self.text!r}"
            self.text += os.read(self._own, 4096).decode()

    def say(self, words: str) -> None:
        self.press(f"{words}\n".encode())
        self.text = ""

    def press(self, keys: bytes) -> None:
        os.write(self._own, keys)

    def end(self) -> int:
        while True:
            try:
                piece = os.read(self._own, 4096)
            except OSError:  # the other side is closed
                break
            self.text += piece.decode()
        os.close(self._own)
        return self.process.wait(timeout=60)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
def test_at_a_terminal_it_asks_for_what_it_cannot_know(environment: dict[str, str], own: Path, tmp_path: Path) -> None:
    weights = mean_colour(tmp_path / "files", shape=None)
    terminal = Terminal(environment, "models", "add", weights)
    terminal.until("--preset: ")
    assert "imagenet-torch   RGB" in terminal.text
    terminal.say("nonsense")
    terminal.until("nonsense: must be one of imagenet-torch,")
    terminal.until("--preset: ")
    terminal.say("imagenet-caffe")
    terminal.until("--labels: ")
    terminal.say(str(weights.with_name("labels.txt")))
    terminal.until("Now: streamclf run 0 --model colour")
    assert terminal.end() == 0
    assert (own / "colour" / "card.toml").is_file()

    terminal = Terminal(environment, "models", "remove", "colour")
    terminal.until("Remove 5 files (")
    terminal.say("n")
    assert terminal.end() == 0
    assert "nothing was removed" in terminal.text
    assert (own / "colour" / "card.toml").is_file()
    terminal = Terminal(environment, "models", "remove", "colour")
    terminal.until("[y/N]: ")
    terminal.say("y")
    assert terminal.end() == 0
    assert left(own) == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
def test_leaving_at_a_question_leaves_nothing(environment: dict[str, str], own: Path, colour: Path) -> None:
    terminal = Terminal(environment, "models", "add", colour)
    terminal.until("--preset: ")
    terminal.press(b"\x04")  # Ctrl-D; a signal may come just before the program listens
    assert terminal.end() == 130
    assert left(own) == []
