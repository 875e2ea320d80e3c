"""Recording of the input of a fused activation, so that a layer is computed once for both values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
from keras import ops


class FusedActivation:
    """An activation that records its inputs while recording is on, and applies to what they are changed to."""

    def __init__(self, activation: Any) -> None:
        self.activation = activation
        self.recorded: list[Any] | None = None
        self.change: Callable[[Any], Any] | None = None

    def __call__(self, x: Any) -> Any:
        if self.recorded is not None:
            x = x if self.change is None else self.change(x)
            self.recorded.append(x)
        return self.activation(x)


def activation_layer(layer: keras.Layer) -> keras.Layer:
    """Return the layer that applies the activation, unwrapping wrappers."""
    return activation_layer(layer.layer) if isinstance(layer, keras.layers.Wrapper) else layer


@contextmanager
def record_activation_input(layer: keras.Layer, change: Callable[[Any], Any] | None = None) -> Iterator[list[Any]]:
    """Record every input of the layer's fused activation within the block, in order, each after the `change`; stays
    empty without one.
    """
    activation = getattr(activation_layer(layer), "activation", None)
    recorded: list[Any] = []
    if not isinstance(activation, FusedActivation):
        yield recorded
        return
    activation.recorded, activation.change = recorded, change
    try:
        yield recorded
    finally:
        activation.recorded = activation.change = None


def join_steps(before: Sequence[Any], result: Any) -> Any:
    """Return one tensor of the shape of the layer's result.

    TimeDistributed calls its layer once a step, so the steps of all sequences are stacked again.
    """
    stacked = before[0] if len(before) == 1 else ops.stack(before, axis=1)
    return ops.cast(ops.reshape(stacked, ops.shape(result)), result.dtype)
