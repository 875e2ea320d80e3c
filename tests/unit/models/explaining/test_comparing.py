"""Two runs are joined by address, and diverge where the first pair is not close."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from models.errors import InvalidOption, LayerscopeError, UnknownAddress
from models.explaining.comparing.comparison import ComparedRuns, compare
from models.explaining.comparing.joining import Pair, join
from models.explaining.comparing.tolerance import Tolerance

Array = np.ndarray[Any, Any]


def compared(
    a: Mapping[str, Array],
    b: Mapping[str, Array],
    pairs: Mapping[str, str] | None = None,
    tolerance: Tolerance | None = None,
) -> ComparedRuns:
    """Join two runs, and compare them."""
    return compare(join(tuple(a), tuple(b), pairs), a, b, tolerance)


def test_addresses_of_both() -> None:
    """They are paired in the order of the first network; what only the other has follows its neighbour there."""
    a, b = ["input", "conv", "pool", "dense"], ["new", "input", "conv", "batch", "relu", "dense", "last"]
    assert join(a, b) == [
        (None, "new"), ("input", "input"), ("conv", "conv"), (None, "batch"), (None, "relu"), ("pool", None),
        ("dense", "dense"), (None, "last"),
    ]  # fmt: skip


def test_nothing_in_common() -> None:
    """Everything is of one side only."""
    assert join(["a"], ["b"]) == [(None, "b"), ("a", None)]
    assert join([], ["b"]) == [(None, "b")]


def test_pairs() -> None:
    """They hold for what is under them, the closest first: inside a block, before an activation, of another call."""
    a = ["block/conv", "block/dense:pre", "dense", "dense:pre", "dense@1", "lstm#1", "dense_2"]
    b = ["stage/conv", "stage/fc:pre", "fc", "fc:pre", "fc@1", "gru#1", "dense_2"]
    pairs = {"block": "stage", "block/dense": "stage/fc", "dense": "fc", "lstm": "gru"}
    assert join(a, b, pairs) == [Pair(*pair) for pair in zip(a, b, strict=True)]


def test_what_is_paired_is_not_joined_by_name() -> None:
    """Two layers may swap names; a name whose tensor is taken has no partner."""
    assert join(["x", "y"], ["x", "y"], {"x": "y", "y": "x"}) == [("x", "y"), ("y", "x")]
    assert join(["x", "y"], ["x", "y"], {"x": "y"}) == [(None, "x"), ("x", "y"), ("y", None)]


@pytest.mark.parametrize(
    ("pairs", "error", "pointer", "suggestion"),
    [
        ({"convv": "conv1"}, UnknownAddress, "/pairs/convv", 'write "conv"'),
        ({"conv": "conv2"}, UnknownAddress, "/pairs/conv", 'write "conv1"'),
        ({"block/x": "conv1"}, UnknownAddress, "/pairs/block~1x", None),
        ({"conv": "conv1", "dense": "conv1"}, InvalidOption, "/pairs/dense", None),
    ],
)
def test_pairs_that_do_not_fit(
    pairs: dict[str, str], error: type[LayerscopeError], pointer: str, suggestion: str | None
) -> None:
    """An address that a side does not have is named, and so is one that is paired twice."""
    with pytest.raises(error) as raised:
        join(["conv", "dense"], ["conv1", "last"], pairs)
    problem = raised.value.problems[0]
    assert (problem.pointer, problem.suggestion) == (pointer, suggestion)
    assert problem.expected
    assert problem.received


def test_the_first_divergence() -> None:
    """It is the first pair that is not close, in order of computation; one-sided tensors make runs unequal."""
    one = np.ones((2, 3), np.float32)
    a = {"a": one, "b": one, "c": one, "d": one, "e": one, "gone": one}
    b = {"a": one, "b": one + np.float32(1e-6), "c": one * 2, "d": one * np.float32(np.nan), "e": one[:1], "new": one}
    found = compared(a, b)
    assert [(entry.address, entry.status) for entry in found.entries] == [
        ("a", "equal"), ("b", "close"), ("c", "differs"), ("d", "not_finite"), ("e", "shape_differs"),
        ("new", "only_b"), ("gone", "only_a"),
    ]  # fmt: skip
    assert (found.first_divergence, found.equal, found.close) == ("c", False, False)
    assert [entry.difference is None for entry in found.entries] == [False] * 4 + [True] * 3


def test_runs_that_agree() -> None:
    """Equal runs are close, close runs not equal; neither diverges."""
    one = np.ones((2, 3), np.float32)
    equal, close = compared({"x": one}, {"x": one}), compared({"x": one}, {"x": one + np.float32(1e-6)})
    assert (equal.equal, equal.close, equal.first_divergence) == (True, True, None)
    assert (close.equal, close.close, close.first_divergence) == (False, True, None)
    strict = compared({"x": one}, {"x": one + np.float32(1e-6)}, tolerance=Tolerance(0, 0))
    assert strict.first_divergence == "x"


def test_a_tensor_that_only_one_side_has() -> None:
    """Runs with one are neither equal nor close, and diverge nowhere."""
    one = np.ones((2, 3), np.float32)
    found = compared({"x": one, "gone": one}, {"x": one})
    assert (found.equal, found.close, found.first_divergence) == (False, False, None)


def test_renamed_layers_are_compared() -> None:
    """Under the address of the first."""
    one = np.ones((2, 3), np.float32)
    found = compared({"conv2d": one}, {"conv1": one}, {"conv2d": "conv1"})
    assert [(entry.pair, entry.address, entry.status) for entry in found.entries] == [
        (("conv2d", "conv1"), "conv2d", "equal")
    ]
