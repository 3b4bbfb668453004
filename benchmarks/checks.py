"""What must hold, each as a row: what, wanted, measured, held or missed. Only of the parts that were measured."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from common import Spread, show

SHARE_OF_LIMIT = 0.93
OVER_PLAIN = {
    ("640x360", "squeezenet"): {"fast": 3.7, "exact": 2.3},
    ("640x360", "mobilenet-v2"): {"fast": 3.7, "exact": 2.3},
    ("640x360", "resnet-50"): {"fast": 5.0, "exact": 3.0},
    ("1920x1080", "squeezenet"): {"fast": 2.0, "exact": 1.6},
}
"""How many times the plain OpenCV loop's rate, with ``--engine auto``."""
SAME_TOP1 = 0.995
FIRST_LABEL_S = 1.0
PEAK_MB = 250
SEVERAL_SOURCES = 0.95
OLDEST_FORWARD_PASSES = 2
HELP_OVER_MINIMAL = 1.5
FRAMECHECK_MS = 4


@dataclass(frozen=True)
class Check:
    """``held`` is None where a number is only reported."""

    what: str
    wanted: str
    measured: str
    held: bool | None

    @property
    def verdict(self) -> str:
        return {True: "held", False: "**missed**", None: "-"}[self.held]


def checks(results: dict[str, Any]) -> list[Check]:
    """``results``: each part's own, by the part's name."""
    parts: dict[str, Callable[[Any], Iterator[Check]]] = {
        "throughput": _throughput,
        "live": _live,
        "start": _start,
        "memory": _memory,
        "framecheck": _framecheck,
        "agreement": _agreement,
    }
    return [check for part, make in parts.items() if part in results for check in make(results[part])]


def _throughput(tasks: list[dict[str, Any]]) -> Iterator[Check]:
    for task in tasks:
        where = f"{task['title']}, {task['clip']}"
        ours = [entry for entry in task["contenders"] if entry["ours"]]
        peers = [entry for entry in task["contenders"] if not entry["ours"]]
        least = min(ours, key=lambda entry: entry["share_of_limit"]["median"])
        share = least["share_of_limit"]
        yield Check(
            f"{where}: share of the limit, every engine",
            f"at least {SHARE_OF_LIMIT}",
            f"{show(share)} or more; least: {least['name']}, {show(least['share_side_by_side'])} of what its forward passes allow "
            "that run side by side",
            share["median"] >= SHARE_OF_LIMIT,
        )
        yield _beside_peers(where, ours, peers)
        wanted = OVER_PLAIN.get((task["clip"], task["network"]), {})
        for entry in ours:
            if entry["engine"] == "auto":
                what, ratio = f"{where}: {entry['name']}, times the plain OpenCV loop", entry["over_plain"]
                times = wanted.get(entry["precision"])
                yield _least(what, times, ratio) if times else Check(what, "-", show(ratio), None)


def _beside_peers(where: str, ours: list[dict[str, Any]], peers: list[dict[str, Any]]) -> Check:
    """Each of ours beside the fastest comparable peer; the one that does worst is told."""
    pairs = []
    for entry in ours:
        best = max(
            (peer for peer in peers if _comparable(entry, peer)), key=lambda peer: peer["fps"]["median"], default=None
        )
        if best is not None:
            # what it is behind by, less the spread, as a share of the peer's rate
            lead = entry["fps"]["median"] + _width(entry, best) - best["fps"]["median"]
            pairs.append((lead / best["fps"]["median"], entry, best))
    what = f"{where}: every engine beside the fastest peer with the same one; auto beside all"
    if not pairs:
        return Check(what, "-", "no peer", None)
    behind = sum(lead < 0 for lead, _, _ in pairs)
    _, entry, best = min(pairs, key=lambda pair: pair[0])
    mine, theirs = entry["fps"]["median"], best["fps"]["median"]
    return Check(
        what,
        "not behind by more than the spread",
        f"{len(pairs) - behind} of {len(pairs)}; least: {entry['name']}, {mine:.0f} fps, {mine / theirs:.2f} of "
        f"{best['name']}, spread {_width(entry, best):.0f}",
        not behind,
    )


