"""Caffe's networks of convolutions, poolings and concatenations in plain numpy, from their .prototxt and .caffemodel."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scripts.other_engines import NotKnown
from scripts.other_engines.layers import convolution, max_pool, mean_pool, softmax
from scripts.other_engines.protobuf import Message, fields, numbers, text_message

MADE_BY = f"numpy {np.__version__} (scripts/other_engines/caffe.py)"

# Numbers of fields in caffe.proto.
NET_LAYER, LAYER_NAME, LAYER_BLOBS, BLOB_DATA, BLOB_SHAPE, SHAPE_DIM = 100, 1, 7, 5, 7, 1


def run(config: Path, weights: Path, x: np.ndarray) -> np.ndarray:
    """(1, 3, H, W) to the numbers of the last layer."""
    blobs = _blobs(weights)
    net = text_message(config.read_text())
    tops = {net["input"][0]: x[0]}
    for layer in net["layer"]:
        bottoms = [tops[name] for name in layer["bottom"]]
        x = _layer(layer, bottoms, blobs.get(layer["name"][0], []))
        tops[layer["top"][0]] = x
    return x.ravel()


def _layer(layer: Message, bottoms: list[np.ndarray], blobs: list[np.ndarray]) -> np.ndarray:
    kind, x = layer["type"][0], bottoms[0]
    if kind == "Convolution":
        said = layer["convolution_param"][0]
        stride, pad, groups = (
            int(said.get(key, [default])[0]) for key, default in (("stride", 1), ("pad", 0), ("group", 1))
        )
        return convolution(x, blobs[0], blobs[1].ravel(), stride, pad, groups)
    if kind == "Pooling":
        return _pooling(x, layer["pooling_param"][0])
    if kind == "ReLU":
        return np.maximum(x, 0)
    if kind == "Concat":
        return np.concatenate(bottoms)
    if kind == "Softmax":
        return softmax(x.ravel())
    if kind == "Dropout":
        return x
    raise NotKnown(f"the layer {kind!r} is not known here")


def _pooling(x: np.ndarray, said: Message) -> np.ndarray:
    if said["pool"][0] == "AVE":
        if said.get("global_pooling") != ["true"] and int(said["kernel_size"][0]) != x.shape[1]:
            raise NotKnown("a mean of parts is not known here")
        return mean_pool(x)
    size, stride, pad = (
        int(said.get(key, [default])[0]) for key, default in (("kernel_size", 0), ("stride", 1), ("pad", 0))
    )
    # Caffe rounds the number of windows up: the last ones reach beyond the picture.
    windows = -(-(x.shape[1] + 2 * pad - size) // stride) + 1
    return max_pool(x, size, stride, pad, (windows - 1) * stride + size - x.shape[1] - pad)


def _blobs(weights: Path) -> dict[str, list[np.ndarray]]:
    """Each layer's numbers, by its name."""
    found = {}
    for number, layer in fields(weights.read_bytes()):
        if number == NET_LAYER:
            parts = list(fields(layer))
            name = next(value for field, value in parts if field == LAYER_NAME).decode()
            found[name] = [_blob(value) for field, value in parts if field == LAYER_BLOBS]
    return found


def _blob(data: bytes) -> np.ndarray:
    parts = list(fields(data))
    values = np.frombuffer(b"".join(value for field, value in parts if field == BLOB_DATA), "<f4")
    shapes = [value for field, value in parts if field == BLOB_SHAPE]
    if shapes:
        shape = [side for field, sides in fields(shapes[0]) if field == SHAPE_DIM for side in numbers(sides)]
    else:  # the older form: num, channels, height, width
        shape = [value for field, value in sorted((f, v) for f, v in parts if f in (1, 2, 3, 4))]
    return values.reshape(shape)
