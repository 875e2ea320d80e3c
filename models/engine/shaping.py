"""Shaping of networks: Keras layers and symbolic tensors, without memory for weights.

Keras shapes everything itself, inside a `keras.StatelessScope` that leaves variables uninitialised:
a model of 281 trillion parameters is shaped in milliseconds. `initial_weights` later gives the same
layers their weights, so that nothing is shaped twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import keras
from keras.src.backend import get_keras_mask, set_keras_mask  # private: pinned, and covered by tests
from keras.src.backend.common import global_state  # private, too

from models.engine.activations import FusedActivation, activation_layer
from models.engine.attribution import locate_refusal
from models.engine.batch_axes import check_outputs, node_batch_axes
from models.engine.block_layer import attach_shape_function
from models.engine.compiled import without_gradients
from models.engine.layer_calls import as_list, call, named_tensors, read_tensors
from models.engine.layer_checks import (
    KERAS_ERRORS,
    check_applied_masks,
    check_inputs,
    check_masks,
    check_output,
    check_unrolled,
    output_count_problem,
    translating_errors,
)
from models.engine.layers import create_layer, derived_seed
from models.engine.output_dtypes import check_weights, is_default_dtype, traced_outputs
from models.engine.symbolic_network import Specs, SymbolicNetwork
from models.engine.weight_operands import without_weights
from models.errors import InvalidDocument
from models.layers.batch_axis import FIRST
from models.layers.layer import Layer
from models.layers.sizes import Shape
from models.networks.network import PRE, Network, Node


def declared_shapes(network: Network) -> dict[str, Shape]:
    """Return the shapes a network declares, with a free batch."""
    return {name: (None, *spec.shape) for name, spec in network.inputs.items()}


def shape_network(network: Network, shapes: Mapping[str, Shape]) -> SymbolicNetwork:
    """Shape a network on inputs of these shapes (batch included; None is free).

    Raises:
        InvalidDocument: Keras or our own checks refuse a layer; points at it.
    """
    layers: dict[str, keras.Layer] = {}
    specs = {name: _input_spec(network, name, shape) for name, shape in shapes.items()}
    batch_axes = dict.fromkeys(specs, FIRST)
    calls: list[Node] = []
    with uninitialised():
        for node in network.nodes:
            calls.append(without_weights(node, specs, batch_axes) if network.own_weights else node)
            axes = node_batch_axes(calls[-1], specs, batch_axes)
            _check_tensors(calls[-1], specs)
            specs.update(_node_specs(node, layers, specs, network.document.seed))
            batch_axes.update(axes)
    check_outputs(network, batch_axes)
    return SymbolicNetwork(network, layers, specs, batch_axes, tuple(calls))


def shape_batch(network: Network, shapes: Mapping[str, Shape]) -> SymbolicNetwork:
    """Shape a network on inputs that all have the same number of rows: with a free batch, as networks are run, which is
    then set to that number. Keras mistakes a batch of one, where it knows it, for no batch at all (HashedCrossing).

    Raises:
        InvalidDocument: as `shape_network`.
    """
    batches = {shape[0] for shape in shapes.values()}
    if len(batches) != 1 or None in batches:
        return shape_network(network, shapes)
    return shape_network(network, {name: (None, *shape[1:]) for name, shape in shapes.items()}).on_batch(
        batches.pop() or 1
    )


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
    named = named_tensors(node, specs)
    try:
        with translating_errors(node):
            if node.path not in layers:
                layers[node.path] = _new_layer(node, len(layers), seed)
            results = _results(node, layers[node.path], inputs, named)
    except InvalidDocument as error:
        raise locate_refusal(node, inputs, error, lambda *other: _accepts(node, named, seed, *other)) from error
    if len(results) != len(node.outputs):
        raise InvalidDocument("", [output_count_problem(node, len(results))])
    for result in results:
        check_output(node, tuple(result.shape))
    before = {node.address + PRE: results[0]} if node.layer.has_activation() else {}
    return dict(zip(node.outputs, results, strict=True)) | before


def _check_tensors(node: Node, specs: Specs) -> None:
    """Check the tensors that a call reads, before Keras sees them."""
    if node.is_block:
        return
    inputs, named = read_tensors(node, specs), named_tensors(node, specs)
    shapes = tuple(tuple(spec.shape) for spec in inputs)
    masks = [None if address is None else tuple(specs[address].shape) for address in node.masks]
    keywords = {
        name: tuple(tuple(spec.shape) for spec in as_list(read) if spec is not None) for name, read in named.items()
    }
    check_masks(node, shapes, masks)
    check_inputs(node, shapes, keywords)
    applied = as_list(named["mask"]) if "mask" in named else [get_keras_mask(spec) for spec in inputs]
    check_applied_masks(
        node, shapes, tuple(None if mask is None else tuple(mask.shape) for mask in applied), named="mask" in named
    )


def _results(
    node: Node, keras_layer: keras.Layer, inputs: Sequence[keras.KerasTensor], named: Mapping[str, Any]
) -> list[keras.KerasTensor]:
    """Return the symbolic outputs: as Keras announces them where that is reliable, else as traced."""
    announced = _computed(node.layer, inputs, as_list(call(node.layer, keras_layer, inputs, named, training=False)))
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
    except (*KERAS_ERRORS, InvalidDocument):
        return False
    return True


def _computed(
    layer: Layer, inputs: Sequence[keras.KerasTensor], announced: Sequence[keras.KerasTensor]
) -> list[keras.KerasTensor]:
    """Return the outputs that Keras announces with the shapes that it computes."""
    given, said = (tuple(tuple(spec.shape) for spec in several) for several in (inputs, announced))
    pairs = zip(announced, layer.output_shapes(given, said), strict=True)
    return [spec if tuple(spec.shape) == shape else _reshaped(spec, shape) for spec, shape in pairs]


def _reshaped(spec: keras.KerasTensor, shape: Shape) -> keras.KerasTensor:
    """Return a symbolic tensor with another shape, and the same mask."""
    copy = keras.KerasTensor(shape, spec.dtype, name=spec.name)
    mask = get_keras_mask(spec)
    if mask is not None:
        set_keras_mask(copy, mask)
    return copy


def _new_layer(node: Node, number: int, seed: int) -> keras.Layer:
    """Create a Keras layer under a canonical name: nothing accumulates in Keras, and no name can collide or inject.
    Activity regularizers, which are for training, are removed.
    """
    created = create_layer(node.layer, f"l{number}", lambda field: derived_seed(seed, node.path, field))
    attach_shape_function(created, shape_network, node.pointer)
    for part in created._flatten_layers():
        if part.activity_regularizer is not None:  # Keras' setter takes longer than this look
            part.activity_regularizer = None
    if node.layer.has_activation():
        activated = activation_layer(created)
        activated.activation = FusedActivation(activated.activation)
    return created
