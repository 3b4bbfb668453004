"""The networks of the benchmark, each a folder with ``card.toml``, ``network.onnx`` and ``spec.json``, built once and kept.

Usage: networks.py [NAME ...] builds them and prints their folders. Needs the test assets; nothing it writes is ever committed.

``stretch`` is the fit of every card here, as peers resize the whole frame, too: so all contenders look at the same picture.
"""

import hashlib
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from common import ASSETS, CACHE, MIRROR

VERSION = 1
"""Raise it when what is built changes: the cache is then built anew."""
CAFFE_INPUT = {"channels": "bgr", "scale": 1.0, "mean": [104.0, 117.0, 123.0]}
TORCH_INPUT = {
    "channels": "rgb",
    "scale": 1 / 255,
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
}


@dataclass(frozen=True)
class Network:
    """``build`` writes the ONNX file. ``int8`` networks are rounded differently by every engine, so their answers may differ."""

    name: str
    title: str
    build: Callable[[Path], None]
    side: int
    input: dict[str, Any]
    softmax: bool
    frames: int
    """Of the 640x360 clip, for an engine at its fastest: enough for a second or more (streamclf tells no rate below half a one)."""
    int8: bool = False

    @property
    def folder(self) -> Path:
        """Where it is, once it was built; its name is the card's."""
        return CACHE / f"networks-{VERSION}" / self.name

    @property
    def onnx(self) -> Path:
        return self.folder / "network.onnx"

    @property
    def spec(self) -> Path:
        """What a peer has to know: side, channels, scale, mean, std."""
        return self.folder / "spec.json"


def _mirrored(name: str) -> Callable[[Path], None]:
    return lambda path: void(shutil.copyfile(MIRROR / name, path))


def void(_: object) -> None:
    """Nothing."""


def _squeezenet(path: Path) -> None:
    from squeezenet import write_squeezenet

    write_squeezenet(path)


def _filled(light: str, input: dict[str, Any]) -> Callable[[Path], None]:
    def build(path: Path) -> None:
        from random_weights import write_filled

        write_filled(MIRROR / "light" / light, path, calibration_blob(input))

    return build


NETWORKS = {
    network.name: network
    for network in (
        Network("squeezenet", "SqueezeNet 1.0", _squeezenet, 227, CAFFE_INPUT, False, 600),
        Network("mobilenet-v2", "MobileNet V2", _mirrored("mobilenetv2-12-dequant.onnx"), 224, TORCH_INPUT, False, 600),
        Network(
            "mobilenet-v2-int8",
            "MobileNet V2, int8",
            _mirrored("mobilenetv2-12-qdq.onnx"),
            224,
            TORCH_INPUT,
            False,
            600,
            int8=True,
        ),
        Network(
            "googlenet",
            "GoogLeNet, random weights",
            _filled("light_inception_v1.onnx", CAFFE_INPUT),
            224,
            CAFFE_INPUT,
            True,
            250,
        ),
        Network(
            "resnet-50",
            "ResNet-50, random weights",
            _filled("light_resnet50.onnx", TORCH_INPUT),
            224,
            TORCH_INPUT,
            True,
            120,
        ),
    )
}


def calibration_blob(input: dict[str, Any], crops: int = 3, side: int = 224) -> np.ndarray:
    """Photographs and random parts of them, prepared for the network: (N, 3, side, side) float32."""
    import cv2

    random = np.random.default_rng(1)
    pictures = []
    for path in sorted((ASSETS / "media" / "image").glob("*.jpg")):
        image = cv2.imread(str(path))
        height, width = image.shape[:2]
        for crop in range(crops):
            share = 1.0 if crop == 0 else random.uniform(0.4, 0.8)
            high, wide = int(height * share), int(width * share)
            top, left = random.integers(height - high + 1), random.integers(width - wide + 1)
            part = image[top : top + high, left : left + wide]
            pictures.append(cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA))
    batch = np.stack(pictures).astype(np.float32)
    if input["channels"] == "rgb":
        batch = batch[..., ::-1]
    batch = (batch * input["scale"] - np.float32(input["mean"])) / np.float32(input.get("std", 1.0))
    return np.ascontiguousarray(batch.transpose(0, 3, 1, 2))


def build(name: str) -> Network:
    """The network, built if it is not there yet."""
    network = NETWORKS[name]
    if (network.folder / "card.toml").is_file():
        return network
    network.folder.mkdir(parents=True, exist_ok=True)
    network.build(network.onnx)
    network.spec.write_text(json.dumps({"side": network.side, **network.input}))
    (network.folder / "card.toml").write_text(_card(network))  # last: with it the folder is whole
    return network


def _card(network: Network) -> str:
    content = network.onnx.read_bytes()
    lines = [
        "schema = 1",
        f'name = "{network.name}"',
        f'title = "{network.title}"',
        'task = "classification"',
        'framework = "onnx"',
        'licence = "as its origin"',
        'origin = "built for the benchmark"',
        "verified = false",
        "[[files]]",
        'role = "weights"',
        'name = "network.onnx"',
        f"bytes = {len(content)}",
        f'sha256 = "{hashlib.sha256(content).hexdigest()}"',
        "[input]",
        f"width = {network.side}",
        f"height = {network.side}",
        'fit = "stretch"',
        *(f"{key} = {json.dumps(value)}" for key, value in network.input.items()),
        "[output]",
        "classes = 1000",
        f"softmax = {str(network.softmax).lower()}",
        "[labels]",
        'set = "imagenet-1000"',
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for chosen in sys.argv[1:] or NETWORKS:
        print(build(chosen).folder)
