"""A network without a card: the card that follows from what its user says and what its file tells.

What neither says is either assumed, which is told, or a :class:`~streamclf.catalogue.network_options.Gap`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from streamclf.catalogue.card import SCHEMA, ChannelOrder, InputSpec, LabelFormat, ModelCard
from streamclf.catalogue.find import builtin_folder
from streamclf.catalogue.formats import NetworkFiles
from streamclf.catalogue.labels import read_labels, recognise_format
from streamclf.catalogue.network_options import Gap, NetworkOptions, option_name
from streamclf.catalogue.presets import PRESETS, Preset
from streamclf.errors import ConfigError, ModelFileError
from streamclf.frame import FitMode
from streamclf.wording import complaint, shown

LABELS_NAME = "labels.txt"
"""What the label list of an added network is called, beside its card."""
UNKNOWN_LICENCE = "unknown"
_FORMS: Mapping[LabelFormat, str] = {
    "lines": "a name a line",
    "synset": "each after its WordNet number",
    "indexed": "each after its number",
}


@dataclass(frozen=True, slots=True)
class Declared:
    """What a file says of its input; None where it says nothing."""

    size_wh: tuple[int, int] | None = None
    channel_count: int | None = None
    layout: Literal["NCHW", "NHWC"] | None = None

    @classmethod
    def of(cls, shape: Sequence[int], name: str) -> Declared:
        """From a shape of four axes, of which 0 or less is one that is not fixed.

        Raises:
            ModelFileError: the network takes something else than pictures of one or three channels.
        """
        if len(shape) != 4:
            raise ModelFileError(f"{name}: its input has the shape {tuple(shape)}, which is no batch of pictures")
        if shape[1] in (1, 3) or shape[3] not in (1, 3):
            layout: Literal["NCHW", "NHWC"] = "NCHW"
            count, height, width = shape[1:]
        else:
            layout = "NHWC"
            height, width, count = shape[1:]
        if count > 0 and count not in (1, 3):
            raise ModelFileError(
                f"{name}: its input has the shape {tuple(shape)}; streamclf gives pictures of 1 or 3 channels"
            )
        size_wh = (width, height) if width > 0 and height > 0 else None
        return cls(size_wh, count if count > 0 else None, layout if count > 0 else None)


@dataclass(slots=True)
class Told:
    """Sentences for the user: what the file says, what was assumed, and what looks wrong."""

    found: list[str] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class NetworkLabels:
    """The names of the classes, from a ``set`` of the catalogue or (None) a file of the user's at ``path``."""

    names: tuple[str, ...]
    set: str | None
    path: Path


def input_spec(options: NetworkOptions, declared: Declared, name: str, told: Told) -> InputSpec:
    """How pictures are prepared: the user's word, then the file's, then the preset's.

    Raises:
        Gap: nobody says the size, the channels or the numbers.
        ConfigError: they contradict each other.
    """
    preset = PRESETS[options.preset] if options.preset else None
    if preset is None and options.scale is None and options.mean is None and options.std is None:
        choices = {key: each.summary for key, each in PRESETS.items()}
        raise Gap(
            f"{name}: how its pictures were prepared is not in the file; give --preset ({', '.join(choices)}), or --channels, "
            "--scale, --mean and --std",
            "preset",
            "How were the pictures prepared that it was trained on?",
            choices,
        )
    channels = _channels(options, declared, preset, name)
    width, height = _input_size(options, declared, preset, name, told)
    values: dict[str, Any] = {"width": width, "height": height, "channels": channels}
    values |= _arithmetic(options, preset, channels)
    values |= _fitting(options, preset, min(width, height), told)
    layout = options.layout or declared.layout
    if layout is not None:
        values["layout"] = layout
    try:
        return InputSpec.model_validate_json(json.dumps(values))
    except ValidationError as problem:
        fault = problem.errors()[0]
        where = option_name(str(fault["loc"][0])) + ": " if fault["loc"] else ""
        raise ConfigError(f"{name}: {where}{complaint(fault)}") from None


def make_card(
    name: str,
    files: NetworkFiles,
    spec: InputSpec,
    output: Mapping[str, Any],
    label_set: str | None,
    licence: str = UNKNOWN_LICENCE,
) -> ModelCard:
    """The card of a network: its files with their digests, its [input], its [output]; labels in ``label_set`` or a file.

    Raises:
        ConfigError: something a card cannot say, such as a name that leaves its folder.
        ModelFileError: a file cannot be read.
    """
    content = {
        "schema": SCHEMA,
        "name": name,
        "task": "detection" if output.get("boxes") else "classification",
        "framework": files.framework,
        "licence": licence,
        "origin": f"added from {files.weights.name}",
        "verified": False,
        "files": [
            {"role": role, "name": path.name, "bytes": path.stat().st_size, "sha256": _sha256(path)}
            for role, path in files.paths.items()
        ],
        "input": spec.model_dump(mode="json", exclude_unset=True),
        "output": dict(output),
        "labels": {"set": label_set} if label_set else {"file": LABELS_NAME},
    }
    try:
        return ModelCard.model_validate_json(json.dumps(content))
    except ValidationError as problem:
        fault = problem.errors()[0]
        where = ".".join(str(part) for part in fault["loc"])
        given = "" if isinstance(fault["input"], dict) else f" ({shown(fault['input'])})"
        raise ConfigError(f"{where}{given}: {complaint(fault)}" if where else complaint(fault)) from None


