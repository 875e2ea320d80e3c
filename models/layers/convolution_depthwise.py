"""Depthwise convolutions, which keep channels separate, and separable ones, which then mix them by a 1×1 kernel."""

from math import prod
from typing import Literal

from pydantic import model_validator

from models.layers.constraints import AnyConstraint
from models.layers.convolution import Convolution
from models.layers.faults import fault
from models.layers.fields import Features, Padding, Sizes1D, Sizes2D
from models.layers.initializers import AnyInitializer, GlorotUniform
from models.layers.layer import Example
from models.layers.regularizers import AnyRegularizer
from models.layers.sizes import Shape, least_size, size_of, sizes_of
from models.layers.spatial import known_length
from models.layers.work import Work


class DepthwiseConvolution(Convolution):
    """Base of the depthwise convolutions, whose kernels have shape (*kernel_size, channels, depth_multiplier)."""

    multiplies = "depthwise"
    padding: Padding = "valid"
    depth_multiplier: Features = 1
    depthwise_initializer: AnyInitializer = GlorotUniform()
    depthwise_regularizer: AnyRegularizer | None = None
    depthwise_constraint: AnyConstraint | None = None

    @model_validator(mode="after")
    def _equal_strides(self) -> "DepthwiseConvolution":
        """TensorFlow refuses unequal strides without oneDNN, and with it computes some channels_first ones wrongly."""
        if len(set(self.strides)) > 1 and max(self.dilation_rate) == 1:
            raise fault(
                "unequal_strides",
                "the strides of a depthwise kernel must be equal along all axes",
                "one stride for all axes",
                f"set strides to {max(self.strides)}",
            )
        return self

    def macs(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int | None:
        """Output elements × kernel volume."""
        elements = size_of(outputs[0])
        return None if elements is None else elements * prod(self.kernel_size)


class SeparableConvolution(DepthwiseConvolution):
    """Base of the separable convolutions: a depthwise one, then a 1×1 kernel from its channels to `filters`."""

    filters: Features
    pointwise_initializer: AnyInitializer = GlorotUniform()
    pointwise_regularizer: AnyRegularizer | None = None
    pointwise_constraint: AnyConstraint | None = None

    def macs(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int | None:
        """Output positions × depthwise channels × (kernel volume + filters)."""
        elements = size_of(outputs[0])
        if elements is None:
            return None
        return elements // self.filters * self._depthwise_channels(shapes[0]) * (prod(self.kernel_size) + self.filters)

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """The depthwise result, with `depth_multiplier` times the input's channels, and what any convolution needs."""
        between = self._depthwise_size(shapes, outputs)
        dilated = self.block_numbers(shapes[0], self._depthwise_channels(shapes[0]))
        transposed = sizes_of(shapes) + sizes_of(outputs) if self.channels_first() else 0
        return between + sizes_of(outputs) + dilated + transposed

    def work(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Work:
        """Two kernels: a depthwise one and a matrix product."""
        between = self._depthwise_size(shapes, outputs)
        both = Work(depthwise=between * prod(self.kernel_size), matrix=between * self.filters, launches=2)
        return both + Work(moved=sizes_of(shapes) + sizes_of(outputs) + self.inner(shapes, outputs))

    def costly(self) -> str | None:
        return "depth_multiplier"

    def _depthwise_channels(self, shape: Shape) -> int:
        """Return the channels of the depthwise result."""
        return known_length(shape, self.channel_axis()) * self.depth_multiplier

    def _depthwise_size(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """Return the size of the depthwise result."""
        return least_size(outputs[0]) // self.filters * self._depthwise_channels(shapes[0])


class DepthwiseConv1D(DepthwiseConvolution):
    """Slides kernels of its own for each channel along a sequence."""

    type: Literal["DepthwiseConv1D"] = "DepthwiseConv1D"
    example = Example({"kernel_size": 2}, ((5, 4),))
    input_rank = 3
    spatial_rank = 1
    kernel_size: Sizes1D
    strides: Sizes1D = (1,)
    dilation_rate: Sizes1D = (1,)


class DepthwiseConv2D(DepthwiseConvolution):
    """Slides kernels of its own for each channel over height and width."""

    type: Literal["DepthwiseConv2D"] = "DepthwiseConv2D"
    example = Example({"kernel_size": 3, "padding": "same"}, ((8, 8, 3),))
    input_rank = 4
    spatial_rank = 2
    kernel_size: Sizes2D
    strides: Sizes2D = (1, 1)
    dilation_rate: Sizes2D = (1, 1)


class SeparableConv1D(SeparableConvolution):
    """Slides kernels along each channel of a sequence, then mixes the channels into `filters`."""

    type: Literal["SeparableConv1D", "SeparableConvolution1D"] = "SeparableConv1D"
    example = Example({"filters": 6, "kernel_size": 2}, ((5, 4),))
    input_rank = 3
    spatial_rank = 1
    kernel_size: Sizes1D
    strides: Sizes1D = (1,)
    dilation_rate: Sizes1D = (1,)


class SeparableConv2D(SeparableConvolution):
    """Slides kernels over each channel of an image, then mixes the channels into `filters`."""

    type: Literal["SeparableConv2D", "SeparableConvolution2D"] = "SeparableConv2D"
    example = Example({"filters": 6, "kernel_size": 3, "padding": "same"}, ((8, 8, 3),))
    input_rank = 4
    spatial_rank = 2
    kernel_size: Sizes2D
    strides: Sizes2D = (1, 1)
    dilation_rate: Sizes2D = (1, 1)
