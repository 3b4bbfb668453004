"""What the user names becomes sources: cameras, files, pictures, streams. The only module that knows every kind of source."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path
from typing import Literal, TypeAlias

from streamclf.config import RunConfig
from streamclf.errors import ConfigError
from streamclf.source import FrameSource

Kind: TypeAlias = Literal["camera", "file", "pictures", "network", "synthetic"]
SYNTHETIC = "synthetic:"
"""The address of the generated scene."""


@dataclass(slots=True)
class SourceSpec:
    """One source as the user named it, before anything is opened."""

    kind: Kind
    name: str
    paths: list[str] = field(default_factory=list)
    """The path, device or URL; several for pictures."""


def parse_sources(arguments: Sequence[str]) -> list[SourceSpec]:
    """Arguments to sources, consecutive pictures to one, with unique names. Raises :class:`ConfigError`; touches no device."""
    specs: list[SourceSpec] = []
    joinable = False
    for argument in arguments:
        name, place = _split_name(argument)
        if name in (".", ".."):
            raise ConfigError(f"{name}=...: a source cannot be called {name!r}")
        if not place:
            raise ConfigError(f"{argument!r}: an empty source; name a camera, a file, a folder or a URL")
        kind = _kind(place)
        if kind == "pictures" and joinable and name is None:
            specs[-1].paths.append(place)
            specs[-1].name = "pictures"
        else:
            specs.append(SourceSpec(kind, name or _default_name(kind, place), [place]))
        joinable = kind == "pictures" and name is None
    taken: set[str] = set()
    for spec in specs:
        spec.name = unique_name(spec.name, taken)
        taken.add(spec.name)
    return specs


def make_source(spec: SourceSpec, config: RunConfig) -> FrameSource:
    """The source itself, not yet opened."""
    place = spec.paths[0]
    if spec.kind == "camera":
        from streamclf.sources.camera import CameraSource

        device = int(place) if place.isdigit() else place
        return CameraSource(
            device,
            spec.name,
            size_wh=config.camera_size,
            rate=config.camera_fps,
            fourcc=config.camera_format,
            mirror=config.mirror,
        )
    if spec.kind == "network":
        from streamclf.sources.network import NetworkSource

        return NetworkSource(place, spec.name)
    if spec.kind == "pictures":
        from streamclf.sources.image_folder import ImageFolderSource

        return ImageFolderSource(spec.paths, spec.name)
    if spec.kind == "synthetic":
        from streamclf.sources.synthetic import SyntheticSource

        return SyntheticSource(spec.name)
    from streamclf.sources.video_file import VideoFileSource

    return VideoFileSource(Path(place), spec.name)


def _split_name(argument: str) -> tuple[str | None, str]:
    """``NAME=SOURCE``, unless a file is called so; a name has no character of a path or an address."""
    match = re.fullmatch(r"([^=/\\:?*\[\]]+)=(.*)", argument, re.DOTALL)
    if match is None or os.path.exists(argument):
        return None, argument
    return match[1].strip() or None, match[2]


def _kind(place: str) -> Kind:
    from streamclf.sources.address import almost_address
    from streamclf.sources.image_folder import SUFFIXES

    exists = os.path.exists(place)
    if place == SYNTHETIC and not exists:
        return "synthetic"
    if re.fullmatch(r"\d+", place, re.ASCII) and not exists:
        return "camera"
    if not exists and (almost := almost_address(place)):
        example = almost.removesuffix("...").removesuffix(":") or "rtsp"
        raise ConfigError(
            f"{almost}: neither a file nor a whole address; did you mean {example}://USER:PASSWORD@HOST/PATH?"
        )
    if place.startswith("/dev/"):
        return "camera"
    if "://" in place:
        return "network"
    suffix = Path(place).suffix.lower()
    if os.path.isdir(place) or (suffix in SUFFIXES and suffix != ".gif"):  # a GIF named by itself may move
        return "pictures"
    if glob.has_magic(place) and not exists:
        return "pictures"
    return "file"


def _default_name(kind: Kind, place: str) -> str:
    if kind == "camera" and place.isdigit():
        return f"camera-{place}"
    if kind == "synthetic":
        return SYNTHETIC.rstrip(":")
    if kind == "network":
        from streamclf.sources.address import redact_url, scheme_of

        # never the user, the password or the query: names appear in rows, logs and overlays
        host, slash, path = redact_url(place).partition("://")[2].partition("/")
        name = (re.sub(r":\d*$", "", host) + slash + path).rstrip("/")
        return scheme_of(place) if name in ("", ".", "..", "...") else name
    last = Path(place)
    if glob.has_magic(place) and not os.path.exists(place):
        last = last.parent
        if last == Path():  # a pattern alone
            return "pictures"
    return (last.name if last.name not in ("", "..") else last.resolve().name) or "pictures"


def unique_name(name: str, taken: Container[str], key: Callable[[str], str] = str) -> str:
    """``name``, or the first of ``name-2``, ``name-3`` ... whose ``key`` is not taken."""
    numbered = (f"{name}-{number}" for number in count(2))
    return next(each for each in chain([name], numbered) if key(each) not in taken)
