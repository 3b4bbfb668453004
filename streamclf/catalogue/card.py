"""A model card: everything there is to know about a network, read from ``card.toml``.

What reaches the network is, for each pixel and channel, ``(x * scale - mean) / std`` with x in 0..255; ``mean`` and ``std`` are
in the card's own channel order. A published "mean 104 117 123, no scaling" is ``scale = 1``; "x/255, mean .485" is
``scale = 0.00392156862745098``.
"""

from __future__ import annotations

import difflib
import json
import tomllib
import typing
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from streamclf.errors import CardError
from streamclf.frame import FitMode, FitPlan, Interpolation, overview_columns
from streamclf.prediction import BoxLayout
from streamclf.wording import complaint, matching, shown

SCHEMA = 1
CARD_NAME = "card.toml"

Task: TypeAlias = Literal["classification", "detection"]
Framework: TypeAlias = Literal["caffe", "tensorflow", "torch", "darknet", "onnx", "tflite"]
FileRole: TypeAlias = Literal["weights", "config"]
ChannelOrder: TypeAlias = Literal["bgr", "rgb", "grey"]
LabelFormat: TypeAlias = Literal["lines", "synset", "indexed"]

# A name that stays inside its folder on every system.
PlainName: TypeAlias = Annotated[
    str,
    Field(max_length=200),
    matching(r"(?!\.{1,2}$)[^/\\:\x00-\x1f]+", "must be a plain file name, without a folder"),
]
ModelName: TypeAlias = Annotated[
    str,
    Field(max_length=100),
    matching(
        r"[a-z0-9][a-z0-9._-]*", "must be of small letters, digits and . _ - only, and begin with a letter or digit"
    ),
]
Positive: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Finite: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]
Percent: TypeAlias = Annotated[float, Field(ge=0, le=100)]
Share: TypeAlias = Annotated[float, Field(gt=0, le=1)]
Side: TypeAlias = Annotated[int, Field(ge=1, le=4096)]

NEEDS_CONFIG = ("caffe", "darknet")
"""Frameworks whose network is two files: the definition and the weights."""
_MAY_CONFIG = (*NEEDS_CONFIG, "tensorflow")
_TASK_KEYS: dict[Task, tuple[str, ...]] = {
    "classification": ("softmax",),
    "detection": ("boxes", "threshold", "overlap"),
}
"""What [output] has to say for one task, and may not for another."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class CardFile(_Part):
    """One file of the network. At least one digest; ``url`` only where it is public, ``bytes`` only where its size is known."""

    role: FileRole
    name: PlainName
    bytes: Annotated[int, Field(gt=0)] | None = None
    sha256: Annotated[str, matching("[0-9a-f]{64}", "must be 64 digits of 0-9 and a-f")] | None = None
    sha1: Annotated[str, matching("[0-9a-f]{40}", "must be 40 digits of 0-9 and a-f")] | None = None
    url: Annotated[str, matching("https?://.+", "must begin with http:// or https://")] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.sha256 is None and self.sha1 is None:
            raise ValueError("sha256 or sha1 is missing (sha256sum FILE prints the first)")
        return self


class InputSpec(_Part):
    """How a picture becomes the network's input; the fitting keys are those of :class:`~streamclf.frame.FitPlan`."""

    width: Side
    height: Side
    channels: ChannelOrder
    scale: Positive = 1.0
    mean: tuple[Finite, ...] = ()
    std: tuple[Positive, ...] = ()
    fit: FitMode
    crop_fraction: Annotated[float, Field(gt=0, le=1)] = 1.0
    interpolation: Interpolation = "area_linear"
    pad_value: Annotated[int, Field(ge=0, le=255)] = 114
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    """Not looked at for ``tflite``, whose files say it themselves."""

    @property
    def channel_count(self) -> Literal[1, 3]:
        """1 for grey, otherwise 3."""
        return 1 if self.channels == "grey" else 3

    @property
    def means(self) -> tuple[float, ...]:
        """One mean a channel; 0 where the card gives none."""
        return self.mean or (0.0,) * self.channel_count

    @property
    def stds(self) -> tuple[float, ...]:
        """One divisor a channel; 1 where the card gives none."""
        return self.std or (1.0,) * self.channel_count

    def fit_plan(self) -> FitPlan:
        """How pictures are fitted to it."""
        return FitPlan(
            mode=self.fit,
            size_wh=(self.width, self.height),
            crop_fraction=self.crop_fraction,
            interpolation=self.interpolation,
            pad_value=self.pad_value,
            channels=self.channel_count,
        )

    @model_validator(mode="after")
    def _check(self) -> Self:
        for key, values in (("mean", self.mean), ("std", self.std)):
            if values and len(values) != self.channel_count:
                raise ValueError(f"{key}: {len(values)} values, but {self.channels} has {self.channel_count} channels")
        if self.crop_fraction != 1.0 and self.fit != "centre_crop":
            raise ValueError(f"crop_fraction: only fit = 'centre_crop' has one, not {self.fit!r}")
        if self.fit == "overview_tiles":
            overview_columns((self.width, self.height))
            for key in ("interpolation", "pad_value"):
                if key in self.model_fields_set:
                    raise ValueError(f"{key}: fit = 'overview_tiles' has none")
        return self


