"""Which field a refusal of Keras' is about: the layer's dtype, that of its inputs, or the layer as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import keras

from models.engine.computed import USUAL
from models.errors import InvalidDocument, Problem, shown
from models.layers.layer import Layer
from models.networks.network import Node

Tries = Callable[[Layer, Sequence[keras.KerasTensor]], bool]
"""Whether Keras takes a layer on such inputs."""


def blamed(node: Node, inputs: Sequence[keras.KerasTensor], error: InvalidDocument, works: Tries) -> InvalidDocument:
    """The refusal of a call, at the field without which Keras would have taken it."""
    if len(error.problems) != 1 or error.problems[0].pointer != node.pointer:
        return error  # it says already which field it is about
    (problem,) = error.problems
    plain, path = without_dtype(node.layer)
    if path and works(plain, inputs):
        return InvalidDocument("", [_of_dtype(node, problem, path)])
    floats = [keras.KerasTensor(one.shape, USUAL) for one in inputs]
    if any(one.dtype != USUAL for one in inputs) and works(node.layer, floats):
        return InvalidDocument("", [_of_inputs(node, problem, inputs)])
    return error


def without_dtype(layer: Layer) -> tuple[Layer, str]:
    """The layer, and those that it holds, with no dtypes of their own, and where the first of these stood: `/dtype`,
    `/layer/dtype`; empty where there is none. A type that must have one gets the usual one.
    """
    path = ""
    update: dict[str, object] = {}
    if layer.dtype is not None:
        path, update["dtype"] = "/dtype", USUAL if type(layer).model_fields["dtype"].is_required() else None
    for name, held in vars(layer).items():
        if isinstance(held, Layer):
            update[name], below = without_dtype(held)
            path = path or (f"/{name}{below}" if below else "")
    return layer.model_copy(update=update), path


def _of_dtype(node: Node, problem: Problem, path: str) -> Problem:
    layer: object = node.layer
    for part in path.split("/")[1:]:
        layer = getattr(layer, part)
    return Problem(
        node.pointer + path, problem.message, f"a dtype in which Keras computes {node.layer.type_name()}: float32",
        shown(layer), 'leave dtype out, and put {"type": "ops.cast", "dtype": …} behind it',
    )  # fmt: skip


def _of_inputs(node: Node, problem: Problem, inputs: Sequence[keras.KerasTensor]) -> Problem:
    read = zip(node.inputs, inputs, strict=True)
    received = ", ".join(f"{one.dtype} from {address}" for address, one in read if one.dtype != USUAL)
    return replace(
        problem, expected="inputs in float32", received=received[:200],
        suggestion='declare float32 for the input, or put {"type": "ops.cast", "dtype": "float32"} before it',
    )  # fmt: skip
