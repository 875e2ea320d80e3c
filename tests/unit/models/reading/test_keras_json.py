"""Conversion of `model.to_json()` to documents: every activation equals that of Keras."""

from __future__ import annotations

import importlib.util
import json
import sys
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
from keras.src.ops.function import make_node_key

from models.documents.source_map import SourceMap
from models.engine.block_layer import held_block
from models.engine.build import BuiltModel, build
from models.engine.symbolic_network import SymbolicNetwork
from models.engine.weights import network_weights
from models.layers import CATALOGUE
from models.networks.expansion import expand
from models.networks.network import Network
from models.reading.keras_json.calls import Callee, call_of
from models.reading.keras_json.site import Site
from models.reading.keras_json.tensors import SourceLayer
from models.reading.parse import parse_document
from models.writing.keras_json import Planned, keras_json_of
from models.writing.short_form import short_form

SPEC = importlib.util.spec_from_file_location("keras_models", Path(__file__).parents[2] / "keras_models.py")
assert SPEC is not None
assert SPEC.loader is not None
keras_models = importlib.util.module_from_spec(SPEC)
sys.modules["keras_models"] = keras_models
SPEC.loader.exec_module(keras_models)

pytestmark = pytest.mark.filterwarnings(
    "ignore:Layer '.*' .of type .* was passed an input with a mask:UserWarning",
    "ignore:NotImplemented should not be used in a boolean context:DeprecationWarning",
)
"""Keras warns about every nested model that is called on a masked tensor that it drops the mask, and Python about how
its tensordot compares a free length.
"""
every_model = pytest.mark.parametrize("name", keras_models.MODELS)


def functional(model: keras.Model) -> Any:
    return model._functional if isinstance(model, keras.Sequential) else model


def activations(model: keras.Model, values: list[Any], prefix: str = "", masks: Any = None) -> dict[str, np.ndarray]:
    """Compute Keras' activations at every address, nested models included. `masks` are those of the inputs."""
    graph = functional(model)
    found: dict[str, Any] = {}
    inner: list[tuple[str, keras.Model, list[Any], list[Any]]] = []
    for operation in graph.operations:
        nodes = [node for n, node in enumerate(operation._inbound_nodes) if make_node_key(operation, n) in graph._nodes]
        for number, node in enumerate(nodes):
            address = prefix + operation.name + (f"@{number}" if len(nodes) > 1 else "")
            tensors = node.output_tensors
            names = [address] if len(tensors) == 1 else [f"{address}#{n}" for n in range(len(tensors))]
            if isinstance(operation, keras.Model):
                given = keras.tree.flatten(node.arguments.kwargs.get("mask"))
                inner.append((address, operation, node.input_tensors[: len(functional(operation).inputs)], given))
            elif not isinstance(operation, keras.layers.InputLayer):
                found |= dict(zip(names, tensors, strict=True))
    results = dict(zip(found, compute_tensors(graph, list(found.values()), values, masks), strict=True))
    for address, nested, tensors, given in inner:
        read = iter(compute_tensors(graph, [one for one in given if one is not None], values, masks))
        hidden = None if given == [None] else [one if one is None else next(read) for one in given]
        results |= activations(nested, compute_tensors(graph, tensors, values, masks), address + "/", hidden)
    return results


def compute_tensors(graph: Any, tensors: list[Any], values: list[Any], masks: Any = None) -> list[np.ndarray]:
    if not tensors:
        return []
    outputs = keras.Model(graph.inputs, tensors)(values, training=False, mask=masks)
    return [np.asarray(output) for output in keras.tree.flatten(outputs)]


def layer_at(model: keras.Model, path: str) -> Any:
    for name in path.split("/"):
        model = next(item for item in functional(model).operations if item.name == name)
    return model


def with_weights_of(model: keras.Model, made: BuiltModel) -> BuiltModel:
    """Set Keras' weights in the built network."""
    for path, layer in made.symbolic.layers.items():
        if layer.weights:
            layer.set_weights(layer_at(model, path).get_weights())
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()
    return made


def random_inputs(model: keras.Model) -> list[np.ndarray]:
    random = np.random.default_rng(1)
    shapes = [(tuple(7 if n is None else n for n in tensor.shape[1:]), tensor.dtype) for tensor in model.inputs]
    return [
        random.integers(0, 3, (2, *shape)).astype(dtype)
        if dtype.startswith("int")
        else random.random((2, *shape)) > 0.5
        if dtype == "bool"
        else random.normal(0.3, 1, (2, *shape)).astype(dtype)
        for shape, dtype in shapes
    ]


def randomize_weights(model: keras.Model) -> keras.Model:
    """Set weights that no initializer produces, also in biases and moving statistics."""
    random = np.random.default_rng(2)
    for weight in model.weights:
        if weight.dtype.startswith("float") and "count" not in weight.name:
            weight.assign(np.abs(random.normal(0.2, 0.4, weight.shape)) + 0.05)
    return model


