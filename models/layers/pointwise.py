"""Layers whose every output element looks at one position of the input."""

from __future__ import annotations

from models.layers.layer import Layer, Shape, Windows
from models.layers.receptive_field import Window


def pointwise(shape: Shape) -> tuple[Window, ...]:
    """A window of one element along each spatial axis: all axes but the batch and one for the channels."""
    return (Window(),) * max(len(shape) - 2, 0)


class Pointwise(Layer):
    """Base of layers that treat positions apart from one another."""

    def windows(self, shape: Shape) -> Windows:
        return pointwise(shape)
