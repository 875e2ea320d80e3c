"""Where the spatial axes of an input are, and where its channels."""

from __future__ import annotations

from typing import ClassVar

from models.layers.fields import DataFormat
from models.layers.layer import Layer, LayerFault, Shape


class SpatialAxes(Layer):
    """Base of layers with a fixed number of spatial axes; the channels come last."""

    spatial_rank: ClassVar[int]

    def channels_first(self) -> bool:
        """Whether the channels come before the spatial axes."""
        return False

    def spatial_axes(self) -> range:
        """The positions of the spatial axes in a shape."""
        first = 2 if self.channels_first() else 1
        return range(first, first + self.spatial_rank)

    def channel_axis(self) -> int:
        """The position of the channels in a shape."""
        return 1 if self.channels_first() else self.spatial_rank + 1

    def spatial_shape(self, shape: Shape) -> Shape:
        """The spatial part of a shape."""
        return tuple(shape[axis] for axis in self.spatial_axes())


class Spatial(SpatialAxes):
    """Base of layers that let the caller say where the channels are."""

    data_format: DataFormat | None = None

    def channels_first(self) -> bool:
        return self.data_format == "channels_first"


def known_length(shape: Shape, axis: int) -> int:
    """The length of an axis that weights are sized by.

    Raises:
        LayerFault: when the axis is free.
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
    """Refuse an argument that does not say how long the last axis is.

    Raises:
        LayerFault: naming `field`.
    """
    if known_length(shape, -1) != channels:
        message = f"{field} is not the length of the input's last axis"
        raise LayerFault(field, message, f"{shape[-1]}", f"{channels}")


def shape_text(shape: Shape) -> str:
    """`(None, 28, 28, 1)`, as Keras prints shapes."""
    return f"({', '.join(str(dimension) for dimension in shape)}{',' if len(shape) == 1 else ''})"