def network_labels(
    options: NetworkOptions, count: int | None, usual: str | None, name: str, told: Told
) -> NetworkLabels:
    """The names of the ``count`` classes (None: not known): what the user gives, or the ``usual`` list of so many classes.

    Raises:
        Gap: the user gives none, and no list is usual.
        ConfigError: there is no such list.
        CardError: the file is missing or damaged.
    """
    sets = dict(sorted((path.stem, path) for path in (builtin_folder() / "labels").glob("*.txt")))
    given = options.labels
    if given is None:
        if usual is None:
            of = f"its {count} classes" if count else "its classes"
            lists = ", ".join(sets)
            raise Gap(
                f"{name}: the names of {of} are not in the file; give --labels, a file with a name a line or one of {lists}",
                "labels",
                f"Names of {of}: a file with a name a line, or one of {lists}?",
            )
        told.assumed.append(f"its classes are those of {usual}, in that order (--labels)")
        given = usual
    path = Path(given).expanduser()
    if given in sets and not path.is_file():
        return NetworkLabels(read_labels(sets[given]), given, sets[given])
    if not path.is_file() and len(path.parts) == 1 and not path.suffix:
        raise ConfigError(f"--labels {given}: there is no such file, and no such list; the lists are {', '.join(sets)}")
    form = options.label_format or recognise_format(path)
    names = read_labels(path, form)
    told.found.append(f"{len(names)} labels in {path.name}, {_FORMS[form]}")
    return NetworkLabels(names, None, path)


def plain_name(path: Path) -> str:
    """A network's name from its file's: small letters, digits and . _ - only."""
    name = re.sub(r"[^a-z0-9._-]+", "-", path.stem.lower()).strip("._-")[:100]
    return name or "network"


def _channels(options: NetworkOptions, declared: Declared, preset: Preset | None, name: str) -> ChannelOrder:
    channels = options.channels
    if channels is not None and declared.channel_count not in (None, 1 if channels == "grey" else 3):
        raise ConfigError(f"{name}: --channels {channels}, but its input has {declared.channel_count} channels")
    if channels is None and declared.channel_count == 1:
        channels = "grey"
    if channels == "grey" and preset is not None and preset.mean and options.mean is None:
        raise ConfigError(
            f"{name}: --preset {options.preset} is for pictures of three channels, and this network takes one; give --scale, "
            "--mean and --std instead"
        )
    if channels is None and preset is not None:
        channels = preset.channels
    if channels is None:
        raise Gap(
            f"{name}: the order of its channels is not in the file; give --channels bgr, rgb or grey",
            "channels",
            "In which order does it want the channels?",
            {"rgb": "PyTorch, TensorFlow, Darknet", "bgr": "Caffe, and what was trained with OpenCV", "grey": "one"},
        )
    return channels


def _input_size(
    options: NetworkOptions, declared: Declared, preset: Preset | None, name: str, told: Told
) -> tuple[int, int]:
    size_wh = options.size or declared.size_wh
    if size_wh is not None:
        return size_wh
    if preset is not None:
        told.assumed.append(f"its input is {preset.side}x{preset.side}, as usual with {options.preset} (--size)")
        return preset.side, preset.side
    raise Gap(f"{name}: the size of its input is not in the file; give --size WxH", "size", "Size of its input, WxH?")


def _arithmetic(options: NetworkOptions, preset: Preset | None, channels: ChannelOrder) -> dict[str, Any]:
    """scale, mean and std. A preset's numbers stay with their colours where the user wants the channels the other way round."""
    values: dict[str, Any] = {}
    if preset is not None:
        turn = -1 if {channels, preset.channels} == {"bgr", "rgb"} else 1
        values = {"scale": preset.scale, "mean": preset.mean[::turn], "std": preset.std[::turn]}
    count = 1 if channels == "grey" else 3
    for key in ("mean", "std"):
        given = getattr(options, key)
        if given is not None:
            values[key] = given * count if len(given) == 1 else given
    if options.scale is not None:
        values["scale"] = options.scale
    return {key: value for key, value in values.items() if value != ()}


def _fitting(options: NetworkOptions, preset: Preset | None, side: int, told: Told) -> dict[str, Any]:
    fit: FitMode | None = options.fit or ("centre_crop" if options.crop_fraction is not None else None)
    values: dict[str, Any] = {}
    if preset is not None:
        if fit in (None, preset.fit) and preset.crop(side) != 1.0:
            values["crop_fraction"] = preset.crop(side)
        if preset.interpolation != "area_linear" and fit != "overview_tiles":
            values["interpolation"] = preset.interpolation
        if fit is None:
            fit = preset.fit
            told.assumed.append(_fit_sentence(fit, preset.crop(side), options.preset))
    if fit is None:
        fit = "stretch"
        told.assumed.append(_fit_sentence(fit))
    for key in ("crop_fraction", "interpolation"):
        if getattr(options, key) is not None:
            values[key] = getattr(options, key)
    return {"fit": fit, **values}


def _fit_sentence(fit: FitMode, crop_fraction: float = 1.0, preset: str | None = None) -> str:
    """How a picture is brought to the size of the input, where the user has not said it."""
    usual = f", as usual with {preset}" if preset else ""
    if fit != "centre_crop":
        return f"a picture is squeezed to that size whatever its shape{usual} (--fit)"
    part = "" if crop_fraction == 1.0 else f", {100 * crop_fraction:.3g} % of its short side"
    return f"of a picture only the middle is looked at{part}{usual} (--fit, --crop-fraction)"


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read ({error.strerror or error})") from error
