"""A softmax is taken off the end of a Keras network only where it is the end."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

os.environ["KERAS_BACKEND"] = "torch"
import keras

from streamclf.exporters.keras import _without_softmax


def body() -> tuple[Any, Any]:
    keras.utils.set_random_seed(3)
    pictures = keras.Input((16, 16, 3))
    return pictures, keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(3, 3)(pictures))


def used_twice(found: Any) -> Any:
    dense = keras.layers.Dense(3, activation="softmax")
    return dense(dense(found))


def followed_by_arithmetic(found: Any) -> Any:
    return keras.ops.abs(keras.layers.Dense(3, activation="softmax")(found) - 1.0) / 2.0


def mean_of_two(found: Any) -> Any:
    return (
        keras.layers.Dense(3, activation="softmax")(found) + keras.layers.Dense(3, activation="softmax")(found)
    ) / 2.0


def turned_round(found: Any) -> Any:
    return keras.ops.flip(keras.layers.Activation("softmax")(keras.layers.Dense(3)(found)), axis=-1)


def dense_softmax(found: Any) -> Any:
    return keras.layers.Dense(3, activation="softmax")(found)


def softmax_layer(found: Any) -> Any:
    return keras.layers.Softmax()(keras.layers.Dense(3)(found))


PICTURES = np.random.default_rng(1).random((4, 16, 16, 3), np.float32)


@pytest.mark.parametrize("end", [used_twice, followed_by_arithmetic, mean_of_two, turned_round])
def test_a_softmax_inside_a_network_stays(end: Any) -> None:
    pictures, found = body()
    model = keras.Model(pictures, end(found))
    before = model.predict(PICTURES, verbose=0)
    bare, was_taken_off = _without_softmax(model, "net")
    assert not was_taken_off
    np.testing.assert_array_equal(bare.predict(PICTURES, verbose=0), before)


@pytest.mark.parametrize("end", [dense_softmax, softmax_layer])
def test_a_softmax_at_the_end_is_left_to_streamclf(end: Any) -> None:
    pictures, found = body()
    model = keras.Model(pictures, end(found))
    before = model.predict(PICTURES, verbose=0)
    bare, was_taken_off = _without_softmax(model, "net")
    assert was_taken_off
    powers = np.exp(bare.predict(PICTURES, verbose=0).astype(np.float64))
    np.testing.assert_allclose(powers / powers.sum(1, keepdims=True), before, rtol=1e-5)
