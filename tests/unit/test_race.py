from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamclf import race
from streamclf.catalogue.find import ResolvedModel, find_model
from streamclf.engine import Arithmetic, EngineInfo, EngineName, EngineWish
from streamclf.errors import CardError, EngineError
from streamclf.frame import FitPlan
from streamclf.race import SURE, disagreement, race_pictures, remembered_race, run_race, surest, write_race

VERSIONS: dict[EngineName, str] = {"opencv": "4.14", "openvino": "2026.1"}


@pytest.fixture
def model(models_env: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ResolvedModel:
    monkeypatch.setenv("STREAMCLF_CACHE", str(tmp_path / "cache"))  # not the races that other tests remember
    return find_model("framecheck")


class Scripted:
    """An engine that answers by the pictures' mean brightness; ``twist`` changes its logits."""

    def __init__(self, arithmetic: Arithmetic = "float32", twist: Any = None, fault: Exception | None = None):
        self.info = EngineInfo("scripted", "cpu", "cpu", (1,), 1, 1, 1, arithmetic=arithmetic)
        self.lanes = 1
        self.closed = 0
        self._twist, self._fault = twist, fault

    def load(self) -> Scripted:
        if self._fault is not None:
            raise self._fault
        return self

    def run(self, batch: np.ndarray[Any, Any]) -> Mapping[str, np.ndarray[Any, Any]]:
        means = batch.reshape(len(batch), -1).mean(axis=1)
        logits = -np.abs(means[:, None] / 28 - np.arange(9)).astype(np.float32) * 3
        return {"logits": logits if self._twist is None else self._twist(logits)}

    def close(self) -> None:
        self.closed += 1


@pytest.fixture(autouse=True)
def no_expectation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scripted engines say other things than the real network."""
    monkeypatch.setattr(race, "_unexpected", lambda engine, interpreter, model: None)


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> dict[int, float]:
    """Milliseconds a picture by engine (its id), instead of a stopwatch."""
    table: dict[int, float] = {}
    monkeypatch.setattr(race, "_best_ms", lambda engine, pictures, live: table[id(engine)])
    return table


def _itself(runner: Scripted) -> Scripted:
    return runner


def hold(model: ResolvedModel, times: dict[int, float], *runners: tuple[EngineName, Scripted, float]) -> race.Race:
    times.update({id(runner): ms for _, runner, ms in runners})
    return run_race({name: partial(_itself, runner) for name, runner, _ in runners}, model, EngineWish())  # type: ignore[misc]


def test_the_fastest_of_those_that_agree_wins(model: ResolvedModel, times: dict[int, float]) -> None:
    slow, quick = Scripted(), Scripted(twist=lambda logits: logits + 1e-5)
    found = hold(model, times, ("opencv", slow, 9.0), ("openvino", quick, 2.0))
    assert found.winner == "openvino"
    assert [lap.picture_ms for lap in found.laps] == [9.0, 2.0]
    assert found.pictures == SURE
    assert (slow.closed, quick.closed) == (1, 1)


def test_an_engine_that_says_something_else_is_out_however_fast(model: ResolvedModel, times: dict[int, float]) -> None:
    found = hold(
        model,
        times,
        ("opencv", Scripted(), 9.0),
        ("openvino", Scripted(twist=lambda logits: logits[:, ::-1]), 1.0),
        ("onnxruntime", Scripted(twist=lambda logits: logits * 0.9), 1.0),
    )
    assert found.winner == "opencv"
    _, mirrored, flat = found.laps
    assert mirrored.problem is not None
    assert "another top-1 on " in mirrored.problem
    assert mirrored.picture_ms is None
    assert flat.problem is not None
    assert flat.problem.startswith("a probability is off by ")


def test_fewer_bits_may_be_off_by_more_but_not_by_anything(model: ResolvedModel, times: dict[int, float]) -> None:
    for factor, taken in ((0.9, True), (0.2, False)):
        rough = Scripted("bfloat16", lambda logits, factor=factor: logits * factor)
        found = hold(model, times, ("opencv", Scripted(), 9.0), ("openvino", rough, 1.0))
        assert (found.winner == "openvino") is taken


def test_an_engine_that_fails_is_out_and_the_others_go_on(model: ResolvedModel, times: dict[int, float]) -> None:
    broken = Scripted(fault=EngineError("net: an operator is unknown"))
    found = hold(model, times, ("opencv", broken, 0.0), ("openvino", Scripted(), 3.0))
    assert found.winner == "openvino"
    assert found.laps[0].problem == "net: an operator is unknown"


def test_where_all_fail_the_first_one_s_reason_is_raised(model: ResolvedModel, times: dict[int, float]) -> None:
    with pytest.raises(CardError, match=r"card\.toml: says so"):
        hold(
            model,
            times,
            ("opencv", Scripted(fault=CardError("card.toml: says so")), 0.0),
            ("openvino", Scripted(fault=EngineError("cannot")), 0.0),
        )


def test_a_reference_that_contradicts_the_published_answers_is_no_reference(
    model: ResolvedModel, times: dict[int, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong, right = Scripted(twist=lambda logits: logits[:, ::-1]), Scripted()
    monkeypatch.setattr(
        race, "_unexpected", lambda engine, interpreter, model: "portrait: other classes" if engine is wrong else None
    )
    found = hold(model, times, ("opencv", wrong, 1.0), ("openvino", right, 5.0))
    assert found.winner == "openvino"
    assert found.laps[0].problem == "portrait: other classes"


def test_the_pictures_are_enough_and_differ(model: ResolvedModel) -> None:
    pictures = race_pictures(FitPlan("stretch", (32, 32)))
    assert len(pictures) == 87
    assert len({picture.tobytes() for picture in pictures}) == 87


def test_the_surest_are_those_whose_best_class_is_furthest_ahead() -> None:
    class Answer:
        def __init__(self, *probabilities: float):
            self.probabilities = np.array(probabilities)

    answers: Any = [Answer(0.5, 0.5, 0), Answer(0.9, 0.1, 0), Answer(0.4, 0.3, 0.3), Answer(0.1, 0.2, 0.7)]
    assert surest(answers, 2) == [1, 3]


def test_disagreement_counts_the_pictures() -> None:
    class Answer:
        def __init__(self, *probabilities: float):
            self.probabilities = np.array(probabilities)
            self.top = type("Top", (), {"class_id": int(self.probabilities.argmax())})

    ours: Any = [Answer(0.6, 0.4), Answer(0.45, 0.55)]
    theirs: Any = [Answer(0.6, 0.4), Answer(0.55, 0.45)]
    problem, apart = disagreement(ours, theirs, rough=True)
    assert problem == "another top-1 on 1 of 2 pictures"
    assert apart == pytest.approx(0.1)


# ---- remembering


def outcome() -> race.Race:
    return race.Race("openvino", (race.Lap("opencv", 7.5, "float32", 0.0, None),), 24)


def test_a_race_is_remembered_for_the_same_network_machine_and_libraries_only(model: ResolvedModel) -> None:
    write_race(outcome(), model, EngineWish(), VERSIONS)
    assert remembered_race(model, EngineWish(), VERSIONS) == outcome()
    assert remembered_race(model, EngineWish(precision="fast"), VERSIONS) is None
    assert remembered_race(model, EngineWish(live=True), VERSIONS) is None
    assert remembered_race(model, EngineWish(threads=1), VERSIONS) is None
    assert remembered_race(model, EngineWish(), VERSIONS | {"openvino": "2026.2"}) is None
    assert remembered_race(find_model("mobilenet-v2-qdq"), EngineWish(), VERSIONS) is None
    assert remembered_race(model, EngineWish(batch=4), VERSIONS) == outcome(), "the batch does not decide it"


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"race": {"winner": "abacus", "laps": [], "pictures": 1}}', "[" * 100_000]
)
def test_a_damaged_memory_is_none(model: ResolvedModel, content: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write_race(outcome(), model, EngineWish(), VERSIONS)
    (path,) = (Path(race.cache_folder()) / "races").glob("*.json")
    assert json.loads(path.read_text())["of"]["versions"] == VERSIONS
    path.write_text(content)
    assert remembered_race(model, EngineWish(), VERSIONS) is None


def test_where_nothing_can_be_written_the_run_goes_on(
    model: ResolvedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("STREAMCLF_CACHE", str(tmp_path / "file"))
    write_race(outcome(), model, EngineWish(), VERSIONS)
    assert "cannot be remembered" in caplog.text
