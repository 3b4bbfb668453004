"""A Keras network with its channels first, as ONNX and OpenCV have them: without it a transposition stands around every layer."""

from __future__ import annotations

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
_OF_ROWS = frozenset({"Dense", "Softmax"})
"""Fine behind Flatten or a global pooling, where no channels are left to be moved."""


def channels_first(model: Any) -> Any | None:
    """A network that gives the same answers to (N, C, H, W), with the same weights; None where a layer of it is not known here."""
    import keras

    functional = keras.Model(model.inputs, model.outputs)
    uses = {layer["name"]: len(layer["inbound_nodes"]) for layer in functional.get_config()["layers"]}
    if not all(_is_known(layer) and uses[layer.name] <= 1 for layer in functional.layers):
        return None
    _, height, width, channels = model.inputs[0].shape
    moved = keras.models.clone_model(
        functional, clone_function=_moved, input_tensors=[keras.Input((channels, height, width))]
    )
    moved.set_weights(functional.get_weights())
    return moved


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
