"""Layers whose output elements each see one position of the input."""

from models.layers.layer import Layer, Windows
from models.layers.receptive_field import Window
from models.layers.sizes import Shape


def pointwise(shape: Shape) -> tuple[Window, ...]:
    """Return a window of one element per spatial axis: all axes except the batch and the channels."""
    return (Window(),) * max(len(shape) - 2, 0)


class Pointwise(Layer):
    """Base of layers that treat positions independently."""

    def windows(self, shape: Shape) -> Windows:
        return pointwise(shape)
