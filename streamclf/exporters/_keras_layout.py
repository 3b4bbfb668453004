"""How a Keras network is laid out: its layers turned to channels first, and those that prepare its pictures.

ONNX and OpenCV have channels first; without the turn a transposition stands around every layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_PLAIN = frozenset(
    {
        "InputLayer",
        "Activation",
        "ReLU",
        "LeakyReLU",
        "ELU",
        "Dropout",
        "Add",
        "Subtract",
        "Multiply",
        "Average",
        "Maximum",
    }
)
"""They treat every number alike, wherever it stands."""
_SPATIAL = frozenset(
    {
        "Conv2D",
        "DepthwiseConv2D",
        "SeparableConv2D",
        "MaxPooling2D",
        "AveragePooling2D",
        "GlobalAveragePooling2D",
        "GlobalMaxPooling2D",
        "ZeroPadding2D",
        "Cropping2D",
        "UpSampling2D",
        "SpatialDropout2D",
        "Flatten",
    }
)
"""They have a ``data_format``; Flatten hands on the same order of numbers in both."""
_ALONG_AN_AXIS = frozenset({"BatchNormalization", "Concatenate"})
_ARITHMETIC = frozenset({"Add", "Divide", "Multiply", "Subtract", "TrueDivide"})
_OF_ROWS = frozenset({"Dense", "Softmax"})
"""Fine behind Flatten or a global pooling, where no channels are left to be moved."""


def channels_first(model: Any) -> Any | None:
    """A network that gives the same answers to (N, C, H, W), with the same weights; None where a layer of it is not known here."""
    import keras

    functional = keras.Model(model.inputs, model.outputs)
    parts = functional.get_config()["layers"]
    uses = {part["name"]: len(part["inbound_nodes"]) for part in parts}
    layers = {layer.name for layer in functional.layers}
    if not all(_has_no_axis(part) for part in parts if part["name"] not in layers):
        return None
    if not all(_is_known(layer) and uses[layer.name] <= 1 for layer in functional.layers):
        return None
    _, height, width, channels = model.inputs[0].shape
    moved = keras.models.clone_model(
        functional, clone_function=_moved, input_tensors=[keras.Input((channels, height, width))]
    )
    moved.set_weights(functional.get_weights())
    return moved


def own_preparation(model: Any) -> str | None:
    """What in a network prepares pictures of levels, "a Rescaling layer"; None where nothing does.

    That is a layer made for it, or arithmetic with constants (Keras' ``preprocess_input``), on something that still is a picture.
    """
    import keras

    for operation in _operations(model):
        if isinstance(operation, keras.layers.Rescaling) and _is_picture(operation):
            return "a Rescaling layer"
        if isinstance(operation, keras.layers.Normalization) and _is_picture(operation) and _of_levels(operation):
            return "a Normalization layer"
        if (
            not isinstance(operation, keras.Layer)
            and type(operation).__name__ in _ARITHMETIC
            and _is_picture(operation)
        ):
            return "arithmetic before its first layer, as preprocess_input writes it"
    return None


def _operations(model: Any) -> Iterator[Any]:
    """Every layer and every bare operation, those of networks inside it too."""
    layers = list(getattr(model, "layers", ())) or [
        each for each in [getattr(model, "layer", None)] if each is not None
    ]
    bare = [each for each in getattr(model, "operations", ()) if each not in layers]
    for each in (*layers, *bare):
        yield each
        yield from _operations(each)


def _is_picture(operation: Any) -> bool:
    """Whether it puts out pictures of 1 or 3 channels, as far as it says."""
    try:
        shape = tuple(operation.output.shape)
    except (AttributeError, ValueError):  # used several times, or never
        return True
    return len(shape) == 4 and shape[-1] in (1, 3)


def _of_levels(normalization: Any) -> bool:
    """Whether its means are of levels 0 to 255; means up to 1 are of pictures that somebody scaled before."""
    import keras

    mean = getattr(normalization, "mean", None)
    return mean is None or float(keras.ops.max(keras.ops.abs(mean))) > 1


def _is_known(layer: Any) -> bool:
    kind = type(layer).__name__
    if not type(layer).__module__.startswith("keras.") or kind not in _PLAIN | _SPATIAL | _ALONG_AN_AXIS | _OF_ROWS:
        return False
    if kind == "InputLayer":
        return True
    if kind in _OF_ROWS:
        return bool(len(layer.output.shape) == 2)
    if kind == "Activation":
        return str(layer.get_config()["activation"]) not in ("softmax", "log_softmax", "glu")  # which have an axis
    return bool(layer.get_config().get("data_format", "channels_last") == "channels_last")


def _has_no_axis(part: Mapping[str, Any]) -> bool:
    """Whether a bare operation, as a network's config has it, is arithmetic of tensors of one shape and plain numbers, used once."""
    if part["class_name"] not in _ARITHMETIC or len(part["inbound_nodes"]) != 1:
        return False
    said = part["inbound_nodes"][0]
    given = [*said["args"], *said["kwargs"].values()]
    tensors = [each for each in given if isinstance(each, dict) and each.get("class_name") == "__keras_tensor__"]
    numbers = [each for each in given if isinstance(each, (int, float))]
    shapes = {tuple(tensor["config"]["shape"]) for tensor in tensors}
    return len(tensors) + len(numbers) == len(given) and len(shapes) == 1


def _moved(layer: Any) -> Any:
    config, kind = layer.get_config(), type(layer).__name__
    if "data_format" in config:
        config["data_format"] = "channels_first"
    if kind in _ALONG_AN_AXIS and len(layer.output.shape) == 4:
        axis = config["axis"]
        config["axis"] = {1: 2, 2: 3, 3: 1, -1: 1}[axis[0] if isinstance(axis, list) else axis]
        if kind == "BatchNormalization" and config["axis"] == 1:
            return _norm().from_config(config)
    return type(layer).from_config(config)


def _norm() -> Any:
    """Batch normalisation as PyTorch's own operator, which an exporter knows and folds into the convolution before it; Keras writes
    three out."""
    import keras
    import torch

    class Norm(keras.layers.BatchNormalization):  # type: ignore[misc]
        def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
            gamma, beta = (getattr(self, name, None) for name in ("gamma", "beta"))
            return torch.nn.functional.batch_norm(
                inputs,
                self.moving_mean.value,
                self.moving_variance.value,
                None if gamma is None else gamma.value,
                None if beta is None else beta.value,
                training=False,
                eps=self.epsilon,
            )

    return Norm
