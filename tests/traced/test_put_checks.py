"""The comparison after `put`: what is served, and what the model computes in this process."""

from __future__ import annotations

import warnings
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops
from layerscope_client import AsyncLayerscope, Layerscope
from layerscope_client.keras import DifferenceWarning, UncheckedWarning

from tests.traced.conftest import Array
from tests.traced.models_with_code import graph

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # raised by Keras


class Shifted(layers.Layer):
    """A layer that adds one in the trace, and two otherwise."""

    def call(self, x: Any) -> Any:
        return x + (1 if isinstance(x, keras.KerasTensor) else 2)


@pytest.mark.parametrize(("check", "is_warned"), [(None, True), (True, True), (False, False)])
async def test_a_traced_model_is_checked(
    ls: Layerscope, als: AsyncLayerscope, check: bool | None, is_warned: bool
) -> None:
    """Unless it is not to be: what is served is compared with what its code computes."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ls.put("shifted", graph(Shifted()), check=check)
        await als.put("shifted", graph(Shifted()), check=check)
    assert [one.category for one in caught] == [DifferenceWarning] * (2 * is_warned)


def test_a_plain_model_is_checked_where_it_is_asked_for(ls: Layerscope, sent: list[bytes]) -> None:
    """It is run once on each side; by default it is not run at all."""
    model = graph(layers.ReLU(name="relu"))
    ls.put("plain", model)
    assert len(sent) == 1
    ls.put("plain", model, check=True)
    assert len(sent) > 2
    with pytest.raises(TypeError, match="leave check out"):
        ls.put("plain", {"input": [6], "layers": [{"type": "ReLU"}]}, check=True)


def test_what_cannot_be_checked_is_registered_with_a_warning(ls: Layerscope, rows: Array) -> None:
    """Its code does not run on random numbers; on arrays that are given, it does."""

    class Careful(layers.Layer):
        def call(self, x: Any) -> Any:
            if hasattr(x, "numpy") and float(ops.max(x)) < 50:
                raise ValueError("small numbers")
            return x * 2

    first = keras.Input((6,), name="first")
    model = keras.Model(first, Careful(name="careful")(first))
    with pytest.warns(UncheckedWarning, match=r"careful is registered.*inputs=.*small numbers"):
        ls.put("careful", model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        served = ls.put("careful", model, inputs=rows + 100)
    (address,) = served.summary().outputs
    np.testing.assert_array_equal(served.activations(rows + 100, address)[address], (rows + 100) * 2)


def test_ids_may_be_floats(ls: Layerscope) -> None:
    """As an input without a dtype has them: the model is compared on ids, not on normal numbers."""

    class Tokens(layers.Layer):
        def __init__(self) -> None:
            super().__init__(name="tokens")
            self.table = layers.Embedding(7, 3)

        def call(self, x: Any) -> Any:
            return self.table(x) * 2

    first = keras.Input((5,), name="first")
    output = Tokens()(first)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ls.put("ids", keras.Model(first, [output, output]))
