"""What every engine has to do: one suite, the fake one included."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from streamclf.catalogue.find import find_model
from streamclf.engine import Engine, EngineLoader, EngineName, EngineWish
from streamclf.errors import EngineError
from streamclf.interpreter import Interpreter
from streamclf.loading import make_loader
from streamclf.proof import Batch, probe_pictures
from streamclf.testing import FakeEngine, FakeLoader, ScriptedSource

NETWORKS = (
    "mobilenet-v1-0.25",
    "mobilenet-v2-dequant",
    "mobilenet-v2-qdq",
    "squeezenet-1.0-dc",
    "squeezenet-1.0-dc-torch",
    "tiny-darknet",
    # detectors
    "face-detector",
    "nanodet",
    "yolo-fastest-1.1",
)
TFLITE = ("mobilenet-v1-0.25-quant-tflite", "mobilenet-v2-ptq-tflite", "mobilenet-v2-quant-tflite")
ONNX = ("framecheck", "mobilenet-v2-dequant", "mobilenet-v2-qdq", "nanodet")


@dataclass(frozen=True)
class Case:
    loader: EngineLoader
    pictures: Batch
    interpreter: Interpreter | None = None


def fake() -> Case:
    return Case(FakeLoader(lambda: FakeEngine(best_batch=2)), probe_pictures(4, (8, 8), 3))


def real(engine: EngineName, name: str) -> Callable[[], Case]:
    def make() -> Case:
        model = find_model(name)
        plan = model.card.fit_plan()
        pictures = probe_pictures(4, plan.size_wh, plan.channels)
        return Case(make_loader(model, EngineWish(live=True, batch=4), engine), pictures, Interpreter(model, 5))

    return make


REAL = {f"opencv {name}": real("opencv", name) for name in NETWORKS}
REAL |= {f"{engine} {name}": real(engine, name) for engine in ("onnxruntime", "openvino") for name in ONNX}
REAL |= {f"openvino {name}": real("openvino", name) for name in ("mobilenet-v1-0.25",)}
REAL |= {f"{engine} {name}": real(engine, name) for engine in ("litert", "openvino") for name in TFLITE}
CASES = {"fake": fake} | REAL


MADE: dict[str, Case] = {}
"""A loader proves its network once, for all tests."""


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, models_env: Path) -> Case:
    name: str = request.param
    if name not in MADE:
        MADE[name] = CASES[name]()
    return MADE[name]


@pytest.fixture
def engine(case: Case) -> Iterator[Engine]:
    with closing(case.loader.load()) as loaded:
        yield loaded


def test_what_it_says_of_itself_is_consistent(engine: Engine, case: Case) -> None:
    info = engine.info
    assert info.batch_sizes[0] == 1
    assert list(info.batch_sizes) == sorted(set(info.batch_sizes))
    assert info.best_batch in info.batch_sizes
    assert info.lanes == case.loader.lanes >= 1
    assert info.threads >= 1
    assert info.effective_target == info.requested_target or info.notes
    assert info.name


def test_every_proven_size_gives_the_answers_of_single_pictures(engine: Engine, case: Case) -> None:
    alone = [engine.run(picture[None]) for picture in case.pictures]
    for size in engine.info.batch_sizes:
        for name, output in engine.run(case.pictures[:size]).items():
            assert output.dtype == np.float32
            assert output.shape[0] == size
            for row, single in zip(output, alone, strict=False):
                np.testing.assert_allclose(row.ravel(), single[name].ravel(), rtol=1e-3, atol=1e-4)


def test_sizes_may_change_from_run_to_run(engine: Engine, case: Case) -> None:
    sizes = [*engine.info.batch_sizes, *reversed(engine.info.batch_sizes)]
    assert [len(next(iter(engine.run(case.pictures[:size]).values()))) for size in sizes] == sizes


def test_the_pictures_are_left_as_they_are(engine: Engine, case: Case) -> None:
    pictures = case.pictures[:1].copy()
    pictures.setflags(write=False)
    engine.run(pictures)
    np.testing.assert_array_equal(pictures, case.pictures[:1])


def test_an_answer_outlives_the_next_run_and_the_engine(engine: Engine, case: Case) -> None:
    kept = engine.run(case.pictures[:1])
    copies = {name: output.copy() for name, output in kept.items()}
    engine.run(case.pictures[1:2])
    engine.close()
    for name, output in kept.items():
        np.testing.assert_array_equal(output, copies[name])


@pytest.mark.parametrize("case", REAL, indirect=True)
def test_its_interpreter_makes_predictions_of_the_outputs(engine: Engine, case: Case) -> None:
    assert case.interpreter is not None
    size = engine.info.batch_sizes[-1]
    frames = list(ScriptedSource(list(range(size))))
    predictions = case.interpreter.predictions(frames, engine.run(case.pictures[:size]))
    assert [p.frame for p in predictions] == frames
    for prediction in predictions:
        assert 0 <= prediction.top.probability <= 1
        assert (prediction.boxes is None) == bool(prediction.scores)  # on these pictures no detector finds anything
        for found in (*prediction.scores, *(prediction.boxes or ())):
            assert found.label == case.interpreter.labels[found.class_id]


def test_closing_twice_is_fine(engine: Engine) -> None:
    engine.close()
    engine.close()


def test_a_second_load_is_an_engine_of_its_own(case: Case) -> None:
    first, second = case.loader.load(), case.loader.load()
    first.close()
    assert len(next(iter(second.run(case.pictures[:1]).values()))) == 1
    second.close()
    if not isinstance(case.loader, FakeLoader):
        with pytest.raises(EngineError):
            second.run(case.pictures[:1])
