"""A block of layers as one Keras layer, for wrappers that apply it to every step of a sequence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import keras
from keras.src.backend import set_keras_mask  # private: pinned, and covered by a test

from models.engine.ids import guard_ids
from models.engine.layer_calls import as_list, call, named_tensors, read_tensors
from models.errors import InvalidDocument
from models.layers.block import Block
from models.layers.sizes import Shape
from models.networks.keras_order import keras_order, layer_paths
from models.networks.network import Network, Node
from models.networks.step_networks import step_network

if TYPE_CHECKING:
    from models.engine.symbolic_network import SymbolicNetwork

ShapeFunction = Callable[[Network, Mapping[str, Shape]], "SymbolicNetwork"]
"""The function that shapes a network: `models.engine.shaping.shape_network`, which creates these layers."""


class BlockLayer(keras.layers.Layer):  # type: ignore[misc]
    """The layers of a block, called in order as Keras' Functional models call theirs.

    `symbolic` is the block on one step, once built. Source: keras.src.models.functional.Functional.call.
    """

    def __init__(self, block: Block, name: str, seed: int) -> None:
        super().__init__(name=name, trainable=block.trainable, autocast=False)
        self._block, self._seed = block, seed
        self.shape_function: ShapeFunction | None = None
        self.pointer = ""
        self.symbolic: SymbolicNetwork | None = None
        self.inner: list[keras.layers.Layer] = []

    def build(self, input_shape: Shape) -> None:
        """Shape the layers on one step; they are listed in Keras' order.

        Raises:
            InvalidDocument: pointing into the block.
        """
        self.symbolic = self._shape_on(input_shape)
        self.inner = [self.symbolic.layers[path] for path in layer_paths(keras_order(self.symbolic.network))]

    @property
    def built_network(self) -> SymbolicNetwork:
        """The block on one step, which exists once the layer is built."""
        assert self.symbolic is not None  # noqa: S101 (Keras builds a layer before it is called)
        return self.symbolic

    def _shape_on(self, shape: Shape) -> SymbolicNetwork:
        assert self.shape_function is not None  # noqa: S101 (set by `shape_network`, which creates this layer)
        try:
            network = step_network(self._block, shape, seed=self._seed)
            return self.shape_function(network, {self._block.input[0]: shape})
        except InvalidDocument as error:
            raise error.under(self.pointer) from error

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the block's output."""
        symbolic = self.symbolic
        if symbolic is None or symbolic.shape(self._block.input[0]) != tuple(input_shape):
            symbolic = self._shape_on(tuple(input_shape))
        return symbolic.shape(symbolic.network.outputs[0])

    @property
    def trainable_weights(self) -> list[keras.Variable]:
        """The trainable weights; empty where the block is frozen, whatever its layers say."""
        return super().trainable_weights if self.trainable else []

    def call(self, inputs: Any, training: bool = False, mask: Any = None) -> Any:
        """Return the block's output for one step."""
        symbolic = self.built_network
        network = symbolic.network
        if mask is not None:
            set_keras_mask(inputs, mask)
        tensors: dict[str, Any] = {self._block.input[0]: inputs}
        for node in network.nodes:
            tensors.update(self._node(node, symbolic, tensors, training))
        return tensors[network.outputs[0]]

    def _node(
        self, node: Node, symbolic: SymbolicNetwork, tensors: Mapping[str, Any], training: bool
    ) -> dict[str, Any]:
        inputs = read_tensors(node, tensors)
        if not node.is_block:
            if not isinstance(inputs[0], keras.KerasTensor):
                inputs = guard_ids(node.layer, inputs)
            named = named_tensors(node, tensors)
            inputs = as_list(call(node.layer, symbolic.layers[node.path], inputs, named, training))
        return dict(zip(node.outputs, inputs, strict=True))


def held_block(layer: keras.layers.Layer) -> BlockLayer | None:
    """Return the block that a layer applies to the steps of a sequence, unwrapping wrappers."""
    while isinstance(layer, keras.layers.Wrapper):
        layer = layer.layer
    return layer if isinstance(layer, BlockLayer) else None


def attach_shape_function(layer: keras.layers.Layer, shape_function: ShapeFunction, pointer: str) -> None:
    """Give the block inside a layer the function that shapes networks, and the layer's pointer into the document."""
    while isinstance(layer, keras.layers.Wrapper):
        layer, pointer = layer.layer, f"{pointer}/layer"
    if isinstance(layer, BlockLayer):
        layer.shape_function, layer.pointer = shape_function, pointer


def unrolled_calls(layer: keras.layers.Layer, shape: Shape) -> int:
    """Return the number of layer calls in the graph of one call: a block is unrolled over all steps (unknown: 1)."""
    if isinstance(layer, BlockLayer):
        symbolic = layer.built_network
        calls = (node for node in symbolic.network.nodes if not node.is_block)
        return sum(unrolled_calls(symbolic.layers[node.path], symbolic.shape(node.inputs[0])) for node in calls)
    if isinstance(layer, keras.layers.TimeDistributed):
        return (shape[1] or 1) * unrolled_calls(layer.layer, (shape[0], *shape[2:]))
    return 1
