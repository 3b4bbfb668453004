"""SqueezeNet 1.0 as an ONNX file, its weights read from the Caffe file through cv2 and held against cv2's own answer."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from common import MIRROR

if TYPE_CHECKING:
    import cv2
    import onnx

FIRES = range(2, 10)
POOLED_AFTER = ("conv1", "fire4", "fire8")


class _Graph:
    """Nodes and weights in the making; ``top`` is the output of the last node."""

    def __init__(self, net: "cv2.dnn.Net"):
        self._net = net
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def node(self, kind: str, inputs: list[str], output: str, **attributes: object) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def conv(self, bottom: str, name: str, kernel: int, stride: int = 1, pad: int = 0) -> str:
        """A convolution of the Caffe file, with its ReLU."""
        from onnx import numpy_helper

        weight, bias = (np.ascontiguousarray(blob, np.float32) for blob in self._net.getLayer(name).blobs)
        for part, values in (("w", weight), ("b", bias.reshape(-1))):
            self.weights.append(numpy_helper.from_array(values, f"{name}.{part}"))
        inputs = [bottom, f"{name}.w", f"{name}.b"]
        sides = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [pad] * 4}
        return self.node("Relu", [self.node("Conv", inputs, f"{name}.conv", **sides)], name)

    def pool(self, bottom: str) -> str:
        # Caffe rounds the size of a pooled map up
        return self.node("MaxPool", [bottom], f"{bottom}.pool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)

    def fire(self, bottom: str, number: int) -> str:
        name = f"fire{number}"
        squeezed = self.conv(bottom, f"{name}/conv1x1_1", 1)
        wide = [self.conv(squeezed, f"{name}/conv1x1_2", 1), self.conv(squeezed, f"{name}/conv3x3_2", 3, pad=1)]
        return self.node("Concat", wide, name, axis=1)


def write_squeezenet(path: Path) -> None:
    """Write the network; raises ValueError where it does not answer as cv2 does with the Caffe file."""
    import cv2
    import onnx
    from onnx import TensorProto, helper

    files = (str(MIRROR / f"squeezenet_v1.0_dc.{end}") for end in ("prototxt", "caffemodel"))
    caffe = cv2.dnn.readNetFromCaffe(*files)
    graph = _Graph(caffe)
    top = graph.pool(graph.conv("data", "conv1", 7, stride=2))
    for number in FIRES:
        top = graph.fire(top, number)
        if top in POOLED_AFTER:
            top = graph.pool(top)
    top = graph.conv(top, "conv_final", 1, pad=1)
    graph.node("Flatten", [graph.node("GlobalAveragePool", [top], "pool_final")], "logits", axis=1)
    data = helper.make_tensor_value_info("data", TensorProto.FLOAT, ["batch", 3, 227, 227])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1000])
    made = helper.make_graph(graph.nodes, "squeezenet", [data], [logits], graph.weights)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    _compare(caffe, path)


def _compare(caffe: "cv2.dnn.Net", path: Path) -> None:
    import onnxruntime

    blob = np.random.default_rng(1).uniform(-120, 150, (1, 3, 227, 227)).astype(np.float32)
    caffe.setInput(blob)
    wanted = caffe.forward().reshape(-1)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    apart = np.abs(session.run(None, {"data": blob})[0][0] - wanted).max() / np.abs(wanted).max()
    if apart > 1e-5:
        path.unlink()
        raise ValueError(f"SqueezeNet's ONNX form is off by {apart:.2g} of the largest logit")
    print(f"squeezenet: off by {apart:.2g} of the largest logit of the Caffe file")
