"""A network's Keras layers and symbolic shapes, with no memory behind its weights.

Keras shapes everything itself, inside a `keras.StatelessScope` that leaves variables uninitialised:
a model of 281 trillion parameters is outlined in milliseconds. `materialise` later gives the same
layers their weights, so that nothing is shaped twice.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import keras
import tensorflow as tf
from keras.src.backend.common import global_state  # private: pinned, and covered by a test

from models.addresses import PRE
from models.engine.layers import DerivedSeed, derived_seed, keras_layer
from models.errors import InvalidDocument, Problem
from models.layers.layer import Layer, LayerFault, Shape, size_of
from models.layers.spatial import shape_text
from models.network import Network, Node
from models.tensors.dtypes import DTYPES

MAX_ELEMENTS = 2**44
"""Largest tensor that is still shaped; beyond it TensorFlow's own shape arithmetic overflows and aborts."""

Specs = Mapping[str, keras.KerasTensor]


@dataclass(frozen=True)
class Outline:
    """Every tensor's symbolic shape by address, and the unbuilt weights behind it by layer path."""

    network: Network
    layers: Mapping[str, keras.Layer]
    specs: Specs
    batch: int | None = None
    """Stands in for a free batch; a network shaped once with a free batch is known for every batch."""

    def on_batch(self, batch: int) -> Outline:
        """The same network on a batch of this size.

        Raises:
            InvalidDocument: when a layer's guards refuse the batch.
        """
        made = replace(self, batch=batch)
        for node in self.network.nodes:
            if not node.is_block:
                _check(node, made.shapes(node.inputs))
        return made

    def is_fixed(self) -> bool:
        """Whether no dimension but the batch is free."""
        return all(dimension is not None for spec in self.specs.values() for dimension in spec.shape[1:])

    def shape(self, address: str) -> Shape:
        """A tensor's shape, the batch first."""
        first, *rest = self.specs[address].shape
        return (self.batch if first is None else first, *rest)

    def dtype(self, address: str) -> str:
        """A tensor's dtype."""
        return str(keras.backend.standardize_dtype(self.specs[address].dtype))

    def nbytes(self, address: str) -> int:
        """A tensor's bytes; free dimensions count as one."""
        elements = size_of(tuple(dimension or 1 for dimension in self.shape(address))) or 0
        return elements * DTYPES[self.dtype(address)].itemsize

    def needed(self, addresses: Sequence[str]) -> tuple[Node, ...]:
        """The nodes that must be computed for these tensors, in order."""
        wanted = {address.removesuffix(PRE) for address in addresses}
        chosen = []
        for node in reversed(self.network.nodes):
            if wanted & set(node.outputs):
                chosen.append(node)
                wanted |= set(node.inputs)
        return tuple(reversed(chosen))

    def shapes(self, addresses: Sequence[str]) -> tuple[Shape, ...]:
        """Several tensors' shapes."""
        return tuple(self.shape(address) for address in addresses)


def declared_shapes(network: Network) -> dict[str, Shape]:
    """The shapes a network declares, with a free batch."""
    return {name: (None, *spec.shape) for name, spec in network.inputs.items()}


def outline(network: Network, shapes: Mapping[str, Shape]) -> Outline:
    """Shapes a network on inputs of these shapes (batch included; None is free).

    Raises:
        InvalidDocument: with the layer at fault, for anything Keras or our own guards refuse.
    """
    layers: dict[str, keras.Layer] = {}
    specs = {name: _input_spec(network, name, shape) for name, shape in shapes.items()}
    with _uninitialised():
        for node in network.nodes:
            specs.update(_node_specs(node, layers, specs, network.document.seed))
    return Outline(network, layers, specs)


def _input_spec(network: Network, name: str, shape: Shape) -> keras.KerasTensor:
    return keras.KerasTensor(shape=shape, dtype=network.inputs[name].dtype, name=f"i{list(network.inputs).index(name)}")


