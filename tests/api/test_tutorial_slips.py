"""Misspellings and mistakes of the tutorials are rejected with a pointer and a suggestion."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Server

Refusal = Callable[[Any], list[dict[str, Any]]]

MISSPELT: list[tuple[dict[str, Any], str, str]] = [
    ({"type": "Dense", "unit": 3}, "unit", "units"),
    ({"type": "Conv2D", "filter": 32, "kernel_size": 3}, "filter", "filters"),
    ({"type": "MaxPooling2D", "poolsize": 2}, "poolsize", "pool_size"),
    ({"type": "AveragePooling2D", "poolsize": 2}, "poolsize", "pool_size"),
    ({"type": "Conv2D", "filters": 1, "kernel_size": 2, "dilation_rates": 2}, "dilation_rates", "dilation_rate"),
    ({"type": "Cov2D", "filters": 1, "kernel_size": 2}, "type", "Conv2D"),
    ({"type": "tf.nn.Cov2d", "filters": 1, "kernel_size": 2}, "type", "Conv2D"),
    ({"type": "Acivation", "activation": "relu"}, "type", "Activation"),
    ({"type": "tf.keras.Flatten"}, "type", "Flatten"),
    ({"type": "Linear", "units": 3}, "type", "Dense"),
    ({"type": "Dense", "units": 3, "activation": "sigmod"}, "activation", "sigmoid"),
    ({"type": "Conv2D", "filters": 1, "kernel_size": 2, "padding": "SAEM"}, "padding", "same"),
]


@pytest.mark.parametrize(
    ("layer", "field", "meant"), MISSPELT, ids=lambda value: value if isinstance(value, str) else ""
)
def test_misspelled_arguments_get_a_suggestion(refusal: Refusal, layer: dict[str, Any], field: str, meant: str) -> None:
    """One mistake is one problem, which points at the argument."""
    (problem,) = refusal({"input": [28, 28, 1], "layers": [layer]})
    assert problem["pointer"] == f"/model/layers/0/{field}"
    assert problem["suggestion"] == f'write "{meant}"'


@pytest.mark.parametrize("layer", [{"type": "Activation"}, {"type": "Dense", "units": 3}])
def test_get_is_not_an_activation(refusal: Refusal, layer: dict[str, Any]) -> None:
    """The tutorial lists "get" among the functions; the error lists the valid names."""
    (problem,) = refusal({"input": [10], "layers": [layer | {"activation": "get"}]})
    assert problem["pointer"] == "/model/layers/0/activation"
    assert problem["message"] == "activation: there is no activation of this name"
    assert problem["received"] == '"get"'
    assert {"sigmoid", "gelu", "linear", "relu", "softmax", "swish"} <= set(
        problem["expected"].split(" of ")[1].split(", ")
    )
    assert 'write "relu"' in problem["suggestion"]


def test_all_mistakes_are_reported_at_once(refusal: Refusal) -> None:
    """A document with two mistakes gives two problems."""
    layers = [{"type": "Dense", "unit": 3}, {"type": "Conv2D", "filter": 32, "kernel_size": 3}]
    found = [(problem["pointer"], problem["suggestion"]) for problem in refusal({"input": [8], "layers": layers})]
    assert found == [("/model/layers/0/unit", 'write "units"'), ("/model/layers/1/filter", 'write "filters"')]


def test_runs_and_plans_report_the_same_problem(server: Server) -> None:
    """problem+json, status 422, code invalid_document."""
    body = {"model": {"input": [8], "layers": [{"type": "Dense", "unit": 3}]}}
    ran = server.post("/v1/activations", json=body | {"inputs": [[0] * 8]})
    planned = server.post("/v1/plan", json=body)
    for reply in (ran, planned):
        assert (reply.status_code, reply.headers["content-type"]) == (422, "application/problem+json")
        assert reply.json()["code"] == "invalid_document"
    assert ran.json()["errors"] == planned.json()["errors"]


def test_layer_subclasses_suggest_block(refusal: Refusal) -> None:
    """The tutorial derives from `Layer`; the equivalent is a block."""
    (problem,) = refusal({"input": [8], "layers": [{"type": "Layer"}]})
    assert problem["pointer"] == "/model/layers/0/type"
    assert "Block" in problem["suggestion"]


def test_an_input_layer_needs_its_shape(refusal: Refusal) -> None:
    """`Input(shape=…)` may be the first of the layers."""
    (problem,) = refusal({"layers": [{"type": "Input"}, {"type": "Flatten"}]})
    assert problem["pointer"] == "/model/layers/0/shape"
    assert problem["expected"] == "a shape without the batch such as [28, 28, 1]"


WRONG_AXES: list[tuple[list[int], dict[str, Any], str, str]] = [
    ([1, 28, 28], {"type": "Conv1D", "filters": 10, "kernel_size": 3}, "Conv1D", "4 axes"),
    ([1, 28, 28], {"type": "MaxPool1D", "pool_size": 3}, "MaxPooling1D", "4 axes"),
    ([28, 28], {"type": "Conv2D", "filters": 3, "kernel_size": 3}, "Conv2D", "3 axes"),
]


@pytest.mark.parametrize(("shape", "layer", "type_", "axes"), WRONG_AXES)
def test_wrong_rank_is_rejected(
    refusal: Refusal, shape: list[int], layer: dict[str, Any], type_: str, axes: str
) -> None:
    """Inputs with an extra axis or without channels; the error states the axes that the layer needs."""
    (problem,) = refusal({"input": shape, "layers": [layer]})
    assert problem["pointer"] == "/model/layers/0"
    assert problem["message"].endswith(f"{type_} cannot read an input with {axes}")
    assert problem["received"] == f"({', '.join(map(str, [None, *shape]))}) from input"
    assert problem["suggestion"]