def _comparable(entry: dict[str, Any], peer: dict[str, Any]) -> bool:
    """The same engine in the same precision; for ``auto`` any engine that is no less exact."""
    if entry["engine"] == "auto":
        return bool(entry["precision"] == "fast" or peer["precision"] == "exact")
    return bool(peer["engine"] == entry["engine"] and peer["precision"] == entry["precision"])


def _width(*entries: dict[str, Any]) -> float:
    """The larger one of their spreads, in frames a second."""
    return max(float(entry["fps"]["max"] - entry["fps"]["min"]) for entry in entries)


def _live(live: dict[str, Any]) -> Iterator[Check]:
    for row in live["latency"]:
        p99, alone = row["total_ms"]["p99"], row["fit_and_forward_ms"]
        yield Check(
            f"live, 30 fps, {row['clip']}, {row['engine']} {row['precision']}: p99 of capture to result",
            f"at most 1.3 x (fit + forward) + 5 ms = {1.3 * alone['median'] + 5:.1f} ms",
            f"{show(p99, 1)} ms; its forward pass alone, 30 times a second: {show(row['spaced_forward_p99_ms'], 1)} ms",
            row["p99_over_allowed"]["median"] <= 1,
        )
    for row in live["sources"]:
        what = f"four sources on one network, {row['engine']} {row['precision']}: rate of one source that saturates it"
        yield _least(what, SEVERAL_SOURCES, row["ratio"])
    for row in live["overload"]:
        age = row["age_in_forward_passes_max"]
        yield Check(
            f"overloaded, {row['sources']} live: oldest frame at its forward pass, in forward passes",
            f"below {OLDEST_FORWARD_PASSES}",
            f"{age:.2f}",
            age < OLDEST_FORWARD_PASSES and row["conserved"],
        )


def _start(start: dict[str, Any]) -> Iterator[Check]:
    for row in start["first_label"]:
        yield _most(f"first label with {row['engine']}, SqueezeNet, seconds", FIRST_LABEL_S, row["first_row_s"])
    yield _most("time of --help, over a minimal program's", HELP_OVER_MINIMAL, start["help_over_minimal"])


def _memory(rows: list[dict[str, Any]]) -> Iterator[Check]:
    for row in rows:
        wanted = row["engine"] == "onnxruntime"
        yield Check(
            f"resident memory, SqueezeNet, 1080p, {row['engine']} (runs on {row['runs_on']})",
            f"at most {PEAK_MB} MB" if wanted else "-",
            f"{row['peak_mb']} MB",
            row["peak_mb"] <= PEAK_MB if wanted else None,
        )


def _framecheck(row: dict[str, Any]) -> Iterator[Check]:
    yield _most("framecheck on a 1080p frame, fit and forward on one thread, ms", FRAMECHECK_MS, row["total_ms"])


def _agreement(found: dict[str, Any]) -> Iterator[Check]:
    for network in found["networks"]:
        for row in network["engines"]:
            binding = row["engine"].endswith(":exact") and not network["int8"]
            yield Check(
                f"{network['title']}: {row['engine'].replace(':', ', ')}: same top-1 as OpenCV",
                f"at least {SAME_TOP1:.1%}" if binding else "-",
                f"{row['same_top1']:.1%} of {found['frames']} frames",
                row["same_top1"] >= SAME_TOP1 if binding else None,
            )


def _least(what: str, wanted: float, measured: Spread) -> Check:
    return Check(what, f"at least {wanted}", show(measured), measured["median"] >= wanted)


def _most(what: str, wanted: float, measured: Spread) -> Check:
    return Check(what, f"at most {wanted}", show(measured), measured["median"] <= wanted)
