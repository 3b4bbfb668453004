"""Fill a graph whose weights were left out with random ones that behave like a trained network's.

Each layer is set after the ones before it, on photographs: He's initialisation, then batch norm (or, where there is none, the
layer itself) such that every channel has mean 0 and variance 1, so that activations neither die nor explode. The logits get
mean 0 and a spread of 3 over the photographs: the answer depends on the picture, and equal top-1 answers mean something.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx

SPREAD = 3.0
BRANCH = 0.25
"""What a residual branch adds to its shortcut: with 1 a random network of fifty layers is chaos, and bf16 guesses."""


def write_filled(light: Path, path: Path, blob: np.ndarray) -> None:
    """``light`` is a graph of ConstantOfShape weights; ``blob`` (N, C, H, W) float32 photographs as the network gets them."""
    import onnx

    _Filling(onnx.load(light), blob).write(path)


class _Filling:
    def __init__(self, model: "onnx.ModelProto", blob: np.ndarray):
        from onnx import numpy_helper

        graph = model.graph
        self._given = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        makers = {node.output[0]: node for node in graph.node if node.op_type == "ConstantOfShape"}
        self._shapes = {name: tuple(self._given[node.input[0]]) for name, node in makers.items()}
        self._shapes |= {name: values.shape for name, values in self._given.items() if name not in self._shapes}
        self._data = next(entry.name for entry in graph.input if entry.name not in self._given)
        self._output = graph.output[0].name
        self._random = np.random.default_rng(7)
        self._weights: dict[str, np.ndarray] = {}
        self._values: dict[str, np.ndarray] = {self._data: blob}
        self._nodes = [node for node in graph.node if node.op_type != "ConstantOfShape"]
        self._branches = {node.input[0] for node in self._nodes if node.op_type in ("Sum", "Add")}
        self._renamed: dict[str, str] = {}
        self._kept: list[onnx.NodeProto] = []

    def write(self, path: Path) -> None:
        """Fill layer by layer, and write what came of it."""
        import onnx
        from onnx import TensorProto, helper, numpy_helper

        height, width = self._values[self._data].shape[2:]
        for place, node in enumerate(self._nodes):
            self._add(node)
            wanted = {self._renamed.get(name, name) for later in self._nodes[place + 1 :] for name in later.input}
            self._values = {name: values for name, values in self._values.items() if name in wanted}
        data = helper.make_tensor_value_info(self._data, TensorProto.FLOAT, ["batch", 3, height, width])
        output = helper.make_tensor_value_info(self._output, TensorProto.FLOAT, ["batch", 1000])
        weights = [numpy_helper.from_array(values, name) for name, values in self._weights.items()]
        graph = helper.make_graph(self._kept, path.stem, [data], [output], weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 9)], ir_version=8)
        onnx.checker.check_model(model)
        path.write_bytes(model.SerializeToString())

    def _add(self, node: "onnx.NodeProto") -> None:
        from onnx import helper

        inputs = [self._renamed.get(name, name) for name in node.input]
        output = node.output[0]
        if node.op_type == "Dropout" or (node.op_type == "Reshape" and inputs[0] in self._shapes):
            self._renamed[output] = inputs[0]
            return
        if node.op_type == "AveragePool":  # of the whole map, though the graphs say 7x7
            node = helper.make_node("GlobalAveragePool", inputs, [output])
        elif node.op_type == "Reshape":  # to one picture
            node = helper.make_node("Flatten", inputs[:1], [output], axis=1)
        else:
            node = _copy(node, inputs)
        self._fill(node)
        self._kept.append(node)
        self._values[output] = self._run(node)

    def _fill(self, node: "onnx.NodeProto") -> None:
        if node.op_type == "BatchNormalization":
            inputs = self._values[node.input[0]]
            statistics = inputs.mean((0, 2, 3)), inputs.var((0, 2, 3))
            scale = np.full_like(statistics[0], BRANCH if node.output[0] in self._branches else 1.0)
            for name, values in zip(node.input[1:], (scale, np.zeros_like(scale), *statistics), strict=True):
                self._weights[name] = values.astype(np.float32)
        elif node.op_type in ("Conv", "Gemm"):
            self._fill_linear(node)

    def _fill_linear(self, node: "onnx.NodeProto") -> None:
        shape = self._shapes[node.input[1]]
        if node.op_type == "Gemm":
            shape = (shape[-2], shape[-1])
        weight = self._random.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape).astype(np.float32)
        self._weights[node.input[1]] = weight
        if len(node.input) < 3:
            return
        self._weights[node.input[2]] = np.zeros(shape[0], np.float32)
        made = self._run(node)
        axes = tuple(axis for axis in range(made.ndim) if axis != 1)
        scale = (SPREAD if node.op_type == "Gemm" else 1.0) / (made.std(axes) + 1e-6)
        self._weights[node.input[1]] = (weight * scale.reshape(-1, *[1] * (len(shape) - 1))).astype(np.float32)
        self._weights[node.input[2]] = (-made.mean(axes) * scale).astype(np.float32)

    def _run(self, node: "onnx.NodeProto") -> Any:
        """What the node puts out for the photographs."""
        import onnxruntime
        from onnx import TensorProto, helper, numpy_helper

        values = {name: self._values[name] for name in node.input if name in self._values}
        infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, array.shape) for name, array in values.items()]
        weights = [numpy_helper.from_array(self._weights[name], name) for name in node.input if name in self._weights]
        made = helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, None)
        graph = helper.make_graph([node], "one", infos, [made], weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 9)], ir_version=8)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        return session.run(None, values)[0]


def _copy(node: "onnx.NodeProto", inputs: list[str]) -> "onnx.NodeProto":
    import onnx

    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    copy.input[:] = inputs
    return copy