@contextmanager
def _uninitialised() -> Iterator[None]:
    """Variables made inside get no memory, and Keras forgets that it owes them any."""
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        global_state.set_global_attribute("uninitialized_variables", [])


def _node_specs(node: Node, layers: dict[str, keras.Layer], specs: Specs, seed: int) -> dict[str, keras.KerasTensor]:
    """The symbolic outputs of one layer call."""
    inputs = [specs[address] for address in node.inputs]
    if node.is_block:
        return dict(zip(node.outputs, inputs, strict=True))
    shapes = tuple(tuple(spec.shape) for spec in inputs)
    _check(node, shapes)
    with refusing(node):
        if node.path not in layers:
            layers[node.path] = _new_layer(node, len(layers), seed)
        results = as_list(call(node.layer, layers[node.path], inputs, training=False))
    if len(results) != len(node.outputs):
        raise RuntimeError(f"{type(node.layer).__name__} gave {len(results)} outputs, not {len(node.outputs)}")
    results = [_settled(node, shapes, result) for result in results]
    for result in results:
        _check_output(node, tuple(result.shape))
    before = {node.address + PRE: results[0]} if node.layer.fused_activation() is not None else {}
    return dict(zip(node.outputs, results, strict=True)) | before


def _settled(node: Node, shapes: tuple[Shape, ...], result: keras.KerasTensor) -> keras.KerasTensor:
    """The output with every length that can be known."""
    shape = tuple(result.shape)
    settled = node.layer.settled(shapes, shape)
    if settled == shape:
        return result
    return keras.KerasTensor(settled, result.dtype, name=result.name)


def _new_layer(node: Node, number: int, seed: int) -> keras.Layer:
    """A Keras layer under a canonical name: nothing accumulates in Keras, and no name can collide or inject."""
    made = keras_layer(node.layer, f"l{number}", lambda field: derived_seed(seed, node.path, field))
    if node.layer.fused_activation() is not None:
        made.activation = FusedActivation(made.activation)
    return made


class FusedActivation:
    """An activation that remembers, for the length of one trace, what it was applied to."""

    def __init__(self, activation: Any) -> None:
        self.activation = activation
        self.before: Any = None

    def __call__(self, x: Any) -> Any:
        self.before = x
        return self.activation(x)

    def take(self) -> Any:
        """What the activation was last applied to; forgotten at once."""
        before, self.before = self.before, None
        return before


def call(layer: Layer, made: keras.Layer, inputs: Sequence[Any], training: bool) -> Any:
    """Calls a Keras layer the way its class takes its inputs."""
    extra: dict[str, Any] = dict(layer.call_arguments())
    if "training" in inspect.signature(made.call).parameters:
        extra["training"] = training
    if layer.inputs_as == "positional":
        return made(*inputs, **extra)
    return made(list(inputs) if layer.inputs_as == "list" else inputs[0], **extra)


def as_list(value: Any) -> list[Any]:
    """Keras returns one tensor, or a list or tuple of them, possibly nested (states of stacked cells)."""
    return [tensor for item in value for tensor in as_list(item)] if isinstance(value, list | tuple) else [value]


def _check(node: Node, shapes: tuple[Shape, ...]) -> None:
    """Our own guards, before Keras sees anything."""
    allowed = node.layer.input_rank
    ranks = (allowed,) if isinstance(allowed, int) else allowed
    for shape in shapes:
        if ranks is not None and len(shape) not in ranks:
            raise InvalidDocument("", [_rank_problem(node, ranks, shape)])
    if node.layer.needs_lengths() and any(length is None for shape in shapes for length in shape[1:]):
        raise InvalidDocument("", [_lengths_problem(node, shapes)])
    try:
        node.layer.check_shapes(shapes)
    except LayerFault as fault:
        pointer = f"{node.pointer}/{fault.field}" if fault.field else node.pointer
        problem = Problem(pointer, f"{node.address}: {fault.message}", fault.expected, fault.received, fault.suggestion)
        raise InvalidDocument("", [problem]) from None


