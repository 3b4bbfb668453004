"""TensorFlow's frozen graphs through TensorFlow itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

MADE_BY = f"TensorFlow {tf.__version__}"


def run(weights: Path, x: np.ndarray, names: list[str] | None = None) -> list[np.ndarray]:
    """The outputs ``names``, or the last node's, for a picture (1, C, H, W): TensorFlow wants the channels last."""
    graph_def = tf.compat.v1.GraphDef()
    graph_def.ParseFromString(weights.read_bytes())
    _mend(graph_def)
    start = next(node.name for node in graph_def.node if node.op == "Placeholder")
    names = names or [graph_def.node[-1].name]
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
        with tf.compat.v1.Session(graph=graph) as session:
            return session.run([f"{name}:0" for name in names], {f"{start}:0": x.transpose(0, 2, 3, 1)})


def _mend(graph_def: Any) -> None:
    """Weights of 8 bits that are all the same become floats here: TensorFlow divides by their range, which is
    then next to nothing, and gives NaN.
    """
    nodes = {node.name: node for node in graph_def.node}
    for node in graph_def.node:
        if node.op != "Dequantize":
            continue
        levels, least, most = (tf.make_ndarray(nodes[name].attr["value"].tensor) for name in node.input)
        if most - least < 1e-30:
            node.CopyFrom(tf.compat.v1.NodeDef(name=node.name, op="Const"))
            node.attr["dtype"].type = tf.float32.as_datatype_enum
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.full(levels.shape, least, np.float32)))
