"""Keras' networks: those of ``keras.applications``, and ``.keras`` and ``.h5`` files. Always on PyTorch, which also writes the ONNX.

All six networks here can be exported so, and nobody needs TensorFlow. What they put out is logits: a softmax at the end is left to
streamclf, so that a difference cannot hide in what a softmax makes flat.
"""

from __future__ import annotations

import difflib
import importlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamclf.errors import ConfigError, EngineError, ModelFileError
from streamclf.exporters._frameworks import (
    as_input,
    check_classes,
    check_installed,
    first_line,
    quiet,
    refuse_sigmoid,
    rows_of,
)
from streamclf.exporters._onnx import write_onnx

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from streamclf.catalogue.card import InputSpec
    from streamclf.engine import FloatArray
    from streamclf.frame import Image

ENDINGS = (".keras", ".h5", ".hdf5")
SPREAD = 3.0
"""Standard deviation of an untrained network's logits after it was seeded: far above rounding, and far from flat."""

_CAFFE = {"channels": "bgr", "mean": "103.939,116.779,123.68"}
_MINUS_1_TO_1 = {"channels": "rgb", "scale": "1/127.5", "mean": "1"}


@dataclass(frozen=True, slots=True)
class Application:
    """A network of ``keras.applications``: its module, its function there, its side, and how its pictures are prepared."""

    module: str
    function: str
    side: int
    arithmetic: Mapping[str, str]


APPLICATIONS: Mapping[str, Application] = {
    "vgg16": Application("vgg16", "VGG16", 224, _CAFFE),
    "vgg19": Application("vgg19", "VGG19", 224, _CAFFE),
    "resnet50": Application("resnet50", "ResNet50", 224, _CAFFE),
    "inceptionv3": Application("inception_v3", "InceptionV3", 299, _MINUS_1_TO_1),
    "xception": Application("xception", "Xception", 299, _MINUS_1_TO_1),
    "mobilenetv2": Application("mobilenet_v2", "MobileNetV2", 224, _MINUS_1_TO_1),
}


