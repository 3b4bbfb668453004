"""What everything was measured on."""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from common import CORES, REPOSITORY

LIBRARIES = ("opencv-python", "av", "numpy", "onnxruntime", "openvino", "ai-edge-litert", "supervision", "imutils")
FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_bf16", "amx_int8")


def describe() -> dict[str, Any]:
    """Processor, cores, what they compute in, and every version."""
    import openvino

    # of a released streamclf there is no commit to tell
    commit = subprocess.run(
        ["git", "-C", str(REPOSITORY), "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    ).stdout.strip()
    return {
        "cpu": _cpu("model name"),
        "cores": CORES,
        "flags": [flag for flag in FLAGS if flag in _cpu("flags").split()],
        "bf16": "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "commit": commit,
        **{name: _version(name) for name in LIBRARIES},
    }


def load() -> float | None:
    """Processes that wanted a core in the last minute: what the machine did besides, if asked before measuring."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _cpu(key: str) -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    found = (line.split(":", 1)[1].strip() for line in lines if line.startswith(key))
    return next(found, platform.processor() if key == "model name" else "")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
