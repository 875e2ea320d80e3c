"""A network's Keras layers and symbolic shapes, without memory for its weights.

Keras shapes everything itself, inside a `keras.StatelessScope` that leaves variables uninitialised:
a model of 281 trillion parameters is outlined in milliseconds. `initial_weights` later gives the same
layers their weights, so that nothing is shaped twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import keras
from keras.src.backend.common import global_state  # private: pinned, and covered by a test

from models.engine.activations import FusedActivation, activation_layer
from models.engine.blame import locate_refusal
from models.engine.block_layer import attach_outline_function
from models.engine.calling import as_list, call, named_tensors, read_tensors
from models.engine.compiled import without_gradients
from models.engine.computed import check_weights, is_default_dtype, traced_outputs
from models.engine.layers import derived_seed, keras_layer
from models.engine.refusals import (
    REFUSALS,
    check_inputs,
    check_masks,
    check_output,
    check_unrolled,
    output_count_problem,
    refusing,
)  # fmt: skip
from models.errors import InvalidDocument
from models.layers.layer import Layer, Shape, size_of
from models.networks.network import PRE, Network, Node
from models.tensors.dtypes import DTYPES

Specs = Mapping[str, keras.KerasTensor]


@dataclass(frozen=True)
class SymbolicNetwork:
    """Every tensor's symbolic shape by address, and the layers with their uninitialised weights by path."""

    network: Network
    layers: Mapping[str, keras.Layer]
    specs: Specs
    batch: int | None = None
    """Replaces a free batch; a network shaped once with a free batch is known for every batch."""

    def on_batch(self, batch: int) -> SymbolicNetwork:
        """Return the same network on a batch of this size.

        Raises:
            InvalidDocument: a layer's checks refuse the batch.
        """
        network = replace(self, batch=batch)
        for node in self.network.nodes:
            if not node.is_block:
                check_inputs(node, network.shapes(node.inputs), network.keyword_shapes(node))
        return network

    def is_fixed(self) -> bool:
        """Whether no dimension but the batch is free."""
        return all(dimension is not None for spec in self.specs.values() for dimension in spec.shape[1:])

    def shape(self, address: str) -> Shape:
        """Return a tensor's shape, the batch first."""
        first, *rest = self.specs[address].shape
        return (self.batch if first is None else first, *rest)

    def dtype(self, address: str) -> str:
        """Return a tensor's dtype."""
        return str(keras.backend.standardize_dtype(self.specs[address].dtype))

    def nbytes(self, address: str) -> int:
        """Return a tensor's bytes; free dimensions count as one."""
        elements = size_of(tuple(dimension or 1 for dimension in self.shape(address))) or 0
        return elements * DTYPES[self.dtype(address)].itemsize

    def needed(self, addresses: Sequence[str]) -> tuple[Node, ...]:
        """Return the nodes that must be computed for these tensors, in order."""
        needed = {address.removesuffix(PRE) for address in addresses}
        chosen = []
        for node in reversed(self.network.nodes):
            if needed & set(node.outputs):
                chosen.append(node)
                needed |= set(node.reads)
        return tuple(reversed(chosen))

    def keyword_shapes(self, node: Node) -> dict[str, tuple[Shape, ...]]:
        """Return the shapes of the tensors that a call reads by name."""
        given = {
            name: [address for address in addresses if address is not None] for name, addresses in node.keywords.items()
        }
        return {name: self.shapes(addresses) for name, addresses in given.items()}

    def shapes(self, addresses: Sequence[str]) -> tuple[Shape, ...]:
        """Return the shapes of several tensors."""
        return tuple(self.shape(address) for address in addresses)


def declared_shapes(network: Network) -> dict[str, Shape]:
    """Return the shapes a network declares, with a free batch."""
    return {name: (None, *spec.shape) for name, spec in network.inputs.items()}


def outline(network: Network, shapes: Mapping[str, Shape]) -> SymbolicNetwork:
    """Shape a network on inputs of these shapes (batch included; None is free).

    Raises:
        InvalidDocument: Keras or our own checks refuse a layer; points at it.
    """
    layers: dict[str, keras.Layer] = {}
    specs = {name: _input_spec(network, name, shape) for name, shape in shapes.items()}
    with uninitialised():
        for node in network.nodes:
            specs.update(_node_specs(node, layers, specs, network.document.seed))
    return SymbolicNetwork(network, layers, specs)