AXES = {2: "(batch, features)", 3: "(batch, steps, channels)", 4: "(batch, height, width, channels)",
        5: "(batch, depth, height, width, channels)"}  # fmt: skip


def _rank_problem(node: Node, ranks: tuple[int, ...], shape: Shape) -> Problem:
    expected = " or ".join(f"{rank} axes, {AXES.get(rank, 'the batch first')}" for rank in ranks)
    message = f"{node.address}: {type(node.layer).__name__} cannot read an input with {len(shape)} axes"
    received = f"{shape_text(shape)} from {', '.join(node.inputs)}"
    suggestion = "add the missing axis to the input, or a Reshape before" if len(shape) < min(ranks) else None
    return Problem(node.pointer, message, expected, received, suggestion or "a Flatten, pooling or Reshape before it")


def _lengths_problem(node: Node, shapes: tuple[Shape, ...]) -> Problem:
    message = f"{node.address}: {type(node.layer).__name__} must know the size of its input"
    received = ", ".join(shape_text(shape) for shape in shapes)
    return Problem(node.pointer, message, "lengths along every axis", received, 'declare the input\'s size in "input"')


def _check_output(node: Node, shape: Shape) -> None:
    size = size_of(tuple(1 if dimension is None else dimension for dimension in shape))
    if any(dimension is not None and dimension < 1 for dimension in shape):
        message = f"{node.address}: nothing is left of the input"
        problem = Problem(
            node.pointer, message, "an output with at least one element along every axis",
            f"an output of {shape_text(shape)}", "use padding 'same', a smaller kernel or pool, or a larger input",
        )  # fmt: skip
        raise InvalidDocument("", [problem])
    if size is None or size > MAX_ELEMENTS:
        message = f"{node.address}: the output is larger than any machine could hold"
        problem = Problem(node.pointer, message, f"at most {MAX_ELEMENTS:,} elements", f"{shape_text(shape)}")
        raise InvalidDocument("", [problem])


REFUSALS = (
    ValueError, TypeError, ArithmeticError, LookupError, AttributeError, NotImplementedError, tf.errors.OpError,
)  # fmt: skip
"""What Keras and TensorFlow raise for arguments and shapes they do not like."""


@contextmanager
def refusing(node: Node) -> Iterator[None]:
    """Keras' refusal of a layer call, as an error that points at the layer."""
    try:
        yield
    except REFUSALS as error:
        raise InvalidDocument("", [_keras_problem(node, error)]) from error


INTERNAL_NAME = re.compile(r"\bl\d+\b")


def _keras_problem(node: Node, error: Exception) -> Problem:
    """Keras' own words, with the document's names in place of internal ones."""
    text = str(error).strip().split("\n\nArguments received")[0].split("\n")
    sentence = INTERNAL_NAME.sub(node.address, " ".join(line.strip() for line in text if line.strip()))[:400]
    kind = type(node.layer).__name__
    return Problem(node.pointer, f"{node.address}: Keras refuses this {kind}: {sentence or type(error).__name__}")


def materialise(made: Outline) -> None:
    """Gives every uninitialised variable its value, drawn from (document seed, layer path, position)."""
    for path, layer in made.layers.items():
        for number, variable in enumerate(layer.variables):
            if variable._value is None:
                variable._initializer = _seeded(variable._initializer, made.network, path, number)
                variable._deferred_initialize()


def _seeded(initializer: Any, network: Network, path: str, number: int) -> Any:
    """The same initializer with a seed of this one variable's, unless the document gave one itself."""
    config = initializer.get_config() if isinstance(initializer, keras.initializers.Initializer) else {}
    if not isinstance(config.get("seed", 0), DerivedSeed | None):
        return initializer
    return type(initializer).from_config(config | {"seed": derived_seed(network.document.seed, path, str(number))})
