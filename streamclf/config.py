"""Every option of a run, once: type, default, help. The command line, TOML files, samples and docs derive from here."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from streamclf.engine import EngineChoice, Precision, Target
from streamclf.errors import ConfigError
from streamclf.wording import complaint, matching, shown, toml_value

DEFAULT_MODEL = "framecheck"
"""It comes with streamclf, so that the first command needs no download."""
IMAGENET_MODEL = "mobilenet-v2-qdq"
"""What to recommend to who wants the 1000 classes of ImageNet."""
LIVE_QUEUE_FRAMES = 2
RECORDED_QUEUE_FRAMES = 16
MOST_BATCH = 64
"""Above it nothing is gained anywhere, and proving a batch that large takes minutes."""


def _option_name(field: str) -> str:
    return field.replace("_", "-")


def _number_or_auto(value: object) -> object:
    if value == "auto":
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if not isinstance(value, int) or not 1 <= value <= MOST_BATCH:
        raise ValueError(f"must be a whole number from 1 to {MOST_BATCH}, or auto")
    return value


def _size(value: object) -> object:
    """``WxH`` to (W, H)."""
    if isinstance(value, (tuple, list)) and len(value) == 2:
        return value
    match = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", value) if isinstance(value, str) else None
    if not match:
        raise ValueError("is not WIDTHxHEIGHT, for example 1280x720")
    return int(match[1]), int(match[2])


Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class RunConfig(BaseModel):
    """What ``streamclf run`` does. Immutable; ``metavar`` and ``panel`` are for the command line's help."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=_option_name, populate_by_name=True, validate_default=True
    )

    sources: tuple[str, ...] = Field(
        (),
        description="Camera index (0), /dev/videoN, video file, folder or glob of pictures, URL, 'synthetic:' (a generated "
        "scene); NAME=SOURCE names one.",
        json_schema_extra={"metavar": "SOURCE"},
    )
    model: str = Field(
        DEFAULT_MODEL,
        description="A model card's name (see 'streamclf models list'), or a folder with card.toml. The default comes with "
        "streamclf and tells what is wrong with a camera's picture.",
        json_schema_extra={"metavar": "NAME|FOLDER", "panel": "Network"},
    )
    target: Target = Field("cpu", description="What the network should run on.", json_schema_extra={"panel": "Network"})
    engine: EngineChoice = Field(
        "auto",
        description="What runs the network; auto takes the fastest one installed here that gives the right answers, measured once.",
        json_schema_extra={"panel": "Network"},
    )
    precision: Precision = Field(
        "exact",
        description="exact computes in float32 (an int8 network as it is); fast also allows 16 bits where the processor has them.",
        json_schema_extra={"panel": "Network"},
    )
    threads: Annotated[int, Field(ge=1, le=1024)] | None = Field(
        None,
        examples=[2],
        description="Processors the network may use (default: all that this process may).",
        json_schema_extra={"metavar": "N", "panel": "Network"},
    )
    batch: Annotated[int | Literal["auto"], BeforeValidator(_number_or_auto)] = Field(
        "auto",
        description="Pictures per forward pass; auto takes what is fastest here and proven right.",
        json_schema_extra={"metavar": "N|auto", "panel": "Network"},
    )
    queue_frames: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        None,
        examples=[4],
        description=f"Frames that may wait per source (default: {LIVE_QUEUE_FRAMES} live, {RECORDED_QUEUE_FRAMES} recorded).",
        json_schema_extra={"metavar": "N", "panel": "Queue"},
    )
    queue_mb: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)] = Field(
        256,
        description="Megabytes that may wait in all queues together (one frame always fits).",
        json_schema_extra={"metavar": "MB", "panel": "Queue"},
    )
    drop: Literal["oldest", "newest", "never"] | None = Field(
        None,
        examples=["oldest"],
        description="What goes when a queue is full (default: oldest for live sources, never for recorded ones).",
        json_schema_extra={"panel": "Queue"},
    )
    frame_step: Count = Field(
        1,
        description="Classify every Nth frame only.",
        json_schema_extra={"metavar": "N", "panel": "Queue"},
    )
    target_fps: Positive | None = Field(
        None,
        examples=[5],
        description="Classify F frames per second of each source's own time, the first at or after each 1/F s (not with "
        "frame-step).",
        json_schema_extra={"metavar": "F", "panel": "Queue"},
    )
    max_frames: Count | None = Field(
        None,
        examples=[1000],
        description="End each source after N frames of it that frame-step and target-fps did not leave out, dropped ones too.",
        json_schema_extra={"metavar": "N", "panel": "Queue"},
    )
    camera_size: Annotated[tuple[Count, Count], BeforeValidator(_size)] | None = Field(
        None,
        examples=["1280x720"],
        description="Picture size to ask a camera for.",
        json_schema_extra={"metavar": "WxH", "panel": "Camera"},
    )
    camera_fps: Positive | None = Field(
        None,
        examples=[30],
        description="Frame rate to ask a camera for.",
        json_schema_extra={"metavar": "F", "panel": "Camera"},
    )
    camera_format: Annotated[str, matching(r"[\x20-\x7e]{4}", "must be four characters, for example MJPG")] = Field(
        "MJPG",
        description="Pixel format (fourcc) to ask a camera for: MJPG, YUYV, ...",
        json_schema_extra={"metavar": "FOURCC", "panel": "Camera"},
    )
    mirror: bool = Field(
        False, description="Flip a camera's picture left to right.", json_schema_extra={"panel": "Camera"}
    )
    realtime: bool = Field(
        False,
        description="Play files at their own pace, dropping what the network cannot keep up with, like a camera.",
        json_schema_extra={"panel": "Queue"},
    )
    smooth: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        0.5,
        description="Time constant of the steady label, on the stream's own time; 0 switches smoothing off.",
        json_schema_extra={"metavar": "SECONDS", "panel": "Answers"},
    )
    top_k: Count = Field(
        5, description="Classes per frame in rows and overlay.", json_schema_extra={"metavar": "N", "panel": "Answers"}
    )
    threshold: Annotated[float, Field(ge=0, le=1)] = Field(
        0.5,
        description="Probability at which a class becomes the steady label (it is left again at 0.8 of that); else 'unknown'.",
        json_schema_extra={"metavar": "P", "panel": "Answers"},
    )
    display: bool | None = Field(
        None,
        examples=[True],
        description="Show a window (default: if there is a screen).",
        json_schema_extra={"panel": "Outputs"},
    )
    save: str | None = Field(
        None,
        examples=["annotated.mp4"],
        description="Annotated video; {stream} in the name when there are several sources; a folder for pictures.",
        json_schema_extra={"metavar": "FILE.mp4", "panel": "Outputs"},
    )
    results: str | None = Field(
        None,
        examples=["results.jsonl"],
        description="One row per classified frame; '-' is JSON lines on standard output.",
        json_schema_extra={"metavar": "FILE.jsonl|.csv", "panel": "Outputs"},
    )
    report: str | None = Field(
        None,
        examples=["report.json"],
        description="The final report; '-' is standard output.",
        json_schema_extra={"metavar": "FILE.json", "panel": "Outputs"},
    )
    overwrite: bool = Field(
        False, description="Outputs may replace existing files.", json_schema_extra={"panel": "Outputs"}
    )

    @model_validator(mode="after")
    def _frames_are_chosen_in_one_way(self) -> RunConfig:
        if self.target_fps is not None and self.frame_step != 1:
            raise ValueError(
                f"frame-step {self.frame_step} and target-fps {self.target_fps:g} both choose frames; give one of them "
                "(frame-step 1 is all frames)"
            )
        return self

    @model_validator(mode="after")
    def _outputs_make_sense(self) -> RunConfig:
        if self.results not in (None, "-") and Path(self.results or "").suffix.lower() not in (".jsonl", ".csv"):
            raise ValueError(f"results: {shown(self.results)} ends in neither .jsonl nor .csv")
        if self.results == "-" == self.report:
            raise ValueError("results and report cannot both go to standard output; give one of them a file")
        return self


