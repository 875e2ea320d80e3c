"""Convolutions, and the bases they share with the depthwise, separable and transposed ones."""

from __future__ import annotations

from math import prod
from typing import Literal

from pydantic import model_validator

from models.layers.activated import Activated
from models.layers.constraints import AnyConstraint
from models.layers.fields import CausalPadding, Features, Padding, Sizes1D, Sizes2D, Sizes3D
from models.layers.initializers import AnyInitializer, GlorotUniform, Zeros
from models.layers.layer import Example, LayerFault, Shape, Windows, fault, least_size, size_of, sizes_of
from models.layers.receptive_field import Window, padding_before
from models.layers.refused import NoAdapter
from models.layers.regularizers import AnyRegularizer
from models.layers.spatial import Spatial, known_length
from models.layers.work import SCATTERED, TOGETHER, Work


class SlidingKernel(Activated, Spatial):
    """Base of everything with a kernel that slides, and an activation applied last."""

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
        """The channels size the kernel."""
        known_length(shapes[0], self.channel_axis())


class Convolution(SlidingKernel):
    """Base of what looks at the input through a window; transposed convolutions do not."""

    def window_list(self, shape: Shape) -> tuple[Window, ...]:
        """One window per spatial axis of an input of this shape."""
        parts = zip(self.kernel_size, self.strides, self.dilation_rate, self.spatial_shape(shape), strict=True)
        return tuple(
            Window(k, s, d, padding_before(self.padding, length, Window(k, s, d))) for k, s, d, length in parts
        )

    def windows(self, shape: Shape) -> Windows:
        return self.window_list(shape)

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """What the bias is added to; turned round where the channels come first; dilated, what lies between blocks."""
        turned = sizes_of(shapes) + sizes_of(outputs) if self.channels_first() else 0
        channels = outputs[0][self.channel_axis()] or 1
        return sizes_of(outputs) + turned + self.between_blocks(shapes[0], channels)

    def work(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Work:
        """A dilated kernel slides over the padding of its blocks, too; windows of few channels are laid out first."""
        places = max(least_size(self.spatial_shape(outputs[0])), 1)
        more = max(self.padded_places(shapes[0]), places) / places - 1
        rest = Work(**{self.multiplies: (self.macs(shapes, outputs) or 0) * more}, moved=self.laid_out(shapes, outputs))
        return super().work(shapes, outputs) + rest

    def laid_out(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """What laying all windows out beside each other moves, where they have few channels."""
        return 0

    def costly(self) -> str | None:
        return "dilation_rate" if max(self.dilation_rate) > 1 else "kernel_size"

    def between_blocks(self, shape: Shape, channels: int) -> int:
        """TensorFlow takes a dilated input apart into blocks of a batch, one for each offset, padded to one length, and
        puts the results, of so many channels, together again: numbers in both.
        """
        given = shape[self.channel_axis()] or 1
        return (shape[0] or 1) * self.padded_places(shape) * (given + channels)

    def padded_places(self, shape: Shape) -> int:
        """Places of all blocks of one row together; none without dilation."""
        if max(self.dilation_rate) == 1:
            return 0
        parts = zip(self.spatial_shape(shape), self.kernel_size, self.dilation_rate, strict=True)
        return prod(_padded(length or 1, kernel, rate, self.padding != "valid") for length, kernel, rate in parts)

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """A dilated kernel must fit inside an input that is not padded."""
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
    def _strides_or_dilation(self) -> StridesOrDilation:
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise fault(
                "strides_and_dilation",
                "strides and dilation_rate cannot both be greater than 1",
                "strides of 1, or a dilation_rate of 1",
                "set strides to 1, or dilation_rate to 1",
            )
        return self


class KernelConvolution(StridesOrDilation, Convolution):
    """Convolutions with one kernel of shape (*kernel_size, channels / groups, filters)."""

    later = frozenset({"lora_rank", "lora_alpha"})

    filters: Features
    groups: Features = 1
    kernel_initializer: AnyInitializer = GlorotUniform()
    kernel_regularizer: AnyRegularizer | None = None
    kernel_constraint: AnyConstraint | None = None
    lora_rank: NoAdapter = None
    lora_alpha: NoAdapter = None

    @model_validator(mode="after")
    def _filters_in_groups(self) -> KernelConvolution:
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
        """Groups are computed by XLA, which puts both sides into an order of its own."""
        return super().inner(shapes, outputs) + (0 if self.groups == 1 else sizes_of(shapes) + sizes_of(outputs))

    def laid_out(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        channels = (shapes[0][self.channel_axis()] or 1) // self.groups
        places = self.groups * least_size(outputs[0]) // self.filters
        return SCATTERED * places * prod(self.kernel_size) * channels if channels < TOGETHER else 0

    def macs(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int | None:
        """Output elements × kernel volume × input channels of one group."""
        elements, channels = size_of(outputs[0]), shapes[0][self.channel_axis()]
        if elements is None or channels is None:
            return None
        return elements * prod(self.kernel_size) * (channels // self.groups)


def _padded(length: int, kernel: int, rate: int, same: bool) -> int:
    """An axis as long as its blocks are together."""
    reached = length + ((kernel - 1) * rate if same else 0)
    return -(-reached // rate) * rate


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
