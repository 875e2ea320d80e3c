"""The terms of operations, against the functions of keras.ops."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from models.engine.arrays import as_array
from models.explaining.arithmetic import explain, rules
from models.explaining.arithmetic.layer_call import LayerCall
from models.layers import CATALOGUE
from models.layers.operations import Operation

BINARY = ("add", "subtract", "multiply", "divide", "maximum", "minimum")
FUNCTIONS = ("hard_sigmoid", "hard_silu", "hard_tanh", "log_sigmoid", "relu6", "relu", "selu", "sigmoid", "silu",
             "softplus", "softsign", "tanh")  # fmt: skip
ROW = {"value": [1.5, -2.0, 0.25], "dtype": "float32"}
RNG = np.random.default_rng(7)


def called(name: str, given: dict[str, Any], *tensors: Any) -> LayerCall[Any]:
    """Return a call of an operation by Keras on tensors, and constants in the place of others."""
    layer = CATALOGUE[f"ops.{name}"].model_validate({"type": f"ops.{name}", **given})
    assert isinstance(layer, Operation)
    rest = iter(tensors)
    values = [next(rest) if name not in given else _value(given[name]) for name in layer.used_operands()]
    output = np.array(as_array(getattr(keras.ops, name)(*values)))
    reads = tuple(f"t{number}" for number in range(len(tensors)))
    index = tuple(int(RNG.integers(length)) for length in output.shape)
    return LayerCall(layer, name, reads, tensors, output, index)


def _value(constant: Any) -> Any:
    return np.array(constant["value"], constant["dtype"]) if isinstance(constant, dict) else constant


def drawn(*shape: int) -> Any:
    """Draw a tensor."""
    return RNG.normal(0, 2, shape).astype(np.float32)


def test_every_operation_with_a_rule_is_compared() -> None:
    """Those of this file, and no others."""
    names = {cls.type_name().removeprefix("ops.") for cls in rules() if issubclass(cls, Operation)}
    assert names == {*BINARY, *FUNCTIONS}


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize(("given", "shapes"), [
    ({}, [(2, 4, 3), (2, 4, 3)]), ({}, [(2, 4, 3), (2, 1, 3)]), ({"x2": 2.5}, [(2, 4, 3)]), ({"x1": 3}, [(2, 4, 3)]),
    ({"x2": ROW}, [(2, 4, 3)]), ({"x1": ROW}, [(2, 4, 3)]),
])  # fmt: skip
def test_two_operands_add_up(name: str, given: dict[str, Any], shapes: list[tuple[int, ...]]) -> None:
    """Tensors that are repeated along axes, numbers and arrays."""
    call = called(name, given, *(drawn(*shape) for shape in shapes))
    found = explain(call)
    (step,) = found.steps
    assert step.value == call.output[call.index]
    assert step.ulps <= 1
    for term in step.listed():
        if term.name in call.reads:
            assert term.value == call.inputs[call.reads.index(term.name)][term.index]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_have_their_formula(name: str) -> None:
    """As activations of the same name."""
    call = called(name, {}, drawn(2, 9))
    (step,) = explain(call).steps
    assert (step.value, step.terms_total) == (call.output[call.index], 1)
    assert step.ulps <= 4


def test_a_constant_is_written_as_a_number() -> None:
    """And is a term without an index."""
    (step,) = explain(called("add", {"x2": 2.5}, np.ones((1, 1), np.float32))).steps
    assert step.formula == "t0[0, 0] + 2.5"
    assert [(term.name, term.index, term.product) for term in step.listed()] == [("t0", (0, 0), 1.0), ("x2", (), 2.5)]
