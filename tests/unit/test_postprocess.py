from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from streamclf.errors import EngineError
from streamclf.vision.postprocess import class_rows, probabilities, softmax, softmax_contradiction, top_k

logits = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=12),
    elements=st.floats(-(2.0**100), 2.0**100, width=32),
)
few_logits = hnp.arrays(
    np.float32, st.tuples(st.integers(1, 4), st.integers(1, 9)), elements=st.floats(-20, 20, width=32)
)


@given(logits)
def test_softmax_rows_are_probabilities_whatever_the_logits(rows: npt.NDArray[np.float32]) -> None:
    result = softmax(rows)
    assert result.dtype == np.float32
    assert result.shape == rows.shape
    assert (result >= 0).all()
    assert np.abs(result.sum(axis=1) - 1).max() < 1e-5


@given(few_logits)
def test_softmax_answers_for_each_row_alone_and_ignores_a_common_shift(rows: npt.NDArray[np.float32]) -> None:
    together = softmax(rows)
    for row, alone in zip(together, rows, strict=True):
        np.testing.assert_array_equal(row, softmax(alone[None])[0])
    np.testing.assert_allclose(softmax(rows + 64), together, atol=1e-5)


def test_softmax_of_known_numbers() -> None:
    np.testing.assert_allclose(
        softmax(np.log(np.array([[1.0, 2.0, 5.0], [1.0, 1.0, 2.0]]))), [[0.125, 0.25, 0.625], [0.25, 0.25, 0.5]]
    )


@pytest.mark.parametrize("shape", [(3, 5), (3, 5, 1, 1), (3, 1, 5), (3, 1, 1, 5), (3, 1, 5, 1)])
def test_every_shape_of_a_batch_gives_one_row_a_picture(shape: tuple[int, ...]) -> None:
    numbers = np.arange(15, dtype=np.float32)
    np.testing.assert_array_equal(class_rows(numbers.reshape(shape), 3, 5), numbers.reshape(3, 5))


@pytest.mark.parametrize(
    ("shape", "n", "width"), [((5,), 1, 5), ((1, 5), 1, 5), ((4, 1), 4, 1), ((4, 1, 1, 1), 4, 1), ((1, 1), 1, 1)]
)
def test_single_pictures_and_single_numbers_have_rows_too(shape: tuple[int, ...], n: int, width: int) -> None:
    assert class_rows(np.zeros(shape, np.float32), n, width).shape == (n, width)


@pytest.mark.parametrize(
    ("shape", "n", "width"),
    [
        ((1, 5), 3, 5),
        ((3, 6), 3, 5),
        ((5, 3), 3, 5),
        ((3, 5, 2), 3, 5),
        ((3, 5, 7, 7), 3, 5),
        ((15,), 3, 5),
        ((3,), 3, 1),
        ((2, 5, 2), 2, 10),
    ],
)
def test_a_shape_that_does_not_fit_is_named(shape: tuple[int, ...], n: int, width: int) -> None:
    with pytest.raises(EngineError, match=str(shape).replace("(", r"\(").replace(")", r"\)")):
        class_rows(np.zeros(shape, np.float32), n, width)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_is_an_error_and_never_a_label(bad: float) -> None:
    rows = np.zeros((3, 5), np.float32)
    rows[2, 3] = bad
    with pytest.raises(EngineError, match="the network produced NaN"):
        class_rows(rows, 3, 5)


def test_probabilities_are_taken_as_they_are_and_logits_are_not() -> None:
    rows = np.array([[0.25, 0.75]], np.float32)
    np.testing.assert_array_equal(probabilities(rows, is_softmax=True), rows)
    np.testing.assert_array_equal(probabilities(rows, is_softmax=False), softmax(rows))


def test_the_background_is_left_out_without_renormalising_and_ids_count_after_it() -> None:
    rows = np.array([[0.6, 0.1, 0.3]], np.float32)
    left = probabilities(rows, is_softmax=True, background=1)
    np.testing.assert_array_equal(left, rows[:, 1:])
    assert top_k(left[0], ["cat", "dog"], 1)[0].class_id == 1


@pytest.mark.parametrize("is_softmax", [True, False])
def test_probabilities_are_float32_read_only_and_at_most_one(is_softmax: bool) -> None:
    result = probabilities(np.array([[1.0000002, 0.0]], np.float64), is_softmax)
    assert result.dtype == np.float32
    assert result.max() <= 1
    with pytest.raises(ValueError, match="read-only"):
        result[0, 0] = 0.5


@given(few_logits)
def test_a_card_that_says_the_wrong_thing_of_softmax_is_contradicted(rows: npt.NDArray[np.float32]) -> None:
    done = softmax(rows)
    assert softmax_contradiction(done, is_softmax=True) is None
    assert (softmax_contradiction(done, is_softmax=False) is None) == (rows.shape[1] == 1)
    assert "no probabilities" in (softmax_contradiction(rows - 30, is_softmax=True) or "")


@given(few_logits.filter(lambda rows: rows.shape[1] > 1), st.integers(1, 500))
def test_probabilities_in_steps_of_a_256th_are_known_though_many_small_ones_are_gone(
    rows: npt.NDArray[np.float32], small: int
) -> None:
    done = softmax(np.concatenate([rows, np.full((len(rows), small), -3.0, np.float32)], axis=1))
    levels = (np.rint(done * 256) / 256).clip(0, 255 / 256)
    assert softmax_contradiction(levels, is_softmax=True) is None
    assert "probabilities already" in (softmax_contradiction(levels, is_softmax=False) or "")


@pytest.mark.parametrize("row", [[0.25, 0.25, 0.25], [0.5, 0.75], [1.0, 1.0], [0.5, 0.49]])
def test_whole_256ths_that_cannot_add_up_to_one_are_no_probabilities(row: list[float]) -> None:
    assert "no probabilities" in (softmax_contradiction(np.array([row]), is_softmax=True) or "")


@given(hnp.arrays(np.float32, st.integers(1, 30), elements=st.sampled_from([0.0, 0.1, 0.25, 0.5])), st.integers(1, 40))
def test_the_best_come_first_and_equals_by_class_id(row: npt.NDArray[np.float32], k: int) -> None:
    best = top_k(row, [f"c{i}" for i in range(len(row))], k)
    assert len(best) == min(k, len(row))
    order = sorted(range(len(row)), key=lambda i: (-row[i], i))[:k]
    assert [score.class_id for score in best] == order
    assert all(score.label == f"c{score.class_id}" and score.probability == row[score.class_id] for score in best)
