"""What a user says of a network without a card: every such option once. The command line derives its own from here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from streamclf.catalogue.card import ChannelOrder, Framework, LabelFormat
from streamclf.errors import ConfigError
from streamclf.frame import FitMode, Interpolation
from streamclf.prediction import BoxLayout
from streamclf.wording import complaint, shown


class Gap(ConfigError):
    """Something only the user can know. ``option`` is what to give; ``question`` asks for it, ``choices`` are all there are, or
    none."""

    def __init__(self, message: str, option: str, question: str, choices: Mapping[str, str] | None = None):
        super().__init__(message)
        self.option, self.question, self.choices = option, question, choices or {}


def _number(text: str) -> float:
    above, slash, below = text.partition("/")
    return float(above) / float(below) if slash else float(text)


def _numbers(value: object) -> object:
    """``0.485,0.456,0.406``, ``104 117 123``, or one number for every channel; parts may be fractions, 1/255."""
    if not isinstance(value, str):
        return value
    try:
        numbers = tuple(_number(part) for part in re.split(r"[,;\s]+", value.strip().strip("()[]")) if part)
    except (ValueError, ZeroDivisionError):
        numbers = ()
    if len(numbers) not in (1, 3):
        raise ValueError("is not one number, or three separated by commas")
    return numbers


def _scale(value: object) -> object:
    if isinstance(value, str):
        try:
            return _number(value)
        except (ValueError, ZeroDivisionError):
            raise ValueError("is no number; 0.0039 and 1/255 are") from None
    return value


def _size(value: object) -> object:
    match = re.fullmatch(r"(\d{1,5})(?:[xX](\d{1,5}))?", value) if isinstance(value, str) else None
    if isinstance(value, str) and not match:
        raise ValueError("is not WIDTHxHEIGHT, for example 224x224")
    return (int(match[1]), int(match[2] or match[1])) if match else value


Side = Annotated[int, Field(ge=1, le=4096)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class NetworkOptions(BaseModel):
    """What a user says of a network that has no card. None: not said. ``metavar`` is for the command line's help."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: Path | None = Field(
        None,
        description="A network without a card: its weights (.onnx, .caffemodel, .pb, .t7, .weights, .tflite).",
        json_schema_extra={"metavar": "FILE"},
    )
    config: Path | None = Field(
        None,
        description="Its definition, where it has one: .prototxt, .cfg or .pbtxt; looked for beside the weights.",
        json_schema_extra={"metavar": "FILE"},
    )
    framework: Framework | None = Field(None, description="Only where the file's ending does not tell it.")
    preset: Literal["imagenet-torch", "imagenet-caffe", "imagenet-tf", "yolo", "ssd"] | None = Field(
        None,
        description="How pictures are prepared, and for detectors what comes out; the options below change parts of it.",
    )
    size: Annotated[tuple[Side, Side] | None, BeforeValidator(_size)] = Field(
        None, description="Size of its input, where the file does not tell it.", json_schema_extra={"metavar": "WxH"}
    )
    channels: ChannelOrder | None = Field(None, description="Channels that it wants, and their order.")
    scale: Annotated[Positive | None, BeforeValidator(_scale)] = Field(
        None,
        description="It gets (x * SCALE - MEAN) / STD for each x in 0..255; 1/255 may be written so.",
        json_schema_extra={"metavar": "SCALE"},
    )
    mean: Annotated[tuple[Finite, ...] | None, BeforeValidator(_numbers)] = Field(
        None,
        description="One number, or one a channel in the order of --channels: 0.485,0.456,0.406.",
        json_schema_extra={"metavar": "MEAN"},
    )
    std: Annotated[tuple[Positive, ...] | None, BeforeValidator(_numbers)] = Field(
        None, description="The same for what is divided by.", json_schema_extra={"metavar": "STD"}
    )
    fit: FitMode | None = Field(None, description="How a picture is brought to that size.")
    crop_fraction: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None,
        description="With --fit centre_crop: 0.875 is 'short side 256, middle 224'.",
        json_schema_extra={"metavar": "F"},
    )
    interpolation: Interpolation | None = Field(None, description="How it is resized.")
    layout: Literal["NCHW", "NHWC"] | None = Field(
        None, description="Order of the input's axes, where the file does not tell it."
    )
    labels: str | None = Field(
        None,
        description="Names of the classes: a file, or a list of the catalogue (imagenet-1000, imagenet-1000-darknet, coco-80, "
        "voc-20).",
        json_schema_extra={"metavar": "FILE|LIST"},
    )
    label_format: LabelFormat | None = Field(
        None, description="Of that file: a name a line, 'n01440764 tench', or '0:tench'; recognised if not given."
    )
    background: Annotated[int, Field(ge=0, le=1000)] | None = Field(
        None, description="How many leading numbers are no class.", json_schema_extra={"metavar": "N"}
    )
    output_layer: str | None = Field(
        None, description="Which output, where it has several.", json_schema_extra={"metavar": "NAME"}
    )
    boxes: BoxLayout | None = Field(None, description="It is a detector, and writes its boxes so.")

    @property
    def said(self) -> dict[str, Any]:
        """The options that were given, by name."""
        return {name: value for name in type(self).model_fields if (value := getattr(self, name)) is not None}

    def also(self, name: str, value: object) -> NetworkOptions:
        """The same options and one more; raises :class:`ConfigError`."""
        return network_options({**self.said, name: value})


def option_name(field_name: str) -> str:
    """``label_format`` to ``--label-format``."""
    return f"--{field_name.replace('_', '-')}"


def network_options(values: Mapping[str, Any]) -> NetworkOptions:
    """Check ``values`` (None: not given); raises :class:`ConfigError` naming the option."""
    try:
        return NetworkOptions.model_validate({name: value for name, value in values.items() if value is not None})
    except ValidationError as problem:
        fault = problem.errors()[0]
        name = option_name(str(fault["loc"][0])) if fault["loc"] else "an option"
        raise ConfigError(f"{name} {shown(fault['input'])}: {complaint(fault)}") from None
