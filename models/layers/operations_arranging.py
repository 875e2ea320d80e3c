"""Operations that rearrange a tensor; the batch stays the first axis."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from models.layers.axes import InnerAxes, InnerAxis, NewAxis, check_new_axis, inner_axes
from models.layers.fields import OneOrSeveral
from models.layers.layer import Example, LayerFault, Shape, fault, size_of
from models.layers.operations import Operation
from models.layers.operations_reducing import AlongAxis
from models.layers.reshaping import check_target
from models.layers.spatial import known_length, shape_text
from models.limits import MAX_LENGTH, MAX_RANK


class ExpandDimsOp(Operation):
    type: Literal["ops.expand_dims"] = "ops.expand_dims"
    example = Example({"axis": 1}, ((4, 3),))
    axis: NewAxis

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        check_new_axis(self.axis, shapes[0])


class Triangle(Operation):
    """Base of the operations that keep one side of a diagonal of matrices, the last two axes."""

    input_rank: ClassVar[tuple[int, ...]] = tuple(range(3, MAX_RANK + 1))
    example = Example({}, ((4, 3),))
    k: Annotated[int, Field(ge=-MAX_LENGTH, le=MAX_LENGTH)] = 0


class TrilOp(Triangle):
    type: Literal["ops.tril"] = "ops.tril"


class TriuOp(Triangle):
    type: Literal["ops.triu"] = "ops.triu"


class SqueezeOp(AlongAxis):
    type: Literal["ops.squeeze"] = "ops.squeeze"
    example = Example({"axis": 1}, ((1, 3),))

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the removed axes have length 1."""
        for axis in inner_axes("axis", self.axis, shapes[0]):
            if shapes[0][axis] != 1:
                raise LayerFault("axis", "the axis is longer than 1", "an axis of length 1", shape_text(shapes[0]))