def outline_of_batch(network: Network, shapes: Mapping[str, Shape]) -> SymbolicNetwork:
    """Shape a network on inputs that all have the same number of rows: with a free batch, as networks are run, which is
    then set to that number. Keras mistakes a batch of one, where it knows it, for no batch at all (HashedCrossing).

    Raises:
        InvalidDocument: as `outline`.
    """
    batches = {shape[0] for shape in shapes.values()}
    if len(batches) != 1 or None in batches:
        return outline(network, shapes)
    return outline(network, {name: (None, *shape[1:]) for name, shape in shapes.items()}).on_batch(batches.pop() or 1)


def _input_spec(network: Network, name: str, shape: Shape) -> keras.KerasTensor:
    return keras.KerasTensor(shape=shape, dtype=network.inputs[name].dtype, name=f"i{list(network.inputs).index(name)}")


@contextmanager
def uninitialised() -> Iterator[None]:
    """Allocate no memory for variables created in the block, and make Keras forget that they are uninitialised."""
    try:
        with without_gradients(), keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        global_state.set_global_attribute("uninitialized_variables", [])


def _node_specs(node: Node, layers: dict[str, keras.Layer], specs: Specs, seed: int) -> dict[str, keras.KerasTensor]:
    """Return the symbolic outputs of one layer call."""
    inputs = read_tensors(node, specs)
    if node.is_block:
        return dict(zip(node.outputs, inputs, strict=True))
    shapes = tuple(tuple(spec.shape) for spec in inputs)
    named = named_tensors(node, specs)
    check_masks(node, shapes, [None if address is None else tuple(specs[address].shape) for address in node.masks])
    check_inputs(
        node,
        shapes,
        {name: tuple(tuple(spec.shape) for spec in as_list(read) if spec is not None) for name, read in named.items()},
    )
    try:
        with refusing(node):
            if node.path not in layers:
                layers[node.path] = _new_layer(node, len(layers), seed)
            results = _results(node, layers[node.path], inputs, named)
    except InvalidDocument as error:
        raise locate_refusal(node, inputs, error, lambda *other: _accepts(node, named, seed, *other)) from error
    if len(results) != len(node.outputs):
        raise InvalidDocument("", [output_count_problem(node, len(results))])
    results = [_settled(node, shapes, result) for result in results]
    for result in results:
        check_output(node, tuple(result.shape))
    before = {node.address + PRE: results[0]} if node.layer.has_activation() else {}
    return dict(zip(node.outputs, results, strict=True)) | before


def _results(
    node: Node, keras_layer: keras.Layer, inputs: Sequence[keras.KerasTensor], named: Mapping[str, Any]
) -> list[keras.KerasTensor]:
    """Return the symbolic outputs: as Keras announces them where that is reliable, else as traced."""
    announced = as_list(call(node.layer, keras_layer, inputs, named, training=False))
    check_unrolled(node, keras_layer, tuple(tuple(spec.shape) for spec in inputs))
    check_weights(keras_layer)
    if is_default_dtype(keras_layer, inputs, named):
        return announced
    return traced_outputs(node.layer, keras_layer, inputs, named, announced)


def _accepts(
    node: Node, named: Mapping[str, Any], seed: int, layer: Layer, inputs: Sequence[keras.KerasTensor]
) -> bool:
    """Whether another layer, or the same on other inputs, would be accepted instead of this one."""
    candidate = replace(node, layer=layer)
    try:
        _results(candidate, _new_layer(candidate, 0, seed), inputs, named)
    except (*REFUSALS, InvalidDocument):
        return False
    return True


def _settled(node: Node, shapes: tuple[Shape, ...], result: keras.KerasTensor) -> keras.KerasTensor:
    """Return the output with every dimension that can be inferred."""
    shape = tuple(result.shape)
    known = node.layer.complete_shape(shapes, shape)
    if known == shape:
        return result
    return keras.KerasTensor(known, result.dtype, name=result.name)


def _new_layer(node: Node, number: int, seed: int) -> keras.Layer:
    """Create a Keras layer under a canonical name: nothing accumulates in Keras, and no name can collide or inject.
    Activity regularizers, which are for training, are removed.
    """
    created = keras_layer(node.layer, f"l{number}", lambda field: derived_seed(seed, node.path, field))
    attach_outline_function(created, outline, node.pointer)
    for part in created._flatten_layers():
        part.activity_regularizer = None
    if node.layer.has_activation():
        activated = activation_layer(created)
        activated.activation = FusedActivation(activated.activation)
    return created
