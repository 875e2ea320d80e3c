"""A block of layers as one Keras layer, where a wrapper applies it to every step of a sequence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import keras
from keras.src.backend import set_keras_mask  # private: pinned, and covered by a test

from models.engine.calling import as_list, call, named_tensors, read_tensors
from models.engine.ids import guarded
from models.errors import InvalidDocument
from models.layers.block import Block
from models.layers.layer import Shape
from models.networks.keras_order import keras_order, layer_paths
from models.networks.network import Network, Node
from models.networks.step_networks import step_network

if TYPE_CHECKING:
    from models.engine.symbolic_network import SymbolicNetwork

Outlining = Callable[[Network, Mapping[str, Shape]], "SymbolicNetwork"]
"""What shapes a network: `models.engine.symbolic_network.outline`, which makes these layers."""


class BlockLayer(keras.layers.Layer):  # type: ignore[misc]
    """The layers of a block, called one after the other as Keras' Functional models call theirs.

    `outline` is that of the block on one step, once it is built. Source: keras.src.models.functional.Functional.call.
    """

    def __init__(self, block: Block, name: str, seed: int) -> None:
        super().__init__(name=name, trainable=block.trainable, autocast=False)
        self._block, self._seed = block, seed
        self.outlining: Outlining | None = None
        self.pointer = ""
        self.outline: SymbolicNetwork | None = None
        self.inner: list[keras.layers.Layer] = []

    def build(self, input_shape: Shape) -> None:
        """Shapes the layers on one step; they are listed in Keras' order.

        Raises:
            InvalidDocument: pointing into the block.
        """
        self.outline = self._outlined(input_shape)
        self.inner = [self.outline.layers[path] for path in layer_paths(keras_order(self.outline.network))]

    @property
    def built_outline(self) -> SymbolicNetwork:
        """The outline, which is there once the layer is built."""
        assert self.outline is not None  # noqa: S101 (Keras builds a layer before it is called)
        return self.outline

    def _outlined(self, shape: Shape) -> SymbolicNetwork:
        assert self.outlining is not None  # noqa: S101 (set by the outline that made this)
        try:
            network = step_network(self._block, shape, seed=self._seed)
            return self.outlining(network, {self._block.input[0]: shape})
        except InvalidDocument as error:
            raise error.under(self.pointer) from error

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The shape of what the block returns."""
        outline = self.outline
        if outline is None or outline.shape(self._block.input[0]) != tuple(input_shape):
            outline = self._outlined(tuple(input_shape))
        return outline.shape(outline.network.outputs[0])

    @property
    def trainable_weights(self) -> list[keras.Variable]:
        """None where the block is frozen, whatever its layers say."""
        return super().trainable_weights if self.trainable else []

    def call(self, inputs: Any, training: bool = False, mask: Any = None) -> Any:
        """What the block returns for one step."""
        outline = self.built_outline
        network = outline.network
        if mask is not None:
            set_keras_mask(inputs, mask)
        tensors: dict[str, Any] = {self._block.input[0]: inputs}
        for node in network.nodes:
            tensors.update(self._node(node, outline, tensors, training))
        return tensors[network.outputs[0]]

    def _node(self, node: Node, outline: SymbolicNetwork, tensors: Mapping[str, Any], training: bool) -> dict[str, Any]:
        inputs = read_tensors(node, tensors)
        if not node.is_block:
            if not isinstance(inputs[0], keras.KerasTensor):
                inputs = guarded(node.layer, inputs)
            named = named_tensors(node, tensors)
            inputs = as_list(call(node.layer, outline.layers[node.path], inputs, named, training))
        return dict(zip(node.outputs, inputs, strict=True))


def held_block(layer: keras.layers.Layer) -> BlockLayer | None:
    """The block that a layer applies to the steps of a sequence, through wrappers."""
    while isinstance(layer, keras.layers.Wrapper):
        layer = layer.layer
    return layer if isinstance(layer, BlockLayer) else None


def begin(layer: keras.layers.Layer, outlining: Outlining, pointer: str) -> None:
    """Tells the block that a layer holds how networks are shaped, and where the layer stands in the document."""
    while isinstance(layer, keras.layers.Wrapper):
        layer, pointer = layer.layer, f"{pointer}/layer"
    if isinstance(layer, BlockLayer):
        layer.outlining, layer.pointer = outlining, pointer


def written_out(layer: keras.layers.Layer, shape: Shape) -> int:
    """How many layers a graph has for one call, in which a block is written out for every step; free steps are one."""
    if isinstance(layer, BlockLayer):
        outline = layer.built_outline
        calls = (node for node in outline.network.nodes if not node.is_block)
        return sum(written_out(outline.layers[node.path], outline.shape(node.inputs[0])) for node in calls)
    if isinstance(layer, keras.layers.TimeDistributed):
        return (shape[1] or 1) * written_out(layer.layer, (shape[0], *shape[2:]))
    return 1
