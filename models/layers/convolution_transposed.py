"""Transposed convolutions: every input element spreads a kernel over the output."""

from math import prod
from typing import Annotated, Literal

from pydantic import model_validator

from models.layers.constraints import AnyConstraint
from models.layers.convolution import StridesOrDilation
from models.layers.faults import fault
from models.layers.fields import Features, Padding, Sizes, Sizes1D, Sizes2D, Sizes3D
from models.layers.initializers import AnyInitializer, GlorotUniform
from models.layers.layer import Example
from models.layers.regularizers import AnyRegularizer
from models.layers.sizes import Shape, least_size, size_of, sizes_of
from models.layers.work import SCATTER_COST, VECTOR_CHANNELS, Work


class TransposedConvolution(StridesOrDilation):
    """Base of the transposed convolutions, whose kernels have shape (*kernel_size, filters, channels)."""

    filters: Features
    padding: Padding = "valid"
    output_padding: tuple[int, ...] | None = None
    kernel_initializer: AnyInitializer = GlorotUniform()
    kernel_regularizer: AnyRegularizer | None = None
    kernel_constraint: AnyConstraint | None = None

    @model_validator(mode="after")
    def _output_padding_below_strides(self) -> "TransposedConvolution":
        added = self.output_padding or (0,) * self.spatial_rank
        if any(extra >= stride for extra, stride in zip(added, self.strides, strict=True)):
            raise fault(
                "output_padding",
                "output_padding must be less than strides",
                f"less than {list(self.strides)} along each axis",
                "leave output_padding out, or raise strides",
            )
        return self

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """The result before the bias, a copy of the input, and the unsummed contributions of one row's positions."""
        return sizes_of(outputs) + sizes_of(shapes) + self._contributions(shapes[0]) // (shapes[0][0] or 1)

    def work(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Work:
        """Add the contributions, which are summed one by one except along three axes."""
        cost = 0 if self.spatial_rank == 3 else SCATTER_COST if self.filters >= VECTOR_CHANNELS else 2 * SCATTER_COST
        return super().work(shapes, outputs) + Work(moved=cost * self._contributions(shapes[0]))

    def _contributions(self, shape: Shape) -> int:
        """Return the number of contributions of all positions before they are summed."""
        return least_size(shape) // (shape[self.channel_axis()] or 1) * prod(self.kernel_size) * self.filters

    def macs(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int | None:
        """Input elements × kernel volume × filters."""
        elements = size_of(shapes[0])
        return None if elements is None else elements * prod(self.kernel_size) * self.filters


class Conv1DTranspose(TransposedConvolution):
    """Spreads each step of a sequence over several by a kernel, a convolution run backwards."""

    type: Literal["Conv1DTranspose", "Convolution1DTranspose"] = "Conv1DTranspose"
    example = Example({"filters": 4, "kernel_size": 2, "strides": 2}, ((5, 3),))
    input_rank = 3
    spatial_rank = 1
    kernel_size: Sizes1D
    strides: Sizes1D = (1,)
    output_padding: Annotated[tuple[int, ...], Sizes(1, low=0)] | None = None
    dilation_rate: Sizes1D = (1,)


class Conv2DTranspose(TransposedConvolution):
    """Spreads each pixel over height and width by a kernel, a convolution run backwards."""

    type: Literal["Conv2DTranspose", "Convolution2DTranspose"] = "Conv2DTranspose"
    example = Example({"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"}, ((7, 7, 3),))
    input_rank = 4
    spatial_rank = 2
    kernel_size: Sizes2D
    strides: Sizes2D = (1, 1)
    output_padding: Annotated[tuple[int, ...], Sizes(2, low=0)] | None = None
    dilation_rate: Sizes2D = (1, 1)


class Conv3DTranspose(TransposedConvolution):
    """Spreads each element of a volume over its surroundings by a kernel."""

    type: Literal["Conv3DTranspose", "Convolution3DTranspose"] = "Conv3DTranspose"
    example = Example({"filters": 2, "kernel_size": 2, "strides": 2}, ((3, 4, 5, 2),))
    input_rank = 5
    multiplies = "volume"
    spatial_rank = 3
    kernel_size: Sizes3D
    strides: Sizes3D = (1, 1, 1)
    output_padding: Annotated[tuple[int, ...], Sizes(3, low=0)] | None = None
    dilation_rate: Sizes3D = (1, 1, 1)
