"""Operations of keras.ops.image: patches, and other sizes."""

from collections.abc import Mapping
from math import prod
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from models.errors import shown
from models.layers.convolution import Conv2D, Conv3D
from models.layers.faults import LayerFault, fault
from models.layers.fields import AnyCase, DataFormat, Extent, Padding
from models.layers.image import Pixels, Resizing
from models.layers.layer import Example
from models.layers.operations_windows import AxisSizes, LayerType, LikeALayer
from models.layers.sizes import Shape
from models.layers.spatial import known_length
from models.layers.work import Work


class ExtractPatchesOp(LikeALayer):
    """The numbers of each window as channels, which Keras computes as a convolution with a kernel of zeros and ones."""

    type: Literal["ops.image.extract_patches"] = "ops.image.extract_patches"
    keras_module = "keras.src.ops.image"
    operands: ClassVar[tuple[str, ...]] = ("images",)
    fields_of: ClassVar[Mapping[str, str]] = {"kernel_size": "size", "filters": "size"}
    example = Example({"size": 2}, ((6, 6, 3),))
    input_rank = (4, 5)
    size: Extent | Annotated[list[Extent], Field(min_length=2, max_length=3)]
    strides: AxisSizes | None = None
    dilation_rate: AxisSizes = 1
    padding: Padding = "valid"
    data_format: DataFormat | None = None

    def sizes(self) -> list[int]:
        """Return the size along every spatial axis: two, unless three are given."""
        return [self.size] * 2 if isinstance(self.size, int) else self.size

    def numbers(self, shape: Shape) -> int:
        """Return how many numbers a window has."""
        return prod(self.sizes()) * known_length(shape, 1 if self.data_format == "channels_first" else -1)

    def layer_arguments(self, shape: Shape) -> tuple[LayerType, dict[str, Any]]:
        if len(self.sizes()) != len(shape) - 2:
            expected = f"{len(shape) - 2} numbers for an input of {len(shape)} axes"
            raise LayerFault("size", "size does not fit the axes of the input", expected, shown(self.size))
        return Conv2D if len(shape) == 4 else Conv3D, {
            "filters": self.numbers(shape), "kernel_size": self.sizes(), "use_bias": False,
            "strides": self.sizes() if self.strides is None else self.strides,
            "dilation_rate": self.dilation_rate, "padding": self.padding, "data_format": self.data_format,
        }  # fmt: skip

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """Add the kernel, twice: as the identity matrix, and in its shape."""
        return super().inner(shapes, outputs) + 2 * self.numbers(shapes[0]) ** 2

    def work(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Work:
        return super().work(shapes, outputs) + Work(moved=2 * self.numbers(shapes[0]) ** 2)

    def costly(self) -> str | None:
        return "size"


class ResizeOp(LikeALayer):
    type: Literal["ops.image.resize"] = "ops.image.resize"
    keras_module = "keras.src.ops.image"
    operands: ClassVar[tuple[str, ...]] = ("images",)
    example = Example({"size": [4, 6]}, ((8, 8, 3),))
    input_rank = 4
    size: Annotated[list[Pixels], Field(min_length=2, max_length=2)]
    interpolation: Annotated[Literal["bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5"], AnyCase] = (
        "bilinear"
    )
    antialias: bool = False
    crop_to_aspect_ratio: bool = False
    pad_to_aspect_ratio: bool = False
    fill_mode: Annotated[Literal["constant"], AnyCase] = "constant"
    fill_value: float = 0.0
    data_format: DataFormat | None = None

    @model_validator(mode="after")
    def _crop_or_pad(self) -> Self:
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            raise fault("aspect_ratio", "an image is either cropped or padded to an aspect ratio", "one of the two")
        return self

    def layer_arguments(self, shape: Shape) -> tuple[LayerType, dict[str, Any]]:
        own = self.arguments()
        height, width = own.pop("size")
        return Resizing, {"height": height, "width": width, **own}
