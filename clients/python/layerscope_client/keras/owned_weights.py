"""The weights of a layer as symbolic tensors, so that what its `call` computes from them is recorded, too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from layerscope_client.keras.fixed import mark_fixed
from layerscope_client.keras.untraceable import Refused


class WeightTensor(keras.KerasTensor):  # type: ignore[misc]
    """A variable of a layer in a recording."""

    def __init__(self, variable: keras.Variable) -> None:
        super().__init__(tuple(variable.shape), keras.backend.standardize_dtype(variable.dtype), name=variable.name)
        self.variable, self.trainable, self.path = variable, variable.trainable, variable.path
        mark_fixed([self])

    @property
    def value(self) -> WeightTensor:
        """The weight itself, as of a variable."""
        return self

    def numpy(self) -> Any:
        """Return its numbers."""
        return self.variable.numpy()

    def assign(self, *_: Any, **__: Any) -> None:
        """Refuse to change it."""
        refuse_assignment(self.variable)

    assign_add = assign_sub = assign


def refuse_assignment(variable: Any, *_: Any, **__: Any) -> None:
    """Refuse to change a weight.

    Raises:
        Refused: always.
    """
    reason = f"its call changes its weight {variable.name}, so that the next call computes something else"
    raise Refused(reason, "Let it do so in training only: if training: …")


@contextmanager
def as_tensors(layer: keras.Layer) -> Iterator[None]:
    """Let the attributes of a layer that are variables, or hold some, be symbolic tensors for a while."""
    attributes = vars(layer)
    kept = {name: value for name, value in attributes.items() if name not in TRACKED and _variables(value)}
    made: dict[int, Any] = {}
    try:
        attributes.update({name: _replaced(value, layer, made) for name, value in kept.items()})
        yield
    finally:
        attributes.update(kept)


TRACKED = ("_trainable_variables", "_non_trainable_variables", "_seed_generators", "_tracker", "_metrics", "_losses")
"""Attributes in which Keras itself lists variables."""


def _variables(value: Any) -> bool:
    """Whether a value is a variable, or a list or an object with some."""
    if isinstance(value, dict):
        return any(map(_variables, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_variables, value))
    return isinstance(value, keras.Variable)


def _replaced(value: Any, layer: keras.Layer, made: dict[int, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _replaced(item, layer, made) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return (
            type(value)(_replaced(item, layer, made) for item in value)
            if type(value) in {list, tuple}
            else [_replaced(item, layer, made) for item in value]
        )
    if not isinstance(value, keras.Variable):
        return value
    if id(value) not in made:
        made[id(value)] = _cast(WeightTensor(value), layer)
    return made[id(value)]


def _cast(weight: WeightTensor, layer: keras.Layer) -> Any:
    """Return a weight as the layer reads it: cast, under a policy of mixed precision."""
    is_float = keras.backend.is_float_dtype(weight.dtype)
    if not (layer.autocast and is_float) or layer.compute_dtype in {weight.dtype, None}:
        return weight
    return keras.ops.cast(weight, layer.compute_dtype)
