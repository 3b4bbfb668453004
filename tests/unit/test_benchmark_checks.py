"""What the benchmark calls held and missed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import checks

    yield checks
    for name in ("checks", "common"):
        sys.modules.pop(name, None)


def contender(name: str, engine: str, precision: str, fps: tuple[float, float, float], **more: Any) -> dict[str, Any]:
    low, median, high = fps
    rate = {"median": median, "min": low, "max": high}
    entry = {"name": name, "ours": name.startswith("streamclf"), "engine": engine, "precision": precision, "fps": rate}
    one = {"median": 1.0, "min": 1.0, "max": 1.0}
    return {**entry, "over_plain": one, "share_of_limit": one, "share_side_by_side": one, **more}


def verdict(checks: ModuleType, part: str, *contenders: dict[str, Any]) -> Any:
    task = {"title": "Net", "network": "net", "clip": "clip", "contenders": list(contenders)}
    return next(check for check in checks.checks({"throughput": [task]}) if part in check.what)


def test_behind_the_peer_by_more_than_the_spread_is_missed(checks):
    ours = contender("streamclf, OpenVINO", "openvino", "exact", (79, 80, 81))
    peer = contender("loop", "openvino", "exact", (99, 100, 101))
    check = verdict(checks, "peer", ours, peer)
    assert check.held is False
    assert "0.80 of loop" in check.measured


def test_behind_the_peer_within_the_spread_is_held(checks):
    ours = contender("streamclf, OpenVINO", "openvino", "exact", (80, 96, 101))
    peer = contender("loop", "openvino", "exact", (99, 100, 101))
    assert verdict(checks, "peer", ours, peer).held is True


def test_the_engine_that_does_worst_decides_though_others_are_ahead(checks):
    ahead = contender("streamclf, OpenVINO", "openvino", "exact", (199, 200, 201))
    behind = contender("streamclf, OpenCV", "opencv", "exact", (39, 40, 41))
    peers = (
        contender("fast loop", "openvino", "exact", (99, 100, 101)),
        contender("slow loop", "opencv", "exact", (49, 50, 51)),
    )
    check = verdict(checks, "peer", ahead, behind, *peers)
    assert check.held is False
    assert check.measured.startswith("1 of 2; least: streamclf, OpenCV")


@pytest.mark.parametrize(("precision", "held"), [("exact", True), ("fast", False)])
def test_auto_is_held_against_peers_in_16_bits_only_where_it_may_use_them(checks, precision, held):
    auto = contender("streamclf, auto", "auto", precision, (79, 80, 81))
    exact_peer = contender("loop", "onnxruntime", "exact", (49, 50, 51))
    fast_peer = contender("async", "openvino", "fast", (99, 100, 101))
    assert verdict(checks, "peer", auto, exact_peer, fast_peer).held is held


def test_the_least_share_of_the_limit_decides(checks):
    good = contender("streamclf, OpenVINO", "openvino", "exact", (1, 1, 1))
    share = {"median": 0.92, "min": 0.9, "max": 0.99}
    bad = contender("streamclf, OpenCV", "opencv", "exact", (1, 1, 1), share_of_limit=share)
    peers = (contender("a", "openvino", "exact", (1, 1, 1)), contender("b", "opencv", "exact", (1, 1, 1)))
    check = verdict(checks, "share", good, bad, *peers)
    assert check.held is False
    assert "streamclf, OpenCV" in check.measured


def test_int8_answers_are_told_and_not_judged(checks):
    rows = [{"engine": "onnxruntime:exact", "same_top1": 0.8}]
    networks = [{"title": title, "int8": title == "small", "engines": rows} for title in ("small", "large")]
    found = checks.checks({"agreement": {"frames": 10, "networks": networks}})
    assert [check.held for check in found] == [None, False]


def test_without_a_comparable_peer_nothing_is_judged(checks):
    ours = contender("streamclf, OpenVINO", "openvino", "exact", (1, 1, 1))
    peer = contender("loop", "opencv", "exact", (9, 9, 9))
    assert verdict(checks, "peer", ours, peer).held is None
