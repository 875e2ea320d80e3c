"""Values of plain Keras at every address of a model: each call of a shared layer, models inside models."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np

Array = np.ndarray[Any, Any]


def graph_of(model: keras.Model) -> keras.Model:
    """Return the functional graph of a model; a Sequential one keeps it inside."""
    return model._functional if isinstance(model, keras.Sequential) else model


def calls(model: keras.Model) -> Iterator[tuple[Any, str, Any]]:
    """Every call that the outputs depend on: the operation, `name` or `name@number`, and Keras' node.

    A layer may have been called elsewhere too, and `layer.output` always means its very first call: the tensors
    themselves say which calls belong to this graph.
    """
    reached: dict[Any, set[int]] = {}
    waiting = list(model.outputs)
    while waiting:
        operation, index, _ = waiting.pop()._keras_history
        if index not in reached.setdefault(operation, set()):
            reached[operation].add(index)
            waiting += operation._inbound_nodes[index].input_tensors
    for operation in model.operations:
        for number, index in enumerate(sorted(reached.get(operation, ()))):  # an input may be unread
            several = len(reached[operation]) > 1
            yield (
                operation,
                f"{operation.name}@{number}" if several else operation.name,
                operation._inbound_nodes[index],
            )


def computed(model: keras.Model, tensors: Sequence[Any], inputs: Sequence[Array]) -> list[Array]:
    """Return some of a graph's own tensors, by a sub-model of it."""
    found = keras.Model(model.inputs, list(tensors))(list(inputs), training=False)
    return [np.asarray(one) for one in keras.tree.flatten(found)]


def activations(model: keras.Model, inputs: Sequence[Array], prefix: str = "") -> dict[str, Array]:
    """Return every tensor by address: inputs, outputs of layers and inner models, values before fused activations."""
    graph = graph_of(model)
    found: dict[str, Array] = {}
    for operation, name, node in calls(graph):
        if isinstance(operation, keras.layers.InputLayer) and prefix:
            continue  # the input of an inner model is what the outer one hands it
        outputs = computed(graph, node.output_tensors, inputs)
        several = [f"{prefix}{name}#{number}" for number in range(len(outputs))]
        found |= dict(zip(several if len(outputs) > 1 else [prefix + name], outputs, strict=True))
        if isinstance(operation, keras.Model):
            found |= activations(operation, computed(graph, node.input_tensors, inputs), f"{prefix}{name}/")
        elif ends_with_activation(operation):
            (given,) = computed(graph, node.input_tensors, inputs)
            found[f"{prefix}{name}:pre"] = without_activation(operation, given)
    return found


FUSING = ("Dense", "EinsumDense", "Conv", "DepthwiseConv", "SeparableConv")
"""How the names of the classes begin that end with their activation."""


def ends_with_activation(layer: Any) -> bool:
    """Whether the last step of a layer is an activation other than linear."""
    inner = activated(layer)
    fusing = type(inner).__name__.startswith(FUSING) and "LSTM" not in type(inner).__name__
    return fusing and inner.activation not in (None, keras.activations.linear)


def activated(layer: Any) -> Any:
    """Return the layer that has the activation: inside a wrapper, the one it holds."""
    return layer.layer if isinstance(layer, keras.layers.Wrapper) else layer


def without_activation(layer: Any, given: Array) -> Array:
    """Return the output of the same layer with the same weights, and `activation=None`."""
    inner = activated(layer)
    activation, inner.activation = inner.activation, None
    try:
        return np.asarray(layer(given, training=False))
    finally:
        inner.activation = activation


def set_weights(model: keras.Model, weights_of: Callable[[str], list[Array]], prefix: str = "") -> None:
    """Give every layer its weights, by its path (`outer/inner/conv`)."""
    for operation in graph_of(model).operations:
        path = prefix + operation.name
        if isinstance(operation, keras.Model):
            set_weights(operation, weights_of, path + "/")
        elif getattr(operation, "weights", None):
            operation.set_weights(weights_of(path))
