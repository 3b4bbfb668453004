"""Measure streamclf beside its peers, and what must hold; writes bench.json, bench.md and bench.png into results/.

Usage: bench.py [PART ...] [--rounds N] [--quick]. Without a PART all are measured; the others stay as they were. It needs the
test assets, and every library that takes part (``make bench`` installs them).
"""

import argparse
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import agreement
import footprint
import live
import machine
import report
import throughput
from common import ASSETS, CACHE, HERE, Effort, say

PARTS: dict[str, Callable[[Effort], Any]] = {
    "throughput": throughput.measure,
    "live": live.measure,
    "start": footprint.start,
    "memory": footprint.memory,
    "framecheck": footprint.framecheck,
    "agreement": agreement.measure,
}
QUICK = Effort(rounds=1, frames=0.5, quick=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}, or report: only write it anew")
    parser.add_argument("--rounds", type=int, default=Effort.rounds)
    parser.add_argument("--quick", action="store_true", help="one round, few frames; into build/bench/results")
    given = parser.parse_args()
    unknown = set(given.parts) - {*PARTS, "report"}
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    if not ASSETS.is_dir():
        parser.error(f"there is no folder {ASSETS}; name the test assets in STREAMCLF_TEST_ASSETS")
    folder = CACHE / "results" if given.quick else HERE / "results"
    effort = QUICK if given.quick else Effort(rounds=given.rounds)
    folder.mkdir(parents=True, exist_ok=True)
    for part in given.parts or PARTS:
        if part != "report":
            measure(part, effort, folder)
    print(report.write(folder))


def measure(part: str, effort: Effort, folder: Path) -> None:
    """Measure one part and enter it in ``bench.json``; what was measured on another machine goes."""
    say(f"== {part}")
    started, neighbours = datetime.now(UTC), machine.Neighbours()
    measured = PARTS[part](effort)
    path = folder / "bench.json"
    found = json.loads(path.read_text()) if path.is_file() else {}
    here = machine.describe()
    if {**found.get("machine", {}), "commit": ""} != {**here, "commit": ""}:
        found = {}
    entry = {
        "measured_at": started.isoformat(timespec="minutes"),
        "minutes": round((datetime.now(UTC) - started).total_seconds() / 60, 1),
        "rounds": effort.rounds,
        "others_share": neighbours.share(),
        "commit": here["commit"],
        "result": measured,
    }
    found = {"machine": here, **{name: found[name] for name in PARTS if name in found}, part: entry}
    path.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
