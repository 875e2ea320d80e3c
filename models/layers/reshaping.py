"""Layers that only rearrange or repeat elements."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from models.layers.faults import LayerFault, fault
from models.layers.fields import AnyCase, DataFormat, Sizes
from models.layers.layer import Example, Layer
from models.layers.sizes import Shape, size_of, sizes_of
from models.layers.spatial import Spatial, SpatialAxes, shape_text
from models.limits import MAX_FEATURES, MAX_LENGTH, MAX_RANK

MAX_ENLARGEMENT = 64
"""Largest factor along one axis."""


def _check_not_zero(length: int) -> int:
    if length == 0:
        raise fault("target_shape", "an axis cannot have length 0", "a positive length, or -1 for what is left")
    return length


TargetLength = Annotated[int, Field(ge=-1, le=MAX_LENGTH), AfterValidator(_check_not_zero)]
Enlargement = Annotated[int, Field(ge=1, le=MAX_ENLARGEMENT)]
AxisNumber = Annotated[int, Field(ge=1, le=MAX_RANK - 1)]


def check_target(field: str, target_shape: Sequence[int], shape: Shape) -> None:
    """Refuse a target that the elements of one example do not fill exactly.

    Raises:
        LayerFault: naming `field`.
    """
    elements = size_of(shape[1:])
    target = size_of(tuple(length for length in target_shape if length != -1)) or 1
    if elements is None or (elements % target == 0 if -1 in target_shape else elements == target):
        return
    raise LayerFault(
        field,
        "the input does not have as many elements as the target",
        f"a shape of {elements} elements in all, as {shape_text(shape[1:])} has",
        f"{target_shape}, of {'a multiple of ' if -1 in target_shape else ''}{target} elements",
        "write -1 for one axis, and Layerscope works out its length"
        if target_shape and -1 not in target_shape
        else None,
    )


class Flatten(Layer):
    """Joins all axes but the batch into one."""

    type: Literal["Flatten"] = "Flatten"
    passes = 0
    example = Example({}, ((3, 4, 2),))
    runs_directly = True
    data_format: DataFormat | None = None


class Reshape(Layer):
    """Arranges the elements of each example in another shape."""

    type: Literal["Reshape"] = "Reshape"
    passes = 0
    example = Example({"target_shape": [2, 6]}, ((3, 4),))
    runs_directly = True
    target_shape: Annotated[list[TargetLength], Field(max_length=MAX_RANK - 1)]
    """The shape without the batch; empty for one number per example."""

    @model_validator(mode="after")
    def _one_unknown(self) -> Self:
        if self.target_shape.count(-1) > 1:
            raise fault("target_shape", "only one axis of target_shape can be -1", "at most one -1")
        return self

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the elements of one example fill the target exactly."""
        check_target("target_shape", self.target_shape, shapes[0])


class Permute(Layer):
    """Reorders the axes of each example."""

    type: Literal["Permute"] = "Permute"
    example = Example({"dims": [2, 1]}, ((3, 4),))
    runs_directly = True
    dims: Annotated[list[AxisNumber], Field(min_length=1, max_length=MAX_RANK - 1)]

    @model_validator(mode="after")
    def _every_axis_once(self) -> Self:
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise fault("dims", "dims is not a permutation", f"each of 1 to {len(self.dims)} once, the batch left out")
        return self

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that `dims` names every axis except the batch."""
        axes = len(shapes[0]) - 1
        if axes != len(self.dims):
            expected = f"the numbers 1 to {axes} in any order"
            received = f"{self.dims} for an input of shape {shape_text(shapes[0])}"
            raise LayerFault("dims", "dims does not have one number for each axis of the input", expected, received)


class RepeatVector(Layer):
    """Repeats each vector as the `n` steps of a sequence."""

    type: Literal["RepeatVector"] = "RepeatVector"
    example = Example({"n": 3}, ((4,),))
    runs_directly = True
    input_rank = 2
    n: Annotated[int, Field(ge=1, le=MAX_FEATURES)]


class UpSampling1D(SpatialAxes):
    """Repeats each step of a sequence `size` times."""

    type: Literal["UpSampling1D"] = "UpSampling1D"
    example = Example({}, ((3, 2),))
    runs_directly = True
    input_rank = 3
    spatial_rank = 1
    size: Enlargement = 2


class UpSampling2D(Spatial):
    """Enlarges images by whole factors, repeating pixels or interpolating between them."""

    type: Literal["UpSampling2D"] = "UpSampling2D"
    example = Example({}, ((3, 4, 2),))
    runs_directly = True
    input_rank = 4
    spatial_rank = 2
    passes = 4
    size: Annotated[tuple[int, ...], Sizes(2, high=MAX_ENLARGEMENT)] = (2, 2)
    interpolation: Annotated[Literal["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"], AnyCase] = "nearest"

    def needs_lengths(self) -> bool:
        return self.interpolation != "nearest"

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """Axes are enlarged one after the other."""
        return 2 * sizes_of(outputs)


class UpSampling3D(Spatial):
    """Enlarges volumes by whole factors, repeating their elements."""

    type: Literal["UpSampling3D"] = "UpSampling3D"
    example = Example({}, ((2, 3, 4, 2),))
    runs_directly = True
    input_rank = 5
    spatial_rank = 3
    passes = 8
    size: Annotated[tuple[int, ...], Sizes(3, high=MAX_ENLARGEMENT)] = (2, 2, 2)