class ReshapeOp(Operation):
    """Gives each example a new shape. The first length is the batch's: -1 or null."""

    type: Literal["ops.reshape"] = "ops.reshape"
    example = Example({"newshape": [-1, 2, 6]}, ((3, 4),))
    newshape: Annotated[
        list[Annotated[int, Field(ge=-1, le=MAX_LENGTH)] | None], Field(min_length=1, max_length=MAX_RANK)
    ]

    @model_validator(mode="after")
    def _keeps_the_batch(self) -> Self:
        first, *rest = self.newshape
        unknown = sum(length in (-1, None) for length in rest)
        if first not in (-1, None) or 0 in rest or unknown > (first is None):
            raise fault(
                "newshape", "newshape does not keep the batch apart", "null (or -1) for the batch, then at most one -1",
                "write null first",
            )  # fmt: skip
        return self

    def target(self) -> list[int]:
        """Return the new shape of one example; -1 for an inferred length."""
        return [-1 if length is None else length for length in self.newshape[1:]]

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that one example fills the target exactly: with fewer elements, rows would mix."""
        if self.newshape[0] == -1 and size_of(shapes[0][1:]) is None:
            expected = "null for the batch, or an input whose lengths are known"
            raise LayerFault("newshape", "-1 may mean more than the batch here", expected, shape_text(shapes[0]))
        check_target("newshape", self.target(), shapes[0])

    def complete_shape(self, shapes: tuple[Shape, ...], output: Shape) -> Shape:
        """Replace -1 by the inferred length."""
        elements, target = size_of(shapes[0][1:]), self.target()
        if elements is None or -1 not in target:
            return output
        known = size_of(tuple(length for length in target if length != -1)) or 1
        return (output[0], *(elements // known if length == -1 else length for length in target))


class TransposeOp(Operation):
    type: Literal["ops.transpose"] = "ops.transpose"
    example = Example({"axes": [0, 2, 1]}, ((4, 3),))
    axes: Annotated[list[Annotated[int, Field(ge=0, le=MAX_RANK - 1)]], Field(min_length=1, max_length=MAX_RANK)]

    @model_validator(mode="after")
    def _keeps_the_batch(self) -> Self:
        if self.axes[0] != 0 or sorted(self.axes) != list(range(len(self.axes))):
            raise fault("axes", "axes is no order of the axes with the batch first", "0, then every other axis once")
        return self

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        if len(self.axes) != len(shapes[0]):
            expected = f"the numbers 0 to {len(shapes[0]) - 1}"
            raise LayerFault("axes", "axes does not name every axis once", expected, f"{self.axes}")


class SwapaxesOp(Operation):
    type: Literal["ops.swapaxes"] = "ops.swapaxes"
    example = Example({"axis1": 1, "axis2": 2}, ((4, 3),))
    axis1: InnerAxis
    axis2: InnerAxis

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        inner_axes("axis1", self.axis1, shapes[0])
        inner_axes("axis2", self.axis2, shapes[0])


class MoveaxisOp(Operation):
    type: Literal["ops.moveaxis"] = "ops.moveaxis"
    example = Example({"source": 1, "destination": 2}, ((4, 3),))
    source: InnerAxes
    destination: InnerAxes

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        count = len(inner_axes("source", self.source, shapes[0]))
        if len(inner_axes("destination", self.destination, shapes[0])) != count:
            raise LayerFault("destination", "every axis needs a place to go", f"{count} places", f"{self.destination}")


Shift = Annotated[int, Field(ge=-MAX_LENGTH, le=MAX_LENGTH)]


class RollOp(AlongAxis):
    type: Literal["ops.roll"] = "ops.roll"
    passes = 2
    example = Example({"shift": [1, -1], "axis": [1, 2]}, ((4, 3),))
    shift: Annotated[Shift | Annotated[list[Shift], Field(min_length=1, max_length=MAX_RANK - 1)], OneOrSeveral]

    @model_validator(mode="after")
    def _one_shift_per_axis(self) -> Self:
        """TensorFlow, unlike NumPy, repeats no single shift for several axes."""
        shifts = 1 if isinstance(self.shift, int) else len(self.shift)
        axes = 1 if isinstance(self.axis, int) else len(self.axis)
        if shifts != axes:
            raise fault("shift", "every axis needs a shift of its own", f"as many numbers as axes, {axes}")
        return self


class BroadcastToOp(Operation):
    """Repeats axes of length 1. The first length is the batch's: -1 or null."""

    type: Literal["ops.broadcast_to"] = "ops.broadcast_to"
    example = Example({"shape": [None, 4, 3]}, ((1, 3),))
    shape: Annotated[list[Annotated[int, Field(ge=-1, le=MAX_LENGTH)] | None], Field(min_length=1, max_length=MAX_RANK)]

    @model_validator(mode="after")
    def _keeps_the_batch(self) -> Self:
        first, *rest = self.shape
        if first not in (-1, None) or any(length in (-1, 0, None) for length in rest):
            expected = "null (or -1) for the batch, then a length for every axis"
            raise fault("shape", "shape does not keep the batch apart", expected, "write null first")
        return self

    def target(self) -> list[int]:
        """Return the new shape of one example."""
        return [length for length in self.shape[1:] if length is not None]

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the shape has the axes of the input: with more, the batch would meet another axis."""
        rank = len(shapes[0])
        if len(self.shape) != rank:
            expected = f"null for the batch, then {rank - 1} lengths"
            suggestion = 'put {"type": "ops.expand_dims", "axis": 1} before it' if len(self.shape) > rank else None
            received = f"{self.shape} for {shape_text(shapes[0])}"
            raise LayerFault("shape", "shape does not have the axes of the input", expected, received, suggestion)
        for axis, length in enumerate(self.target(), 1):
            if known_length(shapes[0], axis) not in (1, length):
                expected = f"{shapes[0][axis]} along axis {axis}"
                raise LayerFault("shape", "only axes of length 1 are repeated", expected, f"{length}")

    def complete_shape(self, shapes: tuple[Shape, ...], output: Shape) -> Shape:
        return (output[0], *self.target())

    def repeats(self, shape: Shape) -> list[int]:
        """Return how often each axis of an input of this shape is repeated, the batch first."""
        return [1, *(new // (old or 1) for new, old in zip(self.target(), shape[1:], strict=True))]
