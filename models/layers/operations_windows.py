"""Operations on windows of images, sequences and volumes: what layers compute, with arguments of their own.

Checks and figures are those of the layer of the same purpose.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, ValidationError, model_validator

from models.errors import shown
from models.layers.constants import Constant, ConstantArray, ShapeOnly
from models.layers.convolution import Conv1D, Conv2D, Conv3D
from models.layers.convolution_depthwise import DepthwiseConv1D, DepthwiseConv2D
from models.layers.faults import LayerFault, fault
from models.layers.fields import DataFormat, Extent, OneOrSeveral, Padding
from models.layers.layer import Example, Layer, Windows
from models.layers.operations import Operation
from models.layers.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
)
from models.layers.sizes import Shape
from models.layers.spatial import known_length, shape_text
from models.layers.work import Work

LayerType = type[Layer]
"""A class of the catalogue; in a class with a field of that name, `type` is the field."""
AxisSizes = Annotated[Extent | Annotated[list[Extent], Field(min_length=1, max_length=3)], OneOrSeveral]
"""One number for all spatial axes, or one for each."""


KERNEL = "the kernel is an array: the first axis of a tensor is the batch, and every row would need its own"


class LikeALayer(Operation):
    """Base of operations that compute what a layer does."""

    fields_of: ClassVar[Mapping[str, str]] = {}
    """Arguments of the layer whose faults are those of another argument here."""

    @abstractmethod
    def layer_arguments(self, shape: Shape) -> tuple[LayerType, dict[str, Any]]:
        """Return the type of the layer for an input of this shape, and its arguments.

        Raises:
            LayerFault: the arguments do not fit the input.
        """

    def as_layer(self, shape: Shape) -> Layer:
        """Return the layer that computes the same on an input of this shape.

        Raises:
            LayerFault: there is none.
        """
        cls, arguments = self.layer_arguments(shape)
        try:
            return cls.model_validate(arguments)
        except ValidationError as error:
            raise self._fault_of(error) from None

    def layer_of(self, shapes: tuple[Shape, ...]) -> Layer:
        """Return the layer that computes the same on inputs of these shapes, which reads the first.

        Raises:
            LayerFault: there is none.
        """
        return self.as_layer(shapes[0])

    def _fault_of(self, error: ValidationError) -> LayerFault:
        first = error.errors()[0]
        context = first.get("ctx", {})
        field = str(first["loc"][0]) if first["loc"] else ""
        received = str(context.get("received") or shown(first["input"])) if field else ""
        expected = str(context.get("expected", "arguments that fit the input"))
        return LayerFault(self.fields_of.get(field, field), first["msg"], expected, received, context.get("suggestion"))

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check what the layer checks."""
        try:
            self.as_layer(shapes[0]).check_shapes(shapes)
        except LayerFault as found:
            field = self.fields_of.get(found.field, found.field)
            raise LayerFault(field, found.message, found.expected, found.received, found.suggestion) from None

    def macs(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int | None:
        return self.layer_of(shapes).macs(shapes[:1], outputs)

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        return self.layer_of(shapes).inner(shapes[:1], outputs)

    def work(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Work:
        return self.layer_of(shapes).work(shapes[:1], outputs)

    def windows(self, shape: Shape) -> Windows:
        return self.as_layer(shape).windows(shape)


class PoolOp(LikeALayer):
    """Base of pooling; the number of spatial axes is that of the input."""

    keras_module = "keras.src.ops.nn"
    operands: ClassVar[tuple[str, ...]] = ("inputs",)
    example = Example({"pool_size": 2}, ((6, 6, 3),))
    input_rank = (3, 4, 5)
    of_ranks: ClassVar[tuple[LayerType, ...]]
    pool_size: AxisSizes
    strides: AxisSizes | None = None
    padding: Padding = "valid"
    data_format: DataFormat | None = None

    def layer_arguments(self, shape: Shape) -> tuple[LayerType, dict[str, Any]]:
        names = ("pool_size", "strides", "padding", "data_format")
        return self.of_ranks[len(shape) - 3], {name: getattr(self, name) for name in names}

    def costly(self) -> str | None:
        return "pool_size"


class MaxPoolOp(PoolOp):
    type: Literal["ops.max_pool"] = "ops.max_pool"
    of_ranks = (MaxPooling1D, MaxPooling2D, MaxPooling3D)


class AveragePoolOp(PoolOp):
    type: Literal["ops.average_pool"] = "ops.average_pool"
    of_ranks = (AveragePooling1D, AveragePooling2D, AveragePooling3D)


class ConvolvingOp(LikeALayer):
    """Base of convolutions with an array as the kernel, or a weight, which is read second: a tensor's first axis is the
    batch, and no kernel has one.
    """

    keras_module = "keras.src.ops.nn"
    operands: ClassVar[tuple[str, ...]] = ("inputs", "kernel")
    input_count = (1, 2)
    fields_of: ClassVar[Mapping[str, str]] = {"kernel_size": "kernel", "groups": "kernel", "filters": "kernel"}
    of_ranks: ClassVar[tuple[LayerType, ...]]
    kernel: Constant = None
    strides: AxisSizes = 1
    padding: Padding = "valid"
    data_format: DataFormat | None = None
    dilation_rate: AxisSizes = 1

    @model_validator(mode="after")
    def _kernel_is_an_array(self) -> Self:
        calls = self.calls or [self.inputs or []]
        is_read = self.kernel is None and all(len(inputs) == 2 for inputs in calls)
        if not is_read and not isinstance(self.kernel, ConstantArray):
            raise fault("kernel", KERNEL, '"kernel": {"value": [[…]]}', "use a layer, such as Conv2D, for weights")
        return self

    def reads(self) -> tuple[int, int | None]:
        """Return one input, or two for a kernel that is a weight."""
        return (2, 2) if self.kernel is None else (1, 1)

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check what the layer checks, and that the kernel is not a tensor."""
        if len(shapes) > 1:
            raise LayerFault("inputs", KERNEL, "a weight of the block as the second", shape_text(shapes[1]))
        super().check_shapes(shapes)

    def layer_of(self, shapes: tuple[Shape, ...]) -> Layer:
        if len(shapes) == 1:
            return self.as_layer(shapes[0])
        return self.model_copy(update={"kernel": ShapeOnly(shapes[1])}).as_layer(shapes[0])

    def windows(self, shape: Shape) -> Windows:
        return None if self.kernel is None else super().windows(shape)

    def kernel_shape(self, shape: Shape) -> tuple[int, ...]:
        """Return the shape of the kernel, whose channels are those of an input of this shape."""
        lengths = tuple(length or 1 for length in self.kernel.shape)
        if len(lengths) != len(shape):
            expected = f"{len(shape) - 2} spatial axes, the channels of the input, and one more axis"
            raise LayerFault("kernel", "the kernel does not have the axes of the input", expected, shape_text(lengths))
        channels = known_length(shape, 1 if self.data_format == "channels_first" else -1)
        if lengths[-2] != channels:
            expected = f"{channels} as the last but one of its lengths"
            raise LayerFault("kernel", "the kernel does not have the input's channels", expected, shape_text(lengths))
        return lengths

    def layer_arguments(self, shape: Shape) -> tuple[LayerType, dict[str, Any]]:
        *sizes, _, count = self.kernel_shape(shape)
        names = ("strides", "padding", "data_format", "dilation_rate")
        arguments = {name: getattr(self, name) for name in names} | {"kernel_size": sizes, self.counted: count}
        return self.of_ranks[len(shape) - 3], arguments | {"use_bias": False}

    counted: ClassVar[str] = "filters"
    """The argument of the layer that is the length of the kernel's last axis."""


class ConvOp(ConvolvingOp):
    type: Literal["ops.conv"] = "ops.conv"
    example = Example({"kernel": {"value": [[[[1.0, 0.5], [2.0, -1.0]]], [[[-1.0, 3.0], [0.0, 1.0]]]]}}, ((5, 6, 2),))
    input_rank = (3, 4, 5)
    of_ranks = (Conv1D, Conv2D, Conv3D)


class DepthwiseConvOp(ConvolvingOp):
    type: Literal["ops.depthwise_conv"] = "ops.depthwise_conv"
    example = Example({"kernel": {"value": [[[[1.0], [2.0]]], [[[-1.0], [0.5]]]]}}, ((5, 6, 2),))
    input_rank = (3, 4)
    of_ranks = (DepthwiseConv1D, DepthwiseConv2D)
    counted = "depth_multiplier"

    def arguments(self) -> dict[str, Any]:
        """Return the arguments with one number for equal strides, and a tuple for others: Keras takes no list."""
        several = () if isinstance(self.strides, int) else tuple(self.strides)
        strides = several[0] if len(set(several)) == 1 else several or self.strides
        return super().arguments() | {"strides": strides}
