"""The second opinion on the networks: what made the expected answers, and that it still says so."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scripts import make_expectations
from scripts.other_engines import NotKnown, boxes, layers, preparation, protobuf
from streamclf.catalogue.expected import EXPECTED_NAME, Expectation, read_expectation
from streamclf.catalogue.find import find_model

REPOSITORY = Path(__file__).resolve().parents[2]
ENGINES = sorted((REPOSITORY / "scripts" / "other_engines").glob("*.py"))
# TensorFlow is no dependency of the tests.
NETWORKS = ("framecheck", "mobilenet-v2-qdq", "nanodet", "squeezenet-1.0-dc", "tiny-darknet", "yolo-fastest-1.1")


@pytest.mark.parametrize("path", ENGINES, ids=lambda path: path.stem)
def test_a_second_opinion_uses_nothing_of_what_it_judges(path: Path) -> None:
    imported = [
        name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    ]
    own = {name for name in imported if name.split(".")[0] in ("cv2", "streamclf")}
    # The fit of framecheck, which is nobody else's.
    assert own == ({"streamclf.vision.overview"} if path.stem == "preparation" else set())


@pytest.mark.parametrize("name", NETWORKS)
def test_the_expected_answers_are_those_that_the_other_engine_gives(name: str, models_env: Path) -> None:
    model = find_model(name)
    written = read_expectation(model.folder / EXPECTED_NAME)
    assert written is not None
    made = make_expectations.expectation(model, make_expectations.pictures(None))
    now = Expectation.model_validate_json(json.dumps(made))
    assert now.made_by.split(".")[0] == written.made_by.split(".")[0]
    assert (now.labels_sha256, now.tolerance, now.pictures) == (
        written.labels_sha256,
        written.tolerance,
        written.pictures,
    )
    for picture in written.pictures:
        assert alike(now, written, picture), picture


def alike(one: Expectation, other: Expectation, picture: str) -> bool:
    rows, others = ((each.classes or each.boxes or {})[picture] for each in (one, other))
    if one.classes is not None and one.tolerance > 2:  # on another processor layers of 8 bits round differently
        return len({row[0] for row in rows} & {row[0] for row in others}) >= len(rows) / 2
    return all(any(row[:2] == like[:2] and abs(row[2] - like[2]) < 2e-3 for like in others) for row in rows)


def test_a_convolution_adds_what_is_under_each_window_in_groups_and_with_steps() -> None:
    x = np.arange(2 * 5 * 5, dtype=np.float32).reshape(2, 5, 5)
    weights = np.zeros((2, 1, 3, 3), np.float32)
    weights[0, 0, 1, 1], weights[1, 0, 0, 0] = 2, 1
    out = layers.convolution(x, weights, np.array([0, 100]), stride=2, pad=1, groups=2)
    assert out.shape == (2, 3, 3)
    np.testing.assert_array_equal(out[0], 2 * x[0, ::2, ::2])  # each place itself, of the first channel
    assert out[1, 0, 0] == 100  # left above the picture there are zeros
    assert out[1, 1, 1] == 100 + x[1, 1, 1]


def test_a_resize_averages_blocks_and_then_goes_between_them() -> None:
    picture = np.tile(np.array([0, 10, 100, 110, 200, 210], np.uint8)[:, None, None], (1, 6, 3))
    rows = preparation.resized(picture, 3, 3, "area_linear")
    assert rows[:, 0, 0].tolist() == [5, 105, 205]
    assert preparation.resized(picture, 6, 12, "linear")[:4, 0, 0].tolist() == [0, 2, 8, 32]


@pytest.mark.parametrize(
    ("fit", "size_wh", "corners"),
    [
        ("stretch", (100, 100), [0, 0, 200, 100]),
        ("centre_crop", (50, 50), [50, 0, 150, 100]),
        ("letterbox", (100, 100), [0, -50, 200, 150]),
        ("short_side", (50, 50), [0, 0, 200, 100]),
    ],
)
def test_corners_of_the_input_are_found_again_in_the_picture(
    fit: str, size_wh: tuple[int, int], corners: list[float]
) -> None:
    said = {"width": size_wh[0], "height": size_wh[1], "fit": fit, "channels": "rgb"}
    picture = np.zeros((100, 200, 3), np.uint8)
    picture[..., 0] = 7  # blue
    x, place = preparation.prepare(picture, said)
    height, width = x.shape[2:]
    assert place.in_picture(np.array([[0.0, 0, width, height]]))[0].tolist() == corners
    assert x[0, :, height // 2, width // 2].tolist() == [0, 0, 7]


def test_of_boxes_that_overlap_the_best_of_each_class_is_kept() -> None:
    corners = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 10], [50, 50, 60, 60]], float)
    scores = np.array([[0.8, 0], [0.9, 0], [0, 0.7], [0.1, 0.2]])
    kept = boxes.kept((corners, scores), threshold=0.3, overlap=0.5)
    assert [(kind, score) for kind, score, _ in kept] == [(0, 0.9), (1, 0.7)]


def test_protocol_buffers_are_read_without_their_definitions() -> None:
    text = 'name: "net" # a comment\nlayer { top: "a" top: "b" size: 3 } layer{ }'
    assert protobuf.text_message(text) == {"name": ["net"], "layer": [{"top": ["a", "b"], "size": ["3"]}, {}]}
    assert list(protobuf.fields(b"\x08\x96\x01\x12\x02hi\x1d\x00\x00\x80?")) == [
        (1, 150),
        (2, b"hi"),
        (3, b"\x00\x00\x80?"),
    ]
    assert protobuf.numbers(b"\x03\x96\x01") == [3, 150]


def test_what_nobody_here_knows_is_named_and_the_other_networks_go_on(models_env: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "scripts.make_expectations", "squeezenet-1.0-dc-torch", "vgg-16"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ran.stdout.splitlines() == [
        "squeezenet-1.0-dc-torch: left as it is, there is no other engine here for torch networks",
        "left as they are, their files are not here: vgg-16",
    ]
    with pytest.raises(NotKnown, match="interpolation 'lanczos' is not known here"):
        preparation.resized(np.zeros((4, 4, 3), np.uint8), 2, 2, "lanczos")
