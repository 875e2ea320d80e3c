"""A Keras layer called the way its class takes its inputs."""

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
    """The inputs of a call, among tensors by address. Those that a block was given a mask of are copies, on which
    Keras finds it: outside the block the tensor is as it was.
    """
    read = [tensors[address] for address in node.inputs]
    if not node.masks:
        return read
    masks = [one and tensors[one] for one in node.masks]
    return [one if mask is None else _masked(one, mask) for one, mask in zip(read, masks, strict=True)]


def _masked(tensor: Any, mask: Any) -> Any:
    """A copy of a tensor, symbolic or not, with this mask."""
    is_symbolic = isinstance(tensor, keras.KerasTensor)
    made = keras.KerasTensor(tensor.shape, tensor.dtype, name=tensor.name) if is_symbolic else tf.identity(tensor)
    set_keras_mask(made, mask)
    return made


def named_tensors(node: Node, tensors: Mapping[str, Any]) -> dict[str, Any]:
    """What a call reads by name, among tensors by address: one, or a list where Keras takes a list."""
    several = {name: [None if one is None else tensors[one] for one in read] for name, read in node.keywords.items()}
    return {name: found if name in node.listed else found[0] for name, found in several.items()}


def call(layer: Layer, made: keras.Layer, inputs: Sequence[Any], named: Mapping[str, Any], training: bool) -> Any:
    """Calls a Keras layer the way its class takes its inputs."""
    extra: dict[str, Any] = {**layer.call_arguments(), **named}
    if "training" in inspect.signature(made.call).parameters:
        extra["training"] = training
    if layer.inputs_as == "positional":
        return made(*inputs, **extra)
    return made(list(inputs) if layer.inputs_as == "list" else inputs[0], **extra)


def as_list(value: Any) -> list[Any]:
    """Keras returns one tensor, or a list or tuple of them, possibly nested (states of stacked cells)."""
    return [tensor for item in value for tensor in as_list(item)] if isinstance(value, list | tuple) else [value]
