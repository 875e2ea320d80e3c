"""Sums of terms: what is listed of many, what is in the padding, and what does not add up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models.explaining.arithmetic import explain
from models.explaining.arithmetic.layer_call import LayerCall, text
from models.explaining.arithmetic.steps import MAX_TERMS, Outside, Term, ulp
from models.layers import CATALOGUE


def call(kind: str, arguments: dict[str, Any], x: Any, output: Any, index: Any, **arrays: Any) -> LayerCall[Any]:
    """Return a call of a layer on an input named x."""
    layer = CATALOGUE[kind].model_validate({"type": kind, **arguments})
    given = {name: np.asarray(value, np.float32) for name, value in arrays.items()}
    mask = given.pop("mask", None)
    return LayerCall(layer, "layer", ("x",), (np.asarray(x, np.float32),), np.asarray(output, np.float32), index, given,
                     mask=mask)  # fmt: skip


def test_a_dense_unit_by_hand() -> None:
    """1 · 3 + 2 · 5 + 7 = 20."""
    dense = call("Dense", {"units": 1}, [[1, 2]], [[20]], (0, 0), kernel=[[3], [5]], bias=[7])
    (step,) = explain(dense).steps
    assert step.formula == "sum(x[0, 0:2] * kernel[0:2, 0]) + bias[0]"
    assert step.listed() == [Term("x", (0, 0), 1.0, 3.0, 3.0), Term("x", (0, 1), 2.0, 5.0, 10.0)]
    assert (step.bias, step.total, step.value, step.ulps, step.address) == (7.0, 20.0, 20.0, 0.0, "layer")


def test_cells_in_the_padding_are_said_and_are_no_terms() -> None:
    """The upper left corner of a 3 × 3 window has 5 of 9 cells outside."""
    convolution = call("Conv2D", {"filters": 1, "kernel_size": 3, "padding": "same", "use_bias": False},
                       np.ones((1, 4, 4, 1)), np.full((1, 4, 4, 1), 4), (0, 0, 0, 0),
                       kernel=np.ones((3, 3, 1, 1)))  # fmt: skip
    (step,) = explain(convolution).steps
    assert step.outside == Outside(((0,), (0,)), 5, 9)
    assert step.formula == "sum(x[0, 0:2, 0:2, 0] * kernel[1:3, 1:3, 0, 0])"
    assert [term.index for term in step.listed()] == [(0, 0, 0, 0), (0, 0, 1, 0), (0, 1, 0, 0), (0, 1, 1, 0)]


def test_the_largest_products_are_listed_of_too_many() -> None:
    """4,096 of 5,000 terms, the largest first, and their number; the sum is that of all."""
    values = np.random.default_rng(0).permutation(5000).astype(np.float32)
    dense = call(
        "Dense", {"units": 1, "use_bias": False}, [values], [[values.sum()]], (0, 0), kernel=np.ones((5000, 1))
    )
    (step,) = explain(dense).steps
    listed = step.listed()
    assert (len(listed), step.terms_total, step.total) == (MAX_TERMS, 5000, 5000 * 4999 / 2)
    assert [term.product for term in listed] == list(range(4999, 4999 - MAX_TERMS, -1))
    assert all(values[term.index[1]] == term.value for term in listed)


def test_what_does_not_add_up_is_not_given() -> None:
    """A value that the terms do not explain has no steps, but a sentence."""
    dense = call("Dense", {"units": 1}, [[1, 2]], [[21]], (0, 0), kernel=[[3], [5]], bias=[7])
    found = explain(dense)
    assert (found.value, found.steps) == (21, ())
    assert found.reason == "The terms of Dense do not add up to the value that was computed, so none are given."


def test_other_layers_have_a_sentence() -> None:
    """A recurrent layer has no arithmetic here."""
    found = explain(call("LSTM", {"units": 1}, np.ones((1, 2, 3)), [[0.5]], (0, 0)))
    assert found.reason == "The arithmetic of LSTM is not explained: `reads` is what it reads."


def test_no_input_reaches_between_the_strides() -> None:
    """A transposed convolution with a stride over its kernel has elements that are its bias."""
    spread = call("Conv1DTranspose", {"filters": 1, "kernel_size": 1, "strides": 2}, np.ones((1, 3, 1)),
                  np.full((1, 6, 1), 9), (0, 1, 0), kernel=np.ones((1, 1, 1)), bias=[9])  # fmt: skip
    (step,) = explain(spread).steps
    assert (step.terms_total, step.bias, step.total, step.outside) == (0, 9.0, 9.0, None)


@pytest.mark.parametrize(("kept", "value", "products"), [([1, 0, 1], 4, [1, 0, 3]), ([0, 0, 1], 6, [0, 0, 6])])
def test_masked_steps_do_not_count(kept: list[int], value: float, products: list[float]) -> None:
    """The mean of a sequence is over the steps that its mask keeps."""
    pooled = call("GlobalAveragePooling1D", {}, [[[2], [4], [6]]], [[value]], (0, 0), mask=[kept])
    (step,) = explain(pooled).steps
    assert [term.product for term in step.listed()] == products


def test_masked_values_have_no_share_of_a_softmax() -> None:
    """Their exponentials are 0."""
    share = 1 / (1 + np.exp(-1))
    masked = call("Softmax", {}, [[1, 2, 9]], [[1 - share, share, 0]], (0, 1), mask=[[1, 1, 0]])
    total, last = explain(masked).steps
    assert total.listed()[2].product == 0
    assert last.total == pytest.approx(share)
    assert explain(replace(masked, index=(0, 2))).steps[-1].total == 0


def test_infinite_values_in_other_cells_do_not_spoil_a_maximum() -> None:
    """Cells that are not the largest have weight 0 and add nothing."""
    pooled = call("MaxPooling1D", {"pool_size": 2}, [[[-np.inf], [1]]], [[[1]]], (0, 0, 0))
    (step,) = explain(pooled).steps
    assert (step.total, [term.weight for term in step.listed()]) == (1.0, [0.0, 1.0])


def test_parts_of_tensors_are_written_as_numpy_does() -> None:
    """Ranges, steps, single positions, and lists of others."""
    assert (
        text("x", [np.array([3]), np.arange(2, 5), np.arange(0, 9, 4), np.array([0, 1, 3])])
        == "x[3, 2:5, 0:9:4, [0, 1, 3]]"
    )


@pytest.mark.parametrize(("number", "dtype", "distance"), [
    (1.0, "float32", 2.0**-23), (3.0, "float32", 2.0**-22), (0.75, "float16", 2.0**-11), (0.0, "float32", 2.0**-149),
])  # fmt: skip
def test_ulps_are_distances_between_numbers(number: float, dtype: str, distance: float) -> None:
    """They grow with the power of two below the number."""
    assert ulp(number, np.dtype(dtype)) == distance
