"""What everything was measured on."""

import os
import platform
import subprocess
import time
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


class Neighbours:
    """What others had of the processors since this was made: other programs, and on a virtual machine its host's other guests."""

    def __init__(self) -> None:
        self._busy_s, self._own_s, self._started_s = _busy_s(), _own_s(), time.monotonic()

    def share(self) -> float | None:
        """Of all cores together, from 0 to 1; None where the system does not tell."""
        busy_s = _busy_s()
        if self._busy_s is None or busy_s is None:
            return None
        others_s = busy_s - self._busy_s - (_own_s() - self._own_s)
        return round(max(0.0, others_s / ((time.monotonic() - self._started_s) * (os.cpu_count() or 1))), 3)


def _busy_s() -> float | None:
    """Seconds that all cores together were not idle since the start, the time that the host took away included."""
    path = Path("/proc/stat")
    if not path.is_file():
        return None
    # user nice system idle iowait irq softirq steal
    user, nice, system, _, _, irq, softirq, steal = map(int, path.read_text().split("\n", 1)[0].split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _own_s() -> float:
    """The same of this process and of the children that have ended."""
    return sum(os.times()[:4])


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
