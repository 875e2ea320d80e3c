"""What a fused activation is applied to: caught on its way, so that a layer is computed once for both values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
from keras import ops


class FusedActivation:
    """An activation that notes what it is applied to while somebody watches."""

    def __init__(self, activation: Any) -> None:
        self.activation = activation
        self.watched: list[Any] | None = None

    def __call__(self, x: Any) -> Any:
        if self.watched is not None:
            self.watched.append(x)
        return self.activation(x)


def activated(layer: keras.Layer) -> keras.Layer:
    """The layer that applies the activation: inside wrappers, the one they hold."""
    return activated(layer.layer) if isinstance(layer, keras.layers.Wrapper) else layer


@contextmanager
def before_activation(layer: keras.Layer) -> Iterator[list[Any]]:
    """Everything that the layer's fused activation is applied to inside, in order; nothing without one."""
    activation = getattr(activated(layer), "activation", None)
    seen: list[Any] = []
    if not isinstance(activation, FusedActivation):
        yield seen
        return
    activation.watched = seen
    try:
        yield seen
    finally:
        activation.watched = None


def joined(before: Sequence[Any], result: Any) -> Any:
    """One tensor shaped like the layer's result.

    TimeDistributed calls its layer once a step, so the steps of all sequences are put side by side again.
    """
    whole = before[0] if len(before) == 1 else ops.stack(before, axis=1)
    return ops.cast(ops.reshape(whole, ops.shape(result)), result.dtype)