def make_config(options: Mapping[str, Any], where: str = "") -> RunConfig:
    """Check ``options`` (names with - or _) into a configuration; raises :class:`ConfigError` naming the option."""
    for name, times in Counter(map(_option_name, options)).items():
        if times > 1:
            raise ConfigError(f"{where}{name} is given twice, once with - and once with _; leave one of them out")
    try:
        return RunConfig.model_validate(dict(options))
    except ValidationError as problem:
        raise ConfigError(_sentence(problem, where)) from None


def load_config(path: Path) -> dict[str, Any]:
    """The checked ``[run]`` table of a TOML file, as option names to values. Raises :class:`ConfigError`."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such configuration file") from None
    except OSError as problem:
        raise ConfigError(f"{path}: cannot be read: {problem.strerror}") from None
    except ValueError as problem:  # also of bytes that are no text, and of numbers with thousands of digits
        raise ConfigError(f"{path}: not valid TOML: {problem}") from None
    for key in document:
        if key != "run":
            hint = " options belong under [run];" if _nearest(key) == _option_name(key) else ""
            raise ConfigError(f"{path}: unknown table or key {key!r};{hint} the only table is [run]")
    table = document.get("run", {})
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: run is not a table; write [run] on a line of its own")
    make_config(table, where=f"{path}: ")
    return {key.replace("-", "_"): value for key, value in table.items()}


def to_toml(config: RunConfig) -> str:
    """A TOML text that loads to the same configuration; options without a value are left out."""
    values = config.model_dump(mode="json", exclude_none=True)
    if config.camera_size:
        values["camera_size"] = "{}x{}".format(*config.camera_size)
    return "[run]\n" + "".join(f"{_option_name(key)} = {toml_value(value)}\n" for key, value in values.items())


def sample_toml(title: str, chosen: Mapping[str, Any]) -> str:
    """A commented sample: every option with its help; those of ``chosen`` set, the others
    as comments with their default or, where there is none, an example."""
    lines = [f"# {line}".rstrip() for line in title.splitlines()] + ["", "[run]"]
    for name, field in RunConfig.model_fields.items():
        lines += ["", f"# {field.description}"]
        default = toml_value(field.default if field.default is not None else (field.examples or [None])[0])
        key = _option_name(name)
        note = "  # an example: not set by default" if field.default is None else ""
        lines.append(f"{key} = {toml_value(chosen[name])}" if name in chosen else f"# {key} = {default}{note}")
    return "\n".join(lines) + "\n"


def _nearest(name: str) -> str | None:
    known = [_option_name(field) for field in RunConfig.model_fields]
    return next(iter(difflib.get_close_matches(_option_name(name), known, n=1, cutoff=0.5)), None)


def _sentence(problem: ValidationError, where: str) -> str:
    error = problem.errors()[0]
    name = _option_name(str(error["loc"][0])) if error["loc"] else ""
    if error["type"] == "extra_forbidden":
        nearest = _nearest(name)
        return f"{where}unknown option {name!r}" + (f"; did you mean {nearest!r}?" if nearest else "")
    if name == "sources":  # an address in it may hold a password
        return f'{where}sources: give a list of texts in quotes, for example sources = ["0"]'
    return f"{where}{name}: {shown(error['input'])}: {complaint(error)}" if name else f"{where}{complaint(error)}"