class OutputSpec(_Part):
    """What comes out: ``background`` leading numbers that are no class, then ``classes`` numbers, one a label.

    A classifier says ``softmax``, a detector ``boxes``, ``threshold`` and ``overlap``.
    """

    classes: Annotated[int, Field(ge=1, le=1_000_000)]
    softmax: bool | None = None
    """True if the output is probabilities already; None for a detector."""
    background: Annotated[int, Field(ge=0, le=1000)] = 0
    name: str | None = None
    """Which output, where the network has several; a detector's are all taken without it."""
    boxes: BoxLayout | None = None
    """How a detector writes its boxes; None for a classifier."""
    threshold: Share | None = None
    """The least score of a box."""
    overlap: Share | None = None
    """Of two boxes of a class that overlap by more (intersection over union), only the more probable one stays."""

    @property
    def width(self) -> int:
        """Numbers per picture, or of a detector per box."""
        return self.background + self.classes

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.boxes in ("yolo_regions", "nanodet") and self.background:
            raise ValueError(f"background: boxes = {self.boxes!r} has none")
        return self


class LabelSpec(_Part):
    """The label list: a ``file`` beside the card in some ``format``, or a ``set`` of the catalogue."""

    file: PlainName | None = None
    set: ModelName | None = None
    format: LabelFormat = "lines"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.file is None) == (self.set is None):
            raise ValueError("give either file or set")
        return self


class Accuracy(_Part):
    """Published accuracy in percent, and who published it."""

    top1: Percent
    top5: Percent | None = None
    source: str


class Evaluation(_Part):
    """What this project's own evaluation measured ``on`` one kind of pictures; all in percent."""

    on: str
    frames: Annotated[int, Field(ge=1)]
    photographs: Annotated[int, Field(ge=1)] | None = None
    """That the frames were made from."""
    top1: Percent
    """Of the frames that are right; of generated frames, the mean over the classes, so that each counts the same."""
    least_recall: Percent | None = None
    """Of the class that is recognised least."""
    false_alarms: Percent | None = None
    """Clean frames called damaged."""
    calibration_error: Percent | None = None
    """Expected calibration error of the top-1 probability, over 15 bins."""


class Reference(_Part):
    """A picture whose answer is known."""

    picture: PlainName
    top1: str
    min_probability: Annotated[float, Field(ge=0, le=1)] = 0.0


