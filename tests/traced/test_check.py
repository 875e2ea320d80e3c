"""The check after an upload: what is served computes what the model does."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops
from layerscope_client import Layerscope
from layerscope_client.keras import DifferenceWarning, check


def model(scale: float) -> keras.Model:
    """Return a model with a Lambda."""
    first = keras.Input((6,), name="first")
    other = keras.Input((5,), dtype="int32", name="other")
    words = ops.mean(layers.Embedding(10, 6, embeddings_initializer="ones")(other), axis=1)
    return keras.Model(
        [first, other], layers.Lambda(lambda pair: pair[0] * scale + pair[1], name="scaled")([first, words])
    )


def test_the_same_model_is_the_same(serve: Callable[..., Any], ls: Layerscope) -> None:
    """On random numbers and ids."""
    serve(model(2.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert check(ls["traced"], model(2.0)) == {"scaled": 0.0}


def test_another_model_is_warned_of(serve: Callable[..., Any], ls: Layerscope) -> None:
    """With the address and the difference."""
    serve(model(2.0))
    with pytest.warns(DifferenceWarning, match="scaled of .* differs from the model itself by"):
        found = check(ls["traced"], model(2.5))
    assert found["scaled"] > 0.05


def test_arrays_may_be_given(serve: Callable[..., Any], ls: Layerscope) -> None:
    """In place of random ones."""
    serve(model(2.0))
    arrays = [np.ones((2, 6), "float32"), np.zeros((2, 5), "int32")]
    assert check(ls["traced"], model(2.0), arrays) == {"scaled": 0.0}
