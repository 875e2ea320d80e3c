"""Calls of Keras layers with their inputs in the form that each class takes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras.src.backend import set_keras_mask  # private: pinned, and covered by tests

from models.layers.layer import Layer
from models.networks.network import Node


def read_tensors(node: Node, tensors: Mapping[str, Any]) -> list[Any]:
    """Return the inputs of a call from tensors by address. Tensors whose mask was given to a block are copies that
    carry it for Keras: outside the block the tensor is unchanged.
    """
    inputs = [tensors[address] for address in node.inputs]
    if not node.masks:
        return inputs
    masks = [address and tensors[address] for address in node.masks]
    return [tensor if mask is None else _masked(tensor, mask) for tensor, mask in zip(inputs, masks, strict=True)]


def _masked(tensor: Any, mask: Any) -> Any:
    """Return a copy of a tensor, symbolic or not, with this mask."""
    is_symbolic = isinstance(tensor, keras.KerasTensor)
    copy = keras.KerasTensor(tensor.shape, tensor.dtype, name=tensor.name) if is_symbolic else tf.identity(tensor)
    set_keras_mask(copy, mask)
    return copy


def named_tensors(node: Node, tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keyword arguments of a call from tensors by address: one, or a list where Keras takes a list."""
    values = {
        name: [None if address is None else tensors[address] for address in addresses]
        for name, addresses in node.keywords.items()
    }
    return {name: value if name in node.listed else value[0] for name, value in values.items()}


def call(
    layer: Layer, keras_layer: keras.Layer, inputs: Sequence[Any], named: Mapping[str, Any], training: bool
) -> Any:
    """Call a Keras layer with its inputs in the form that its class takes."""
    extra: dict[str, Any] = {**layer.call_arguments(), **named}
    if "training" in inspect.signature(keras_layer.call).parameters:
        extra["training"] = training
    if layer.inputs_as == "positional":
        return keras_layer(*inputs, **extra)
    return keras_layer(list(inputs) if layer.inputs_as == "list" else inputs[0], **extra)


def as_list(value: Any) -> list[Any]:
    """Return Keras' result as a list: it is a tensor or a list or tuple, possibly nested (states of stacked cells)."""
    return [tensor for item in value for tensor in as_list(item)] if isinstance(value, list | tuple) else [value]
