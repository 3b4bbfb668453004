"""Well-known architectures at full size, untrained: they are read, they run, and ONNX Runtime computes the same.

The graphs are the ONNX project's own (light_*.onnx): nearly all weights are made inside the graph, 0.02 everywhere. So each
class gets the same number, and after the softmax 1/1000 whatever the picture: that can prove a shape and nothing else. What is
compared is the number before the softmax. It went through every layer and is another one for another picture.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
import onnxruntime
import pytest

from streamclf.catalogue.network_options import NetworkOptions
from streamclf.engine import EngineWish
from streamclf.engines.opencv_dnn import OpenCvDnnLoader
from streamclf.errors import EngineError
from streamclf.own_network import own_network
from streamclf.proof import Batch, probe_pictures

if TYPE_CHECKING:
    from streamclf.engine import FloatArray


class Architecture(NamedTuple):
    """A graph of the ONNX project: its output with the shape that the project expects, and the node and tensor before the softmax."""

    output: str
    shape: tuple[int, ...]
    node: str
    tensor: str


ARCHITECTURES = {
    "bvlc_alexnet": Architecture("prob_1", (1, 1000), "n22", "r24"),
    "inception_v1": Architecture("prob_1", (1, 1000), "n142", "r143"),
    "resnet50": Architecture("gpu_0/softmax_1", (1, 1000), "n174", "r174"),
    "shufflenet": Architecture("gpu_0/softmax_1", (1, 1000), "n201", "r201"),
    "squeezenet": Architecture("softmaxout_1", (1, 1000, 1, 1), "n64", "r65"),
    "vgg19": Architecture("prob_1", (1, 1000), "n44", "r46"),
    "zfnet512": Architecture("gpu_0/softmax_1", (1, 1000), "n20", "r20"),
}
# It is not the architectures: with (random) weights stored in the file, not made by ConstantOfShape, OpenCV 4.14 reads both.
UNREADABLE = {
    "densenet121": "a Concat of two maps whose shapes it takes for inconsistent",
    "inception_v2": "a Mul by a scale whose shape it takes for another",
}
COMPARED = [name for name in ARCHITECTURES if name != "vgg19"]
"""VGG19 makes 574 MB of weights at each load, which takes longer than any other; AlexNet has all its kinds of layers."""
TOLERANCE = 5e-5
"""Of the number itself; measured were up to 4.4e-6, from sums of thousands of numbers in another order."""


def graph(assets: Path, name: str) -> Path:
    return assets / "mirror" / "light" / f"light_{name}.onnx"


def pictures() -> Batch:
    return probe_pictures(2, (224, 224), 3)


def answers(weights: Path, output_layer: str | None = None) -> list[dict[str, FloatArray]]:
    """What streamclf's engine puts out for each of the pictures."""
    model = own_network(NetworkOptions(weights=weights, preset="imagenet-torch", output_layer=output_layer)).model
    engine = OpenCvDnnLoader(model, EngineWish(live=True, batch=1)).load()
    try:
        return [dict(engine.run(picture[None])) for picture in pictures()]
    finally:
        engine.close()


def reference(weights: Path, tensor: str) -> list[FloatArray]:
    """What ONNX Runtime has in ``tensor`` for each of the pictures."""

    def field(number: int, content: bytes) -> bytes:  # of a protobuf message
        return bytes([number << 3 | 2, len(content)]) + content

    # A message that is appended to another is merged into it: ModelProto.graph.output gets one more, with a name.
    asked = field(7, field(12, field(1, tensor.encode())))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(weights.read_bytes() + asked, options, providers=["CPUExecutionProvider"])
    rgb = pictures()[..., ::-1].astype(np.float32) / 255
    prepared = (rgb - np.float32([0.485, 0.456, 0.406])) / np.float32([0.229, 0.224, 0.225])
    name = session.get_inputs()[0].name
    return [session.run([tensor], {name: each[None]})[0] for each in prepared.transpose(0, 3, 1, 2)]


def test_every_graph_that_is_there_is_spoken_of(assets: Path) -> None:
    there = {path.stem.removeprefix("light_") for path in graph(assets, "x").parent.glob("*.onnx")}
    assert there == ARCHITECTURES.keys() | UNREADABLE.keys()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_an_architecture_puts_out_the_shape_that_its_makers_expect(name: str, assets: Path) -> None:
    expected = ARCHITECTURES[name]
    for answer in answers(graph(assets, name)):
        assert {output: numbers.shape for output, numbers in answer.items()} == {expected.output: expected.shape}
        np.testing.assert_allclose(answer[expected.output], 1 / 1000, rtol=TOLERANCE)


@pytest.mark.parametrize("name", COMPARED)
def test_an_architecture_computes_what_onnx_runtime_computes(name: str, assets: Path) -> None:
    weights, (_, _, node, tensor) = graph(assets, name), ARCHITECTURES[name]
    layer = f"onnx_node!{node}"  # OpenCV's name for it
    ours = [answer[layer] for answer in answers(weights, layer)]
    theirs = reference(weights, tensor)
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(our, their, rtol=TOLERANCE)
    one, other = (float(numbers.max()) for numbers in theirs)
    assert abs(one - other) > 100 * TOLERANCE * abs(one), "the pictures make no difference, so nothing was compared"


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_architecture_that_opencv_cannot_import_is_refused_in_a_sentence(name: str, assets: Path) -> None:
    weights = graph(assets, name)
    with pytest.raises(EngineError) as caught:
        answers(weights)
    said = str(caught.value)
    assert said.startswith(f"{weights}: not a readable onnx network (OpenCV {cv2.__version__} fails at its node n")
    assert "it may help to export it anew" in said
    assert "\n" not in said
    assert "onnx_importer" not in said, "a sentence for people, without OpenCV's sources"
