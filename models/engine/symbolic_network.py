"""A network's Keras layers and symbolic shapes, with no memory behind its weights.

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

from models.engine.activations import FusedActivation, activated
from models.engine.blame import blamed
from models.engine.block_layer import begin
from models.engine.calling import as_list, call, named_tensors, read_tensors
from models.engine.compiled import without_gradients
from models.engine.computed import check_weights, computed, is_usual
from models.engine.layers import derived_seed, keras_layer
from models.engine.refusals import (
    REFUSALS,
    check_inputs,
    check_masks,
    check_output,
    check_written_out,
    miscounted,
    refusing,
)  # fmt: skip
from models.errors import InvalidDocument
from models.layers.layer import Layer, Shape, size_of
from models.networks.network import PRE, Network, Node
from models.tensors.dtypes import DTYPES

Specs = Mapping[str, keras.KerasTensor]


@dataclass(frozen=True)
class SymbolicNetwork:
    """Every tensor's symbolic shape by address, and the unbuilt weights behind it by layer path."""

    network: Network
    layers: Mapping[str, keras.Layer]
    specs: Specs
    batch: int | None = None
    """Stands in for a free batch; a network shaped once with a free batch is known for every batch."""

    def on_batch(self, batch: int) -> SymbolicNetwork:
        """The same network on a batch of this size.

        Raises:
            InvalidDocument: when a layer's guards refuse the batch.
        """
        made = replace(self, batch=batch)
        for node in self.network.nodes:
            if not node.is_block:
                check_inputs(node, made.shapes(node.inputs), made.keyword_shapes(node))
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
                wanted |= set(node.reads)
        return tuple(reversed(chosen))

    def keyword_shapes(self, node: Node) -> dict[str, tuple[Shape, ...]]:
        """The shapes of what a call reads by name."""
        several = {name: [one for one in read if one is not None] for name, read in node.keywords.items()}
        return {name: self.shapes(read) for name, read in several.items()}

    def shapes(self, addresses: Sequence[str]) -> tuple[Shape, ...]:
        """Several tensors' shapes."""
        return tuple(self.shape(address) for address in addresses)


def declared_shapes(network: Network) -> dict[str, Shape]:
    """The shapes a network declares, with a free batch."""
    return {name: (None, *spec.shape) for name, spec in network.inputs.items()}


def outline(network: Network, shapes: Mapping[str, Shape]) -> SymbolicNetwork:
    """Shapes a network on inputs of these shapes (batch included; None is free).

    Raises:
        InvalidDocument: with the layer at fault, for anything Keras or our own guards refuse.
    """
    layers: dict[str, keras.Layer] = {}
    specs = {name: _input_spec(network, name, shape) for name, shape in shapes.items()}
    with uninitialised():
        for node in network.nodes:
            specs.update(_node_specs(node, layers, specs, network.document.seed))
    return SymbolicNetwork(network, layers, specs)


def outline_of_batch(network: Network, shapes: Mapping[str, Shape]) -> SymbolicNetwork:
    """Likewise of inputs that all have the same number of rows: shaped with a free batch, as networks are run, and then
    told how many they are. Keras takes one row, where it knows of it, for no batch at all (HashedCrossing).

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
    """Variables made inside get no memory, and Keras forgets that it owes them any."""
    try:
        with without_gradients(), keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        global_state.set_global_attribute("uninitialized_variables", [])


def _node_specs(node: Node, layers: dict[str, keras.Layer], specs: Specs, seed: int) -> dict[str, keras.KerasTensor]:
    """The symbolic outputs of one layer call."""
    inputs = read_tensors(node, specs)
    if node.is_block:
        return dict(zip(node.outputs, inputs, strict=True))
    shapes = tuple(tuple(spec.shape) for spec in inputs)
    named = named_tensors(node, specs)
    check_masks(node, shapes, [None if one is None else tuple(specs[one].shape) for one in node.masks])
    check_inputs(
        node,
        shapes,
        {name: tuple(tuple(s.shape) for s in as_list(read) if s is not None) for name, read in named.items()},
    )
    try:
        with refusing(node):
            if node.path not in layers:
                layers[node.path] = _new_layer(node, len(layers), seed)
            results = _results(node, layers[node.path], inputs, named)
    except InvalidDocument as error:
        raise blamed(node, inputs, error, lambda *other: _works(node, named, seed, *other)) from error
    if len(results) != len(node.outputs):
        raise InvalidDocument("", [miscounted(node, len(results))])
    results = [_settled(node, shapes, result) for result in results]
    for result in results:
        check_output(node, tuple(result.shape))
    before = {node.address + PRE: results[0]} if node.layer.has_activation() else {}
    return dict(zip(node.outputs, results, strict=True)) | before


def _results(
    node: Node, made: keras.Layer, inputs: Sequence[keras.KerasTensor], named: Mapping[str, Any]
) -> list[keras.KerasTensor]:
    """The symbolic outputs: as Keras announces them where that can be relied on, else as they are computed."""
    announced = as_list(call(node.layer, made, inputs, named, training=False))
    check_written_out(node, made, tuple(tuple(spec.shape) for spec in inputs))
    check_weights(made)
    if is_usual(made, inputs, named):
        return announced
    return computed(node.layer, made, inputs, named, announced)


def _works(node: Node, named: Mapping[str, Any], seed: int, layer: Layer, inputs: Sequence[keras.KerasTensor]) -> bool:
    """Whether another layer, or the same on other inputs, would be taken in the place of this one."""
    other = replace(node, layer=layer)
    try:
        _results(other, _new_layer(other, 0, seed), inputs, named)
    except (*REFUSALS, InvalidDocument):
        return False
    return True


def _settled(node: Node, shapes: tuple[Shape, ...], result: keras.KerasTensor) -> keras.KerasTensor:
    """The output with every length that can be known."""
    shape = tuple(result.shape)
    settled = node.layer.settled(shapes, shape)
    if settled == shape:
        return result
    return keras.KerasTensor(settled, result.dtype, name=result.name)


def _new_layer(node: Node, number: int, seed: int) -> keras.Layer:
    """A Keras layer under a canonical name: nothing accumulates in Keras, and no name can collide or inject. Penalties
    on activities, which are for training, are left out.
    """
    made = keras_layer(node.layer, f"l{number}", lambda field: derived_seed(seed, node.path, field))
    begin(made, outline, node.pointer)
    for part in made._flatten_layers():
        part.activity_regularizer = None
    if node.layer.has_activation():
        inner = activated(made)
        inner.activation = FusedActivation(inner.activation)
    return made
