"""Convolutions, and the bases shared with depthwise, separable and transposed convolutions."""

from math import prod
from typing import Literal

from pydantic import model_validator

from models.layers.activated import Activated
from models.layers.constraints import AnyConstraint
from models.layers.faults import LayerFault, fault
from models.layers.fields import CausalPadding, Features, Padding, Sizes1D, Sizes2D, Sizes3D
from models.layers.fixed_values import NoAdapter
from models.layers.initializers import AnyInitializer, GlorotUniform, Zeros
from models.layers.layer import Example, Windows
from models.layers.receptive_field import Window, padding_before
from models.layers.regularizers import AnyRegularizer
from models.layers.sizes import Shape, least_size, size_of, sizes_of
from models.layers.spatial import Spatial, known_length
from models.layers.work import SCATTER_COST, VECTOR_CHANNELS, Work


class SlidingKernel(Activated, Spatial):
    """Base of layers with a sliding kernel and a final activation."""

    runs_directly = True
    passes = 0
    multiplies = "convolution"

    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation_rate: tuple[int, ...]
    padding: CausalPadding = "valid"
    use_bias: bool = True
    bias_initializer: AnyInitializer = Zeros()
    bias_regularizer: AnyRegularizer | None = None
    bias_constraint: AnyConstraint | None = None

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the channels, which size the kernel, are known."""
        known_length(shapes[0], self.channel_axis())


class Convolution(SlidingKernel):
    """Base of convolutions that see the input through a window, unlike transposed ones."""

    def window_list(self, shape: Shape) -> tuple[Window, ...]:
        """Return one window per spatial axis of an input of this shape."""
        parts = zip(self.kernel_size, self.strides, self.dilation_rate, self.spatial_shape(shape), strict=True)
        return tuple(
            Window(k, s, d, padding_before(self.padding, length, Window(k, s, d))) for k, s, d, length in parts
        )

    def windows(self, shape: Shape) -> Windows:
        return self.window_list(shape)

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """The result before the bias; transposed copies for channels_first; the blocks of a dilated kernel."""
        transposed = sizes_of(shapes) + sizes_of(outputs) if self.channels_first() else 0
        channels = outputs[0][self.channel_axis()] or 1
        return sizes_of(outputs) + transposed + self.block_numbers(shapes[0], channels)

    def work(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Work:
        """Add the padding of a dilated kernel's blocks, and the layout (im2col) of windows of few channels."""
        positions = max(least_size(self.spatial_shape(outputs[0])), 1)
        extra = max(self.padded_positions(shapes[0]), positions) / positions - 1
        rest = Work(
            **{self.multiplies: (self.macs(shapes, outputs) or 0) * extra}, moved=self.layout_moves(shapes, outputs)
        )
        return super().work(shapes, outputs) + rest

    def layout_moves(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """Return the numbers moved to lay out all windows in memory, if they have few channels."""
        return 0

    def costly(self) -> str | None:
        return "dilation_rate" if max(self.dilation_rate) > 1 else "kernel_size"

    def block_numbers(self, shape: Shape, channels: int) -> int:
        """Return the numbers in the blocks of a dilated kernel: TensorFlow splits the input into a batch of blocks, one
        for each offset, padded to one length, and joins their results, of `channels` channels.
        """
        input_channels = shape[self.channel_axis()] or 1
        return (shape[0] or 1) * self.padded_positions(shape) * (input_channels + channels)

    def padded_positions(self, shape: Shape) -> int:
        """Return the number of positions in all blocks of one row; 0 without dilation."""
        if max(self.dilation_rate) == 1:
            return 0
        parts = zip(self.spatial_shape(shape), self.kernel_size, self.dilation_rate, strict=True)
        return prod(
            _padded_length(length or 1, kernel, rate, self.padding != "valid") for length, kernel, rate in parts
        )

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that a dilated kernel fits inside an unpadded input."""
        super().check_shapes(shapes)
        if self.padding != "valid":
            return
        lengths = self.spatial_shape(shapes[0])
        reaches = [(k - 1) * d + 1 for k, d in zip(self.kernel_size, self.dilation_rate, strict=True)]
        if any(length is not None and reach > length for reach, length in zip(reaches, lengths, strict=True)):
            raise LayerFault(
                "kernel_size",
                "the kernel is larger than the input it slides over",
                f"a kernel that reaches at most {list(lengths)} along the spatial axes",
                f"a reach of {reaches} (kernel_size and dilation_rate together)",
                "use padding 'same', a smaller kernel_size, or a larger input",
            )


class StridesOrDilation(SlidingKernel):
    """Base of kernels that cannot be strided and dilated at once."""

    @model_validator(mode="after")
    def _strides_or_dilation(self) -> "StridesOrDilation":
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise fault(
                "strides_and_dilation",
                "strides and dilation_rate cannot both be greater than 1",
                "strides of 1, or a dilation_rate of 1",
                "set strides to 1, or dilation_rate to 1",
            )
        return self


class KernelConvolution(StridesOrDilation, Convolution):
    """Base of convolutions with one kernel of shape (*kernel_size, channels / groups, filters)."""

    later = frozenset({"lora_rank", "lora_alpha"})

    filters: Features
    groups: Features = 1
    kernel_initializer: AnyInitializer = GlorotUniform()
    kernel_regularizer: AnyRegularizer | None = None
    kernel_constraint: AnyConstraint | None = None
    lora_rank: NoAdapter = None
    lora_alpha: NoAdapter = None

    @model_validator(mode="after")
    def _filters_in_groups(self) -> "KernelConvolution":
        if self.filters % self.groups:
            raise fault("groups", "filters must be a multiple of groups", f"filters divisible by {self.groups}")
        return self

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        super().check_shapes(shapes)
        channels = known_length(shapes[0], self.channel_axis())
        if channels % self.groups:
            raise LayerFault(
                "groups",
                "the input's channels must be a multiple of groups",
                f"a divisor of {channels}",
                str(self.groups),
            )

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """Add the copies for groups: XLA computes them, and rearranges input and output."""
        return super().inner(shapes, outputs) + (0 if self.groups == 1 else sizes_of(shapes) + sizes_of(outputs))

    def layout_moves(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        channels = (shapes[0][self.channel_axis()] or 1) // self.groups
        positions = self.groups * least_size(outputs[0]) // self.filters
        return SCATTER_COST * positions * prod(self.kernel_size) * channels if channels < VECTOR_CHANNELS else 0

    def macs(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int | None:
        """Output elements × kernel volume × input channels of one group."""
        elements, channels = size_of(outputs[0]), shapes[0][self.channel_axis()]
        if elements is None or channels is None:
            return None
        return elements * prod(self.kernel_size) * (channels // self.groups)


def _padded_length(length: int, kernel: int, rate: int, same: bool) -> int:
    """Return the total length of the blocks of one axis."""
    total = length + ((kernel - 1) * rate if same else 0)
    return -(-total // rate) * rate


class Conv1D(KernelConvolution):
    """Slides `filters` kernels along a sequence."""

    type: Literal["Conv1D", "Convolution1D"] = "Conv1D"
    example = Example({"filters": 10, "kernel_size": 2}, ((5, 10),))
    input_rank = 3
    spatial_rank = 1
    kernel_size: Sizes1D
    strides: Sizes1D = (1,)
    padding: CausalPadding = "valid"
    dilation_rate: Sizes1D = (1,)


class Conv2D(KernelConvolution):
    """Slides `filters` kernels over height and width."""

    type: Literal["Conv2D", "Convolution2D"] = "Conv2D"
    example = Example({"filters": 3, "kernel_size": 3, "padding": "same"}, ((28, 28, 1),))
    input_rank = 4
    spatial_rank = 2
    kernel_size: Sizes2D
    strides: Sizes2D = (1, 1)
    padding: Padding = "valid"
    dilation_rate: Sizes2D = (1, 1)


class Conv3D(KernelConvolution):
    """Slides `filters` kernels over the three axes of a volume."""

    type: Literal["Conv3D", "Convolution3D"] = "Conv3D"
    example = Example({"filters": 4, "kernel_size": 2}, ((5, 6, 7, 2),))
    input_rank = 5
    multiplies = "volume"
    spatial_rank = 3
    kernel_size: Sizes3D
    strides: Sizes3D = (1, 1, 1)
    padding: Padding = "valid"
    dilation_rate: Sizes3D = (1, 1, 1)