class Converted(NamedTuple):
    """A Keras model, the network of its JSON, and that network built with the weights of the model."""

    model: keras.Model
    network: Network
    made: BuiltModel


@cache
def converted(name: str) -> Converted:
    """Convert a model with random weights, once for all tests, none of which changes it."""
    keras.utils.set_random_seed(0)
    model = keras_models.MODELS[name]()
    if name != "adapted":
        randomize_weights(model)
    network = expand(parse_document(model.to_json()))
    return Converted(model, network, with_weights_of(model, build(network, 2**30)))


def input_names(model: keras.Model) -> list[str]:
    return [tensor._keras_history.operation.name for tensor in functional(model).inputs]


@every_model
def test_every_activation_matches_keras(name: str) -> None:
    """Addresses are Keras' names, and the numbers agree to 1e-5 (float16: to its own precision)."""
    model, network, made = converted(name)
    inputs = random_inputs(model)
    assert list(network.inputs) == input_names(model)
    addresses = network.layer_outputs
    results = dict(zip(addresses, made.compiled_selection(addresses, False, False).run(inputs), strict=True))
    expected = activations(model, inputs)
    casts = {node.address for node in network.nodes if node.layer.type_name() == "ops.cast" and "/" in node.address}
    for address in casts - set(expected):  # casts by the InputLayer of a nested model
        assert results.pop(address).dtype == made.symbolic.dtype(address)
    assert set(results) == set(expected)
    for address, value in results.items():
        tolerance = 2e-3 if value.dtype == "float16" else 1e-5
        np.testing.assert_allclose(np.asarray(value), expected[address], tolerance, tolerance, err_msg=address)


def collect_plan(symbolic: SymbolicNetwork) -> Planned:
    """Collect what an engine reports about a network's tensors, and about blocks applied to steps."""
    tensors: Any = {address: (symbolic.shape(address), symbolic.dtype(address)) for address in symbolic.specs}
    blocks = {path: held_block(layer) for path, layer in symbolic.layers.items()}
    steps = {path: collect_plan(block.built_network) for path, block in blocks.items() if block is not None}
    return Planned(symbolic.network, tensors, steps)


@every_model
def test_export_to_keras_round_trips(name: str) -> None:
    """Keras loads the exported JSON, with the same names, weights and results."""
    model, _, made = converted(name)
    written = keras_json_of(collect_plan(made.symbolic))
    loaded = keras.models.model_from_json(json.dumps(written))
    assert input_names(loaded) == input_names(model)
    assert loaded.count_params() == model.count_params()
    inputs = random_inputs(model)
    for path, layer in made.symbolic.layers.items():
        if layer.weights:
            layer_at(loaded, path).set_weights(layer.get_weights())
        if isinstance(layer, keras.layers.Normalization):
            layer_at(loaded, path).finalize_state()
    expected, found = (compute_tensors(functional(one), functional(one).outputs, inputs) for one in (model, loaded))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, 1e-5, 1e-5)


@every_model
def test_weights_are_in_the_order_of_keras(name: str) -> None:
    """For the document and for its export: a list of arrays fits both."""
    model, _, made = converted(name)
    ours = [variable.numpy() for variable in network_weights(made.symbolic).values()]
    loaded = keras.models.model_from_json(json.dumps(keras_json_of(collect_plan(made.symbolic))))
    for one, other, again in zip(ours, model.get_weights(), loaded.weights, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)
        assert tuple(again.shape) == one.shape
    loaded.set_weights(ours)
    for path, layer in ((path, layer) for path, layer in made.symbolic.layers.items() if layer.weights):
        for one, other in zip(layer_at(loaded, path).get_weights(), layer.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other, strict=True)


@every_model
def test_the_short_form_is_the_same_network(name: str) -> None:
    """It has the same identity, and shortening it again changes nothing."""
    network = converted(name).network
    short = short_form(network)
    again = expand(parse_document(json.loads(json.dumps(short))))
    assert again.identity() == network.identity()
    assert short_form(again) == short


def test_positional_call_arguments_are_mapped_to_names() -> None:
    """For every tensor argument of every class, in Keras' order, with intermediate flags omitted."""
    tensor = {"class_name": "__keras_tensor__", "config": {"keras_history": ["t", 0, 0]}}
    for cls in CATALOGUE.values():
        callee = Callee(cls, (), {"t": SourceLayer(1)})
        behind = [tensor if name in cls.call_tensors() else None for name in cls.call_order]
        read = call_of({"args": [tensor] * len(callee.operands) + behind}, callee, Site("", "", SourceMap()))
        assert set(read.keywords) == set(cls.call_tensors()), cls.__name__
