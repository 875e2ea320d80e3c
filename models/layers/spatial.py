"""Positions of the spatial axes and of the channels of an input."""

from collections.abc import Iterable
from typing import ClassVar

from models.layers.faults import LayerFault
from models.layers.fields import DataFormat
from models.layers.layer import Layer
from models.layers.sizes import Shape


class SpatialAxes(Layer):
    """Base of layers with a fixed number of spatial axes; the channels come last."""

    spatial_rank: ClassVar[int]

    def channels_first(self) -> bool:
        """Whether the channels come before the spatial axes."""
        return False

    def spatial_axes(self) -> range:
        """Return the positions of the spatial axes in a shape."""
        first = 2 if self.channels_first() else 1
        return range(first, first + self.spatial_rank)

    def channel_axis(self) -> int:
        """Return the position of the channels in a shape."""
        return 1 if self.channels_first() else self.spatial_rank + 1

    def spatial_shape(self, shape: Shape) -> Shape:
        """Return the spatial part of a shape."""
        return tuple(shape[axis] for axis in self.spatial_axes())


class Spatial(SpatialAxes):
    """Base of layers with a `data_format` for the position of the channels."""

    data_format: DataFormat | None = None

    def channels_first(self) -> bool:
        return self.data_format == "channels_first"


def known_length(shape: Shape, axis: int) -> int:
    """Return the length of an axis that sizes weights.

    Raises:
        LayerFault: if the axis is free.
    """
    length = shape[axis]
    if length is None:
        raise LayerFault(
            "inputs",
            f"the weights are sized by axis {axis % len(shape)} of the input, whose length is not known",
            f"a number as the length of axis {axis % len(shape)}",
            f"the shape {shape_text(shape)}",
            "declare the length in the shape of the input",
        )
    return length


def check_channels(field: str, channels: int, shape: Shape) -> None:
    """Refuse an argument that is not the length of the last axis.

    Raises:
        LayerFault: naming `field`.
    """
    if known_length(shape, -1) != channels:
        message = f"{field} is not the length of the input's last axis"
        raise LayerFault(field, message, f"{shape[-1]}", f"{channels}")


def shape_text(shape: Shape) -> str:
    """Return a shape as Keras prints it: `(None, 28, 28, 1)`."""
    return f"({', '.join(str(dimension) for dimension in shape)}{',' if len(shape) == 1 else ''})"


def shapes_text(shapes: Iterable[Shape]) -> str:
    """Return several shapes in one text."""
    return " and ".join(map(shape_text, shapes))
