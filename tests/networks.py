"""The smallest real networks: Caffe definitions of layers without weights, whose answers are plain to see; and cards of none."""

from __future__ import annotations

import hashlib
from pathlib import Path

CARD = """
schema = 1
name = "{name}"
task = "classification"
framework = "onnx"
licence = "MIT"
origin = "here"
verified = false
[[files]]
role = "weights"
name = "{name}.onnx"
{size}
{digest}
{url}
[input]
width = 4
height = 4
channels = "bgr"
fit = "stretch"
[output]
classes = 2
softmax = false
[labels]
{labels}
"""
WEIGHTS = b"\n\x04tiny"
"""A caffemodel that holds a name and nothing else."""
MEAN_COLOUR = """
name: "tiny"
layer {{ name: "data" type: "Input" top: "data" {shape} }}
layer {{ name: "mean" type: "Pooling" bottom: "data" top: "mean" pooling_param {{ pool: AVE global_pooling: true }} }}
"""
SOFTMAX = 'layer { name: "prob" type: "Softmax" bottom: "mean" top: "prob" }\n'
SIGMOID = 'layer { name: "prob" type: "Sigmoid" bottom: "mean" top: "prob" }\n'
PIXELS = (
    'name: "tiny"\n'
    'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 1 dim: 4 dim: 4 } } }\n'
    'layer { name: "row" type: "Flatten" bottom: "data" top: "row" }\n'
)
"""Sixteen numbers: the picture's own."""
SECOND_OUTPUT = 'layer { name: "small" type: "Pooling" bottom: "data" top: "small" pooling_param { pool: MAX kernel_size: 2 stride: 2 } }\n'
SECOND_INPUT = (
    'layer { name: "more" type: "Input" top: "more" input_param { shape { dim: 1 dim: 3 dim: 1 dim: 1 } } }\n'
    'layer { name: "sum" type: "Eltwise" bottom: "mean" bottom: "more" top: "sum" }\n'
)
NO_CLASSES = (
    'name: "tiny"\n'
    'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }\n'
    'layer { name: "small" type: "Pooling" bottom: "data" top: "small" pooling_param { pool: MAX kernel_size: 2 stride: 2 } }\n'
)


def mean_colour(
    folder: Path, name: str = "colour", shape: tuple[int, ...] | None = (1, 3, 8, 12), more: str = "", text: str = ""
) -> Path:
    """The weights of a network that answers with the mean of each channel; ``more`` layers may follow, ``shape`` may be open.

    Its definition lies beside it, and so do its labels: ``labels.txt``, the colours of BGR.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sides = " ".join(f"dim: {side}" for side in shape or ())
    declared = f"input_param {{ shape {{ {sides} }} }}" if shape else ""
    (folder / f"{name}.prototxt").write_text((text or MEAN_COLOUR.format(shape=declared)) + more, encoding="utf-8")
    weights = folder / f"{name}.caffemodel"
    weights.write_bytes(WEIGHTS)
    (folder / "labels.txt").write_text("blue\ngreen\nred\n", encoding="utf-8")
    return weights


def little_network(root: Path, name: str, content: bytes, **lines: str) -> Path:
    """The folder of a network whose only file, ``NAME.onnx``, holds ``content`` and is not there.

    ``lines`` stand in for those of the card: ``size``, ``digest``, ``url`` (there is none) and ``labels``.
    """
    folder = root / name
    folder.mkdir(parents=True)
    usual = {
        "size": f"bytes = {len(content)}",
        "digest": f'sha256 = "{hashlib.sha256(content).hexdigest()}"',
        "url": "",
        "labels": 'file = "labels.txt"',
    }
    (folder / "card.toml").write_text(CARD.format(name=name, **{**usual, **lines}), encoding="utf-8")
    (folder / "labels.txt").write_text("cat\ndog\n", encoding="utf-8")
    return folder


def message_field(number: int, content: bytes) -> bytes:
    """A field of a protobuf message that holds ``content``: bytes, a text, or a message again."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def onnx_with_weights_in(*names: str) -> bytes:
    """An ONNX model with a tensor for each of ``names``, a file beside it that holds the tensor's numbers."""
    graph = b"".join(message_field(5, _external_tensor(name)) for name in names)
    return b"\x08\x08" + message_field(7, graph)


def _external_tensor(file: str) -> bytes:
    entries = {b"location": file.encode(), b"offset": b"0", b"length": b"4"}
    told = b"".join(message_field(13, message_field(1, key) + message_field(2, said)) for key, said in entries.items())
    return b"\x08\x01\x10\x01" + message_field(8, b"w") + told + b"\x70\x01"


def _varint(number: int) -> bytes:
    rest, last = divmod(number, 128)
    return bytes([last]) if not rest else bytes([last | 0x80]) + _varint(rest)
