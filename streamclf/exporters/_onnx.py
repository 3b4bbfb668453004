"""A network in PyTorch as an ONNX file that OpenCV reads right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from streamclf.errors import ModelFileError
from streamclf.exporters._frameworks import first_line, quiet


def write_onnx(network: Any, example: Any, path: Path, name: str, open_batch: bool = True) -> None:
    """An eager ``torch.nn.Module`` or a ``torch.export.ExportedProgram`` as one ONNX file; ``example`` is a batch of two inputs.

    Raises:
        ModelFileError: PyTorch cannot.
    """
    import torch

    shapes: Any = ({0: torch.export.Dim.DYNAMIC},) if open_batch else None
    try:
        with quiet(), torch.no_grad():
            program = torch.onnx.export(
                network,
                (example,),
                dynamo=True,
                input_names=["input"],
                output_names=["output"],
                dynamic_shapes=shapes,
                verbose=False,
            )
            if any(node.op_type == "AveragePool" for node in program.model.graph):
                _write_pools(program.model_proto, path)
            else:
                program.save(str(path), external_data=False)
    except Exception as error:  # whatever an exporter meets in a network that nobody has seen
        if isinstance(error, OSError) and error.errno is not None:
            raise ModelFileError(f"{path}: cannot be written ({error.strerror or error})") from error
        batch = ", with any number of pictures at once" if open_batch else ""
        raise ModelFileError(f"{name}: PyTorch cannot write it as ONNX{batch} ({first_line(error)})") from error


def _write_pools(model: Any, path: Path) -> None:
    """Write ``model`` with every average that leaves the border out (``count_include_pad = 0``) taken apart.

    OpenCV counts the border's zeros in networks of PyTorch, whatever the attribute says (4.10 to 4.14, seen in InceptionV3). So the border
    is added before, the average knows nothing of it, and what the zeros took away is multiplied back.
    """
    import onnx

    graph = model.graph
    sizes = {
        each.name: [side.dim_value for side in each.type.tensor_type.shape.dim]
        for each in (*graph.value_info, *graph.input, *graph.output)
    }
    nodes = []
    for number, node in enumerate(graph.node):
        parts = _taken_apart(node, sizes.get(node.input[0], []) if node.input else [], f"pool_{number}")
        if parts is None:
            nodes.append(node)
        else:
            nodes += parts[0]
            graph.initializer.extend(parts[1])
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.save(model, str(path))


def _taken_apart(node: Any, size: Sequence[int], prefix: str) -> tuple[list[Any], list[Any]] | None:
    """The nodes and the constants in the place of an average pooling of (N, C, H, W); None where it can stay."""
    import numpy as np
    from onnx import helper, numpy_helper

    if node.op_type != "AveragePool":
        return None
    said = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    pads = list(said.get("pads", ()))
    plain = not said.get("ceil_mode", 0) and set(said.get("dilations", (1,))) == {1}
    if not any(pads) or said.get("count_include_pad", 0) or not plain or len(size) != 4 or not all(size[2:]):
        return None
    kernel = said["kernel_shape"]
    strides = said.get("strides", [1, 1])
    shares = []
    for axis in range(2):
        before, after, length = pads[axis], pads[axis + 2], size[axis + 2]
        starts = np.arange((length + before + after - kernel[axis]) // strides[axis] + 1) * strides[axis] - before
        shares.append((np.minimum(starts + kernel[axis], length) - np.maximum(starts, 0)) / kernel[axis])
    back = (1 / np.outer(*shares)).astype(np.float32)[None, None]
    wide = [0, 0, *pads[:2], 0, 0, *pads[2:]]
    constants = [
        numpy_helper.from_array(np.array(wide, np.int64), f"{prefix}_border"),
        numpy_helper.from_array(back, f"{prefix}_share"),
    ]
    nodes = [
        helper.make_node("Pad", [node.input[0], f"{prefix}_border"], [f"{prefix}_wide"], mode="constant"),
        helper.make_node("AveragePool", [f"{prefix}_wide"], [f"{prefix}_mean"], kernel_shape=kernel, strides=strides),
        helper.make_node("Mul", [f"{prefix}_mean", f"{prefix}_share"], [node.output[0]]),
    ]
    return nodes, constants
