"""Networks that are not what they claim to be: told in a sentence, never in a label."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from streamclf.catalogue.find import builtin_folder
from tests.networks import NO_CLASSES, mean_colour

Run = Callable[..., "subprocess.CompletedProcess[str]"]

ROOT = 'layer {{ name: "root" type: "Power" bottom: "mean" top: "root" power_param {{ power: 0.5 shift: {shift} }} }}\n'
"""The root of a mean colour, of 0 to 1: NaN where a colour is less than -shift."""
NAN = "the network produced NaN or infinite numbers; its weights or the card's mean, scale and std are wrong"
CARD = """
schema = 1
name = "{name}"
task = "classification"
framework = "caffe"
licence = "MIT"
origin = "here"
verified = false
{files}
[input]
width = 12
height = 8
channels = "bgr"
scale = 0.00392156862745098
fit = "stretch"
[output]
classes = 3
softmax = false
[labels]
file = "labels.txt"
"""


def network(folder: Path, more: str = "", text: str = "") -> Path:
    """The folder of a network with a card that claims three classes."""
    weights = mean_colour(folder, folder.name, more=more, text=text)
    files = [("config", weights.with_suffix(".prototxt")), ("weights", weights)]
    parts = [
        f'[[files]]\nrole = "{role}"\nname = "{path.name}"\nsha256 = "{hashlib.sha256(path.read_bytes()).hexdigest()}"'
        for role, path in files
    ]
    (folder / "card.toml").write_text(CARD.format(name=folder.name, files="\n".join(parts)), encoding="utf-8")
    return folder


def pictures(folder: Path, **greys: int) -> list[Path]:
    paths = [folder / f"{name}.png" for name in greys]
    for path, grey in zip(paths, greys.values(), strict=True):
        assert cv2.imwrite(str(path), np.full((60, 80, 3), grey, np.uint8))
    return paths


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_picture_that_makes_a_network_produce_nan_has_an_error_and_no_label(streamclf: Run, tmp_path: Path) -> None:
    model = network(tmp_path / "root", ROOT.format(shift=-0.2))
    done = streamclf("classify", *pictures(tmp_path, dark=20, bright=220), "--model", model, "--json")
    assert done.returncode == 1
    dark, bright = json.loads(done.stdout)
    assert (dark["top"], dark["error"]) == ([], f"{tmp_path / 'dark.png'}: root: {NAN}")
    assert (len(bright["top"]), bright["error"]) == (3, None)
    assert f"streamclf: error: {dark['error']}" in done.stderr.splitlines()


def test_a_run_ends_at_the_first_nan_with_what_came_before_it(streamclf: Run, tmp_path: Path) -> None:
    model = network(tmp_path / "root", ROOT.format(shift=-0.2))
    clip = tmp_path / "clip.mp4"
    with av.open(str(clip), "w") as video:
        stream = video.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 80, 60, "yuv420p"
        for grey in [220] * 30 + [20] * 30:
            image = np.full((60, 80, 3), grey, np.uint8)
            video.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        video.mux(stream.encode(None))
    outputs = ("--results", "r.jsonl", "--save", "v.mp4", "--report", "p.json")
    done = streamclf("run", clip, "--model", model, "--batch", 1, "--no-display", *outputs)
    assert done.returncode == 1
    assert [line for line in done.stderr.splitlines() if "error: " in line] == [f"streamclf: error: root: {NAN}"]
    report = json.loads((tmp_path / "p.json").read_text())["streams"]["clip.mp4"]
    assert (report["ended"], report["error"]) == ("failed", f"root: {NAN}")
    rows = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert [row["index"] for row in rows] == list(range(report["classified"]))
    assert report["classified"] <= 30, "no label, and no picture with one, of a frame without an answer"
    if report["classified"]:
        with av.open(str(tmp_path / "v.mp4")) as video:
            assert sum(1 for _ in video.decode(video=0)) == report["classified"]


def test_a_network_that_always_produces_nan_neither_runs_nor_passes(streamclf: Run, tmp_path: Path) -> None:
    model = network(tmp_path / "root", ROOT.format(shift=-2))
    done = streamclf("run", *pictures(tmp_path, bright=220), "--model", model, "--results", "r.jsonl", "--save", "out")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"streamclf: error: root: {NAN}" in done.stderr.splitlines()
    assert left(tmp_path) == ["bright.png", "root"]
    verified = streamclf("models", "verify", model, "--json")
    assert verified.returncode == 1
    (verdict,) = json.loads(verified.stdout)
    assert (verdict["outcome"], verdict["problems"]) == ("fail", [f"root: {NAN}"])


def test_a_network_that_gives_no_row_of_classes_is_the_card_s_mistake(streamclf: Run, tmp_path: Path) -> None:
    model = network(tmp_path / "spatial", text=NO_CLASSES)
    said = "says output.classes 3 + output.background 0, but the network gives 72 numbers (1, 3, 4, 6)"
    done = streamclf("classify", *pictures(tmp_path, bright=220), "--model", model)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"card.toml: {said}" in done.stderr
    verified = streamclf("models", "verify", model)
    assert verified.returncode == 1
    assert said in verified.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("classify", "PICTURE", "--model", "./theirs"), 1, "instead of"),
        (
            ("run", "PICTURE", "--no-display", "--model", "./theirs", "--save", "out", "--report", "p.json"),
            1,
            "instead",
        ),
        (("models", "pull", "./theirs"), 1, "this is not the file that the card of framecheck describes"),
        (("models", "add", "./theirs", "--name", "mine"), 1, "delete it and get it anew"),
    ],
)
def test_a_digest_that_does_not_match_is_named_and_nothing_is_written(
    arguments: tuple[str, ...], code: int, said: str, streamclf: Run, tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs"
    shutil.copytree(builtin_folder() / "framecheck", theirs, ignore=shutil.ignore_patterns("*.py", "*.png"))
    with (theirs / "framecheck.onnx").open("ab") as file:
        file.write(b"x")
        size = file.tell()
    (picture,) = pictures(tmp_path, bright=220)
    done = streamclf(
        *(str(picture) if argument == "PICTURE" else argument for argument in arguments), HOME=str(tmp_path / "home")
    )
    assert (done.returncode, done.stdout) == (code, "")
    assert f"framecheck.onnx: {size} bytes with sha256 " in done.stderr
    assert said in done.stderr
    assert left(tmp_path) == ["bright.png", "theirs"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("classify", "no.jpg", "--model", "./theirs"), "must be a plain file name, without a folder"),
        (("models", "pull", "./theirs"), "must be a plain file name, without a folder"),
        (("models", "add", "./theirs"), "must be a plain file name, without a folder"),
        (("models", "pull", "../../x"), "../../x: there is no such folder"),
        (("models", "path", "../../x"), "../../x: there is no such folder"),
        (("models", "remove", "../../x", "--yes"), "name '../../x': must be of small letters"),
    ],
)
def test_no_name_leads_out_of_its_folder(arguments: tuple[str, ...], said: str, streamclf: Run, tmp_path: Path) -> None:
    theirs = network(tmp_path / "theirs")
    card = theirs / "card.toml"
    card.write_text(card.read_text().replace('"theirs.caffemodel"', '"../../theirs.caffemodel"'), encoding="utf-8")
    done = streamclf(*arguments, HOME=str(tmp_path / "home"))
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "more)" not in done.stderr
    assert left(tmp_path) == ["theirs"]


@pytest.mark.parametrize("arguments", [("run", "0"), ("classify", "no.jpg")])
def test_a_card_of_a_newer_streamclf_is_refused_with_the_way_out(
    arguments: tuple[str, ...], streamclf: Run, tmp_path: Path
) -> None:
    card = network(tmp_path / "theirs") / "card.toml"
    card.write_text(card.read_text().replace("schema = 1", "schema = 2"), encoding="utf-8")
    done = streamclf(*arguments, "--model", "./theirs")
    assert (done.returncode, done.stdout) == (2, "")
    assert "card.toml: schema 2 is newer than this streamclf, which knows 1; please upgrade streamclf" in done.stderr