class ModelCard(_Part):
    """Everything about a network. Frozen; unknown keys are errors."""

    schema_version: Literal[1] = Field(alias="schema")
    name: ModelName
    title: str = ""
    task: Task
    framework: Framework
    licence: str
    origin: str
    verified: bool
    """True where the labels were checked on pictures by this project's own tests."""
    note: str | None = None
    """What a user should know before taking this network: an engine that cannot read it, a file that is not public."""
    files: Annotated[tuple[CardFile, ...], Field(min_length=1)]
    input: InputSpec
    output: OutputSpec
    labels: LabelSpec
    trained_on: tuple[str, ...] = ()
    """The training pictures and their licences, where they are known."""
    accuracy: Accuracy | None = None
    evaluation: tuple[Evaluation, ...] = ()
    reference: Reference | None = None

    @property
    def size_bytes(self) -> int | None:
        """All files together; None where the size of one is not known."""
        sizes = [file.bytes for file in self.files if file.bytes is not None]
        return sum(sizes) if len(sizes) == len(self.files) else None

    def fit_plan(self) -> FitPlan:
        """How pictures are fitted to this network."""
        return self.input.fit_plan()

    @model_validator(mode="after")
    def _check(self) -> Self:
        roles = [file.role for file in self.files]
        for role in ("weights", "config"):
            if roles.count(role) > 1:
                raise ValueError(f"files: {roles.count(role)} files with role {role!r}, at most one can be")
        if "weights" not in roles:
            raise ValueError("files: none with role 'weights'")
        if self.framework in NEEDS_CONFIG and "config" not in roles:
            raise ValueError(f"files: {self.framework} also needs one with role 'config'")
        if self.framework not in _MAY_CONFIG and "config" in roles:
            raise ValueError(f"files: {self.framework} has none with role 'config'")
        return self

    @model_validator(mode="after")
    def _fits_its_task(self) -> Self:
        for task, keys in _TASK_KEYS.items():
            for key in keys:
                if task != self.task and getattr(self.output, key) is not None:
                    raise ValueError(f"output.{key}: only task = {task!r} has it, not {self.task!r}")
        for key in _TASK_KEYS[self.task]:
            if getattr(self.output, key) is None:
                raise ValueError(f"output.{key} is missing; task = {self.task!r} needs it")
        if self.task == "detection":
            if self.input.fit == "overview_tiles":
                raise ValueError("input.fit: boxes cannot be found in 'overview_tiles'; take 'stretch' or 'letterbox'")
            for key in ("accuracy", "evaluation"):
                if getattr(self, key):
                    raise ValueError(f"{key}: only task = 'classification' has it, not 'detection'")
        return self


def read_card(path: Path) -> ModelCard:
    """Read and check ``card.toml``.

    Raises:
        CardError: names the file, the key, what is wrong, and the nearest known key for an unknown one.
    """
    try:
        with path.open("rb") as file:
            content = tomllib.load(file)
    except OSError as error:
        raise CardError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:  # also of bytes that are no text, and of numbers with thousands of digits
        raise CardError(f"{path}: is not valid TOML: {error}") from error
    schema = content.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise CardError(
            f"{path}: schema {schema} is newer than this streamclf, which knows {SCHEMA}; please upgrade streamclf"
        )
    try:
        return ModelCard.model_validate_json(_as_json(content))
    except ValidationError as error:
        raise CardError(f"{path}: {_sentence(error)}") from error


def _as_json(content: dict[str, Any]) -> str:
    # Strict validation from JSON takes arrays for tuples; from Python values it would not.
    return json.dumps(content, default=str)


def _sentence(error: ValidationError) -> str:
    """The first of the faults, for a person, and how many more there are."""
    every = error.errors(include_url=False)
    # that its parts are wrong makes a list wrong, too: that is no fault of its own
    faults = [f for f in every if not any(g is not f and g["loc"][: len(f["loc"])] == f["loc"] for g in every)]
    fault = min(
        faults, key=lambda f: f["type"] == "missing"
    )  # a misspelt key is also a missing one: name the misspelling
    where = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        text = f"{where} is no key of a card{_nearest(fault['loc'])}"
    elif fault["type"] == "missing":
        text = f"{where} is missing"
    else:
        reason = complaint(fault)
        given = "" if isinstance(fault["input"], dict) else f" ({shown(fault['input'])})"
        text = f"{where}{given}: {reason}" if where else reason
    return text if len(faults) == 1 else f"{text} (and {len(faults) - 1} more)"


def _nearest(location: tuple[int | str, ...]) -> str:
    part: type[BaseModel] | None = ModelCard
    for key in location[:-1]:
        if isinstance(key, str) and part is not None and key in part.model_fields:
            part = _part_of(part.model_fields[key].annotation)
    if part is None:
        return ""
    known = [field.alias or name for name, field in part.model_fields.items()]
    close = difflib.get_close_matches(str(location[-1]), known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; known here: {', '.join(known)}"


def _part_of(annotation: object) -> type[BaseModel] | None:
    """The card's part inside ``X``, ``X | None`` or ``tuple[X, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((part for inner in typing.get_args(annotation) if (part := _part_of(inner))), None)
