"""``streamclf doctor``: what this machine can do. Must work where little else does."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sys
from typing import Annotated, Any, get_args

import typer

from streamclf import __version__
from streamclf.config import DEFAULT_MODEL
from streamclf.engine import Target

EXAMPLES = """
Examples:

  streamclf doctor

  streamclf doctor --json | jq .targets
"""

_PACKAGES = ("opencv-python", "numpy", "av", "imutils", "pydantic", "typer", "rich", "httpx")


def command(as_json: Annotated[bool, typer.Option("--json", help="For a program.")] = False) -> None:
    """Say what this machine can do: libraries, networks, targets, cameras, screen."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    findings = examine()
    if as_json:
        print(json.dumps(findings, indent=2))
    else:
        _print(findings)
    raise typer.Exit(1 if findings["problems"] else 0)


def examine() -> dict[str, Any]:
    """Everything ``doctor`` says, as plain data; a part that cannot be found out is a problem in ``problems``."""
    problems: list[str] = []
    findings: dict[str, Any] = {
        "streamclf": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": None,
        "packages": {name: _version(name, problems) for name in _PACKAGES},
        "frameworks": {},
        "engines": {},
        "targets": {},
        "h264_encoder": False,
        "cameras": [],
        "display": {"available": False, "reason": None},
        "models": {"known": 0, "available": [], "default": DEFAULT_MODEL, "hint": None},
        "problems": problems,
    }
    for part in (_processors, _engines, _networks, _video, _devices, _screen, _models):
        try:
            part(findings)
        except ImportError as failure:
            hint = " (on Debian and Raspberry Pi OS: apt install libgl1)" if "libGL" in str(failure) else ""
            problems.append(f"{part.__name__.strip('_')}: a library cannot be loaded: {failure}{hint}")
        except Exception as failure:
            problems.append(f"{part.__name__.strip('_')}: {failure}")
    return findings


def _version(name: str, problems: list[str]) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        problems.append(f"{name} is not installed")
        return None


def _processors(findings: dict[str, Any]) -> None:
    from streamclf.proof import usable_cpus

    findings["cores"] = usable_cpus()


def _networks(findings: dict[str, Any]) -> None:
    from streamclf.engines.opencv_dnn import readable_frameworks, usable_target
    from streamclf.loading import RUNTIMES

    findings["frameworks"] = readable_frameworks() | {
        "tflite": any(runtime.is_installed for runtime in RUNTIMES.values() if "tflite" in runtime.frameworks)
    }
    for target in get_args(Target):
        effective, reason = usable_target(target)
        findings["targets"][target] = {"available": effective == target, "reason": reason or None}


def _engines(findings: dict[str, Any]) -> None:
    from streamclf.loading import RUNTIMES

    findings["engines"] = {name: runtime.version for name, runtime in RUNTIMES.items()}


def _video(findings: dict[str, Any]) -> None:
    import av

    findings["h264_encoder"] = "libx264" in av.codecs_available


def _devices(findings: dict[str, Any]) -> None:
    from streamclf.sources.camera import list_cameras

    findings["cameras"] = list_cameras()


def _screen(findings: dict[str, Any]) -> None:
    from streamclf.sinks.window import probe_display

    reason = probe_display()
    findings["display"] = {"available": reason is None, "reason": reason}


def _models(findings: dict[str, Any]) -> None:
    from streamclf.catalogue.find import list_models

    entries = list_models()
    available = [entry.name for entry in entries if entry.available]
    hint = None
    if DEFAULT_MODEL not in available:
        hint = f"the default one, {DEFAULT_MODEL}, is not here; 'streamclf models show {DEFAULT_MODEL}' says where to get it"
    findings["models"] |= {"known": len(entries), "available": available, "hint": hint}


def _print(findings: dict[str, Any]) -> None:
    yes = {True: "yes", False: "no"}
    display = findings["display"]
    models = findings["models"]
    rows = {
        "streamclf": findings["streamclf"],
        "python": findings["python"],
        "system": f"{findings['system']}, {findings['cores']} cores for this process",
        "libraries": ", ".join(f"{name} {version or 'MISSING'}" for name, version in findings["packages"].items()),
        "networks": ", ".join(f"{name} {yes[can]}" for name, can in findings["frameworks"].items()),
        "engines": ", ".join(
            f"{name} {version}" if version else f"{name} no (pip install 'streamclf[{name}]')"
            for name, version in findings["engines"].items()
        ),
        "targets": ", ".join(f"{name} {text}" for name, text in _target_texts(findings["targets"]).items()),
        "H.264 output": yes[findings["h264_encoder"]],
        "cameras": ", ".join(findings["cameras"]) or "none found",
        "screen": "yes" if display["available"] else f"no ({display['reason']})",
        "models": f"{len(models['available'])} of {models['known']} known ones have their files here"
        + (f": {', '.join(models['available'])}" if models["available"] else "")
        + (f"; {models['hint']}" if models["hint"] else ""),
    }
    width = max(map(len, rows))
    for name, text in rows.items():
        print(f"{name:<{width}}  {text}")
    for problem in findings["problems"]:
        print(f"streamclf: problem: {problem}", file=sys.stderr)


def _target_texts(targets: dict[str, Any]) -> dict[str, str]:
    return {name: "yes" if each["available"] else f"no ({each['reason']})" for name, each in targets.items()}
