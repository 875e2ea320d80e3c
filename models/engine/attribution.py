"""Attribution of a refusal by Keras to a field: the layer's dtype, that of its inputs, or the layer itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import keras

from models.engine.output_dtypes import DEFAULT_DTYPE
from models.errors import InvalidDocument, Problem, shown
from models.layers.layer import Layer
from models.networks.network import Node

Accepts = Callable[[Layer, Sequence[keras.KerasTensor]], bool]
"""Whether Keras accepts a layer on such inputs."""


def locate_refusal(
    node: Node, inputs: Sequence[keras.KerasTensor], error: InvalidDocument, accepts: Accepts
) -> InvalidDocument:
    """Return the refusal of a call, pointing at the field without which Keras would have accepted it."""
    if len(error.problems) != 1 or error.problems[0].pointer != node.pointer:
        return error  # it already points at a field
    (problem,) = error.problems
    plain, path = without_dtype(node.layer)
    if path and accepts(plain, inputs):
        return InvalidDocument("", [_dtype_problem(node, problem, path)])
    floats = [keras.KerasTensor(spec.shape, DEFAULT_DTYPE) for spec in inputs]
    if any(spec.dtype != DEFAULT_DTYPE for spec in inputs) and accepts(node.layer, floats):
        return InvalidDocument("", [_inputs_problem(node, problem, inputs)])
    return error


def without_dtype(layer: Layer) -> tuple[Layer, str]:
    """Return the layer, and the layers inside it, without dtypes of their own, and the path of the first dtype removed:
    `/dtype`, `/layer/dtype`; empty if there was none. A type that requires a dtype gets the default one.
    """
    path = ""
    update: dict[str, object] = {}
    if layer.dtype is not None:
        path, update["dtype"] = "/dtype", DEFAULT_DTYPE if type(layer).model_fields["dtype"].is_required() else None
    for name, value in vars(layer).items():
        if isinstance(value, Layer):
            update[name], inner_path = without_dtype(value)
            path = path or (f"/{name}{inner_path}" if inner_path else "")
    return layer.model_copy(update=update), path


def _dtype_problem(node: Node, problem: Problem, path: str) -> Problem:
    layer: object = node.layer
    for part in path.split("/")[1:]:
        layer = getattr(layer, part)
    return Problem(
        node.pointer + path, problem.message, f"a dtype in which Keras computes {node.layer.type_name()}: float32",
        shown(layer), 'leave dtype out, and put {"type": "ops.cast", "dtype": …} behind it',
    )  # fmt: skip


def _inputs_problem(node: Node, problem: Problem, inputs: Sequence[keras.KerasTensor]) -> Problem:
    pairs = zip(node.inputs, inputs, strict=True)
    received = ", ".join(f"{spec.dtype} from {address}" for address, spec in pairs if spec.dtype != DEFAULT_DTYPE)
    return replace(
        problem, expected="inputs in float32", received=received[:200],
        suggestion='declare float32 for the input, or put {"type": "ops.cast", "dtype": "float32"} before it',
    )  # fmt: skip
