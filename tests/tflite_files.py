"""The smallest TensorFlow Lite networks: the mean of each channel of a picture, in numbers or in levels of 8 bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

TYPES = {"float32": schema.TensorType.FLOAT32, "uint8": schema.TensorType.UINT8, "int8": schema.TensorType.INT8}
TYPES["int16"] = schema.TensorType.INT16


def mean_network(
    path: Path,
    shape: tuple[int, ...] = (1, 4, 6, 3),
    dtype: str = "float32",
    quantisation: tuple[float, int] | None = None,
    axes: tuple[int, int] = (1, 2),
) -> Path:
    """Its input has the ``shape``; a quantised one has the same (step, zero point) at both ends."""
    channels = next(side for axis, side in enumerate(shape) if axis and axis not in axes)
    graph = schema.SubGraphT()
    graph.tensors = [
        _tensor("picture", shape, TYPES[dtype], 0, quantisation),
        _tensor("axes", (2,), schema.TensorType.INT32, 1, None),
        _tensor("means", (shape[0], channels), TYPES[dtype], 0, quantisation),
    ]
    mean = schema.OperatorT()
    mean.inputs, mean.outputs = [0, 1], [2]
    mean.builtinOptionsType, mean.builtinOptions = schema.BuiltinOptions.ReducerOptions, schema.ReducerOptionsT()
    graph.inputs, graph.outputs, graph.operators = [0], [2], [mean]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.MEAN
    code.version = 2
    buffers = [schema.BufferT(), schema.BufferT()]
    buffers[1].data = np.frombuffer(np.array(axes, "<i4").tobytes(), np.uint8)
    model = schema.ModelT()
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], buffers
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def _tensor(name: str, shape: tuple[int, ...], kind: int, buffer: int, quantisation: tuple[float, int] | None) -> Any:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), kind, buffer
    if quantisation is not None:
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale, tensor.quantization.zeroPoint = [quantisation[0]], [quantisation[1]]
    return tensor
