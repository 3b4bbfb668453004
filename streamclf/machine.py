"""What this machine says of itself: its processor, the memory that this process took."""

from __future__ import annotations

import platform
import re
import sys
from contextlib import suppress
from functools import lru_cache
from pathlib import Path


@lru_cache
def processor_name() -> str:
    """The processor as its maker calls it, or its kind; "" where nobody says it."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith(("model name", "Model")):
                return line.partition(":")[2].strip()
    return platform.processor()


def peak_memory_mb(status: Path = Path("/proc/self/status")) -> float | None:
    """The most memory that this process ever had resident, in megabytes (1e6 bytes); None where the system does not say it.

    On Linux ``ru_maxrss`` begins with the peak of whoever started the process (of 9 MB it said 487, started by one of 490), so the
    kernel's own mark of this program's memory is asked first.
    """
    with suppress(OSError):
        if mark := re.search(r"^VmHWM:\s*(\d+) kB", status.read_text(encoding="utf-8"), re.MULTILINE):
            return int(mark[1]) * 1024 / 1e6
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6
