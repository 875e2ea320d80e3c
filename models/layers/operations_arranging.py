"""Operations that rearrange a tensor, and with it the batch axis; the order of the batch's rows stays."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from models.layers.axes import Axes, axis_positions, inner_axes, new_axis
from models.layers.batch_axis import BatchAxis
from models.layers.faults import LayerFault, fault
from models.layers.fields import Axis, OneOrSeveral
from models.layers.layer import Example
from models.layers.operations import Operation
from models.layers.operations_reducing import AlongAxis
from models.layers.sizes import Shape
from models.layers.spatial import known_length, shape_text
from models.limits import MAX_LENGTH, MAX_RANK


class ExpandDimsOp(Operation):
    type: Literal["ops.expand_dims"] = "ops.expand_dims"
    example = Example({"axis": 1}, ((4, 3),))
    axis: Axis

    def batch_axis(self, shapes: tuple[Shape, ...], batches: Sequence[BatchAxis]) -> BatchAxis:
        """A new axis before the batch moves it down."""
        return batches[0].after_insertion(new_axis(self.axis, shapes[0]))


class Triangle(Operation):
    """Base of the operations that keep one side of a diagonal of matrices, the last two axes."""

    input_rank: ClassVar[tuple[int, ...]] = tuple(range(3, MAX_RANK + 1))
    example = Example({}, ((4, 3),))
    k: Annotated[int, Field(ge=-MAX_LENGTH, le=MAX_LENGTH)] = 0

    def batch_axis(self, shapes: tuple[Shape, ...], batches: Sequence[BatchAxis]) -> BatchAxis:
        """Check that the batch is not an axis of the matrices."""
        rank = len(shapes[0])
        if batches[0].position < rank - 2:
            return batches[0]
        received = f"the batch as axis {batches[0].position} of {rank}"
        raise LayerFault(
            "inputs", "the batch is an axis of the matrices", "the batch before the last two axes", received
        )


class TrilOp(Triangle):
    type: Literal["ops.tril"] = "ops.tril"


class TriuOp(Triangle):
    type: Literal["ops.triu"] = "ops.triu"


class SqueezeOp(AlongAxis):
    type: Literal["ops.squeeze"] = "ops.squeeze"
    example = Example({"axis": 1}, ((1, 3),))

    def batch_axis(self, shapes: tuple[Shape, ...], batches: Sequence[BatchAxis]) -> BatchAxis:
        """Check that the batch is not removed; axes removed before it move it up."""
        return batches[0].without(inner_axes("axis", self.axis, shapes[0], batches[0]))

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the removed axes have length 1."""
        for axis in axis_positions("axis", self.axis, shapes[0]):
            if shapes[0][axis] != 1:
                raise LayerFault("axis", "the axis is longer than 1", "an axis of length 1", shape_text(shapes[0]))


class TransposeOp(Operation):
    type: Literal["ops.transpose"] = "ops.transpose"
    example = Example({"axes": [0, 2, 1]}, ((4, 3),))
    axes: Annotated[list[Annotated[int, Field(ge=0, le=MAX_RANK - 1)]], Field(min_length=1, max_length=MAX_RANK)]

    @model_validator(mode="after")
    def _is_an_order(self) -> Self:
        if sorted(self.axes) != list(range(len(self.axes))):
            raise fault("axes", "axes does not order the axes", f"each of 0 to {len(self.axes) - 1} once")
        return self

    def batch_axis(self, shapes: tuple[Shape, ...], batches: Sequence[BatchAxis]) -> BatchAxis:
        """The batch goes where the axes say."""
        if len(self.axes) != len(shapes[0]):
            expected = f"the numbers 0 to {len(shapes[0]) - 1}"
            raise LayerFault("axes", "axes does not name every axis once", expected, f"{self.axes}")
        return batches[0].at(self.axes.index(batches[0].position))


class SwapaxesOp(Operation):
    type: Literal["ops.swapaxes"] = "ops.swapaxes"
    example = Example({"axis1": 1, "axis2": 2}, ((4, 3),))
    axis1: Axis
    axis2: Axis

    def batch_axis(self, shapes: tuple[Shape, ...], batches: Sequence[BatchAxis]) -> BatchAxis:
        """The batch changes its place with the other axis, if it is one of the two."""
        (first,) = axis_positions("axis1", self.axis1, shapes[0])
        (second,) = axis_positions("axis2", self.axis2, shapes[0])
        return batches[0].at({first: second, second: first}.get(batches[0].position, batches[0].position))


class MoveaxisOp(Operation):
    type: Literal["ops.moveaxis"] = "ops.moveaxis"
    example = Example({"source": 1, "destination": 2}, ((4, 3),))
    source: Axes
    destination: Axes

    def batch_axis(self, shapes: tuple[Shape, ...], batches: Sequence[BatchAxis]) -> BatchAxis:
        """The axes that are named go to their places; the others fill the rest in order."""
        rank, count = len(shapes[0]), len(axis_positions("source", self.source, shapes[0]))
        if len(axis_positions("destination", self.destination, shapes[0])) != count:
            raise LayerFault("destination", "every axis needs a place to go", f"{count} places", f"{self.destination}")
        sources, places = ([n % rank for n in _listed(axes)] for axes in (self.source, self.destination))
        order = [axis for axis in range(rank) if axis not in sources]
        for place, source in sorted(zip(places, sources, strict=True)):
            order.insert(place, source)
        return batches[0].at(order.index(batches[0].position))


def _listed(axes: int | Sequence[int]) -> Sequence[int]:
    return [axes] if isinstance(axes, int) else axes


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

    keeps_batch: ClassVar[bool] = True

    def target(self) -> list[int]:
        """Return the new shape, -1 for the batch."""
        return [-1 if length is None else length for length in self.shape]

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the shape has the axes of the input: with more, the batch would meet another axis."""
        rank = len(shapes[0])
        if len(self.shape) != rank:
            expected = f"null for the batch, then {rank - 1} lengths"
            suggestion = 'put {"type": "ops.expand_dims", "axis": 1} before it' if len(self.shape) > rank else None
            received = f"{self.shape} for {shape_text(shapes[0])}"
            raise LayerFault("shape", "shape does not have the axes of the input", expected, received, suggestion)
        for axis, length in enumerate(self.target()[1:], 1):
            if known_length(shapes[0], axis) not in (1, length):
                expected = f"{shapes[0][axis]} along axis {axis}"
                raise LayerFault("shape", "only axes of length 1 are repeated", expected, f"{length}")

    def output_shapes(self, shapes: tuple[Shape, ...], announced: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return ((announced[0][0], *self.target()[1:]),)

    def repeats(self, shape: Shape) -> list[int]:
        """Return how often each axis of an input of this shape is repeated, the batch first."""
        return [1, *(new // (old or 1) for new, old in zip(self.target()[1:], shape[1:], strict=True))]