class KerasNetwork:
    """``given`` is one of ``APPLICATIONS`` or a file; ``weights`` ("imagenet", "none" or a file; None: "imagenet") and ``seed`` are for
    the former.

    Raises:
        EngineError: the extra is not installed, or Keras is in use with another backend.
        ConfigError: there is no such network.
        ModelFileError: the file is no network of Keras' own layers.
    """

    def __init__(self, given: str, weights: str | None = None, seed: int = 1):
        self.name, self._given, self._seed = f"keras:{given}", given, seed
        self.found: tuple[str, ...] = ()
        self.note: str | None = None
        self.prepares_itself: str | None = None
        self.had_softmax = True  # Keras' own networks have one, and are built without it
        self._model: Any = None
        self.application = APPLICATIONS.get(given.lower())
        path = Path(given).expanduser()
        if self.application is None and path.suffix.lower() not in ENDINGS and not path.is_file():
            near = difflib.get_close_matches(given.lower().replace("-", ""), APPLICATIONS, n=3, cutoff=0.5)
            hint = f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(APPLICATIONS)}"
            raise ConfigError(
                f"{self.name}: no such network, and no file; {hint} (or a file that ends in .keras or .h5)"
            )
        if self.application is None:
            self._of_file(path, weights)
        else:
            self._of_application(self.application, weights)
        import keras

        self.made_by = f"Keras {keras.__version__}"

    def _of_application(self, application: Application, weights: str | None) -> None:
        self._weights = weights or "imagenet"
        if self._weights not in ("imagenet", "none") and not Path(self._weights).expanduser().is_file():
            raise ConfigError(
                f"--weights {self._weights}: must be imagenet, none, or a file, and there is no such file"
            )
        _import_keras(self.name)
        self.plain_name = application.function.lower()
        self.classes: int | None = 1000
        self.known: Mapping[str, Any] = {
            "size": f"{application.side}x{application.side}",
            "fit": "stretch",
            "labels": "imagenet-1000",
            **application.arithmetic,
        }
        if self._weights == "none":
            self.note = f"untrained, seed {self._seed}: its answers mean nothing"
            self.found = (self.note,)

    def _of_file(self, path: Path, weights: str | None) -> None:
        from streamclf.exporters._keras_file import check_file, read_keras
        from streamclf.exporters._keras_layout import own_preparation

        if weights is not None:
            raise ConfigError(f"--weights {weights}: {self._given} has weights of its own; leave it out")
        check_file(path)
        _import_keras(self.name)
        self._weights, self.plain_name = str(path), path.stem
        self._model = read_keras(path)
        height_width, channels = _input_of(self._model, self.name)
        self.prepares_itself = own_preparation(self._model)
        self._model, self.had_softmax = _without_softmax(self._model, self.name)
        self.classes = self._model.outputs[0].shape[-1]
        size = {"size": f"{height_width[1]}x{height_width[0]}"} if None not in height_width else {}
        self.known = size | ({"channels": "grey"} if channels == 1 else {})

    def prepare(self, spec: InputSpec, pictures: Sequence[Image]) -> None:
        """See :class:`~streamclf.exporter.SourceNetwork`."""
        import numpy as np

        self._spec = spec
        if self._model is None:
            assert self.application is not None
            self._model = self._built(self.application)
            if self._weights == "none":
                self._spread(np.stack(pictures))
        check_classes(self.answers(np.stack(pictures)), self.name)

    def write(self, path: Path) -> None:
        """See :class:`~streamclf.exporter.SourceNetwork`."""
        import torch

        from streamclf.exporters._keras_layout import channels_first

        spec = self._spec
        moved = channels_first(self._model)
        shape = (2, spec.height, spec.width, spec.channel_count)
        example = torch.zeros(shape if moved is None else (shape[0], shape[3], shape[1], shape[2]))
        write_onnx(_eager(moved or self._model), example, path, self.name)

    def answers(self, fitted: npt.NDArray[np.uint8]) -> FloatArray:
        """See :class:`~streamclf.exporter.SourceNetwork`. Keras' own networks get what their ``preprocess_input`` makes of a picture."""
        import torch

        ready = self._preprocessed(fitted)
        try:
            with quiet(), torch.no_grad():
                output = self._model(torch.from_numpy(ready), training=False)
        except Exception as error:  # any fault of the user's own network
            side = f"{self._spec.width}x{self._spec.height}"
            raise ModelFileError(f"{self.name}: does not run on pictures of {side} ({first_line(error)})") from error
        return rows_of(output, len(fitted), self.name)

    def _preprocessed(self, fitted: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        import numpy as np

        if self.application is None:
            return as_input(fitted, self._spec)
        home = importlib.import_module(f"keras.applications.{self.application.module}")
        return np.ascontiguousarray(home.preprocess_input(fitted[..., ::-1].astype(np.float32)), np.float32)

    def _built(self, application: Application) -> Any:
        import keras

        make = getattr(keras.applications, application.function)
        keras.utils.set_random_seed(self._seed)
        weights = None if self._weights == "none" else self._weights
        try:
            with quiet():
                return make(weights=weights, classifier_activation=None)
        except Exception as error:  # the network, the disk, or a file of other weights
            if weights == "imagenet":
                raise ModelFileError(
                    f"{self.name}: Keras cannot fetch its ImageNet weights ({first_line(error)}); try again with a network, or give "
                    "them with --weights FILE"
                ) from error
            raise ModelFileError(
                f"{weights}: are no weights of {self._given} with its 1000 classes ({first_line(error)})"
            ) from error

    def _spread(self, fitted: npt.NDArray[np.uint8]) -> None:
        """Let an untrained network answer differently to different pictures; otherwise all answers are alike, and any mistake would pass.

        The statistics of its batch norms become those of ``fitted``, and its last layer is scaled and shifted so that over these pictures
        each class has the mean 0, and all logits the standard deviation ``SPREAD``.
        """
        import keras
        import torch

        norms = [layer for layer in self._model.layers if isinstance(layer, keras.layers.BatchNormalization)]
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.momentum = 0.0
            if norm.center:
                # Most numbers then pass the ReLU. Cut in half at each one, a random network is chaotic: a level more or less in the
                # picture, or another rounding, changes the answer by as much as another picture does.
                norm.beta.assign(keras.ops.ones_like(norm.beta))
        with quiet(), torch.no_grad():
            self._model(torch.from_numpy(self._preprocessed(fitted)), training=True)
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        last = self._model.layers[-1]
        rows = self.answers(fitted)
        scale = SPREAD / float((rows - rows.mean(axis=0)).std())
        last.kernel.assign(last.kernel * scale)
        last.bias.assign(-rows.mean(axis=0) * scale)


def _import_keras(name: str) -> None:
    """Keras on PyTorch, channels last whatever the user's own settings say."""
    check_installed(name, "keras")
    before = os.environ.get("KERAS_BACKEND")
    os.environ["KERAS_BACKEND"] = "torch"
    try:
        with quiet():
            import keras
    except ImportError as error:
        raise EngineError(
            f'{name}: Keras cannot be loaded ({first_line(error)}); pip install --upgrade "streamclf[keras]"'
        ) from error
    finally:
        if before is not None:
            os.environ["KERAS_BACKEND"] = before
    if keras.config.backend() != "torch":
        raise EngineError(
            f"{name}: Keras is already in use with {keras.config.backend()}; export in a process of its own"
        )
    keras.config.set_image_data_format("channels_last")


def _input_of(model: Any, name: str) -> tuple[tuple[int | None, int | None], int]:
    """((height, width), channels) of the only input; raises ModelFileError where it takes no pictures, channels last."""
    try:
        shapes = [tuple(each.shape) for each in model.inputs]
        outputs = len(model.outputs)
    except (AttributeError, ValueError, TypeError):
        shapes, outputs = [], 0
    if not shapes:
        raise ModelFileError(
            f"{name}: does not say what it takes and puts out; give it an input (keras.Input) and save it anew"
        )
    if len(shapes) != 1 or outputs != 1:
        raise ModelFileError(f"{name}: has {len(shapes)} inputs and {outputs} outputs; streamclf takes one of each")
    if len(shapes[0]) != 4 or shapes[0][3] not in (1, 3):
        raise ModelFileError(f"{name}: takes {shapes[0]}; streamclf gives pictures, (None, height, width, 1 or 3)")
    return (shapes[0][1], shapes[0][2]), shapes[0][3]


def _without_softmax(model: Any, name: str) -> tuple[Any, bool]:
    """The network up to its logits, and whether a softmax was taken off; raises ModelFileError where it does not put out a row of classes, one class a picture."""
    import keras

    shape = tuple(model.outputs[0].shape)
    if len(shape) != 2:
        raise ModelFileError(
            f"{name}: puts out {shape}, and should put out a row of classes for each picture, (None, classes); is its head cut off "
            "(include_top=False)?"
        )
    if shape[1] == 1:
        raise ModelFileError(
            f"{name}: puts out one number for a picture; streamclf needs one for each class, so two for yes and no"
        )
    # What made the output, and not the last of the layers: arithmetic that is no layer may stand behind that one.
    last = model.outputs[0]._keras_history.operation
    activation = getattr(getattr(last, "activation", None), "__name__", None)
    if activation == "sigmoid":
        refuse_sigmoid(name)
    uses = {
        layer["name"]: len(layer["inbound_nodes"])
        for layer in keras.Model(model.inputs, model.outputs).get_config()["layers"]
    }
    if uses.get(last.name) != 1:  # the same layer stands elsewhere, too, where its softmax has to stay
        return model, False
    if isinstance(last, keras.layers.Softmax) and last.axis in (-1, 1):
        return keras.Model(model.inputs, last.input), True
    if activation == "softmax" and isinstance(last, keras.layers.Activation):
        return keras.Model(model.inputs, last.input), True
    if activation == "softmax" and isinstance(last, keras.layers.Dense):
        last.activation = keras.activations.linear
        return model, True
    return model, False


def _eager(model: Any) -> Any:
    """The network as PyTorch's exporter wants it: a module of one argument that does not train."""
    import torch

    class Answering(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, pictures: Any) -> Any:
            return self.model(pictures, training=False)

    return Answering().eval()
