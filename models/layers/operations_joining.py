"""Operations that join, split, repeat, pad and index tensors along other axes than the batch."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from models.layers.axes import axis_positions, inner_axes, new_axis
from models.layers.batch_axis import BatchAxis
from models.layers.constants import Number, Unwrapped
from models.layers.faults import LayerFault, fault
from models.layers.fields import Axis, Extent
from models.layers.layer import Example
from models.layers.merging import check_concatenation
from models.layers.operations import AlongOtherAxes, Operation, same_batch
from models.layers.sizes import Shape
from models.layers.spatial import known_length, shape_text, shapes_text
from models.limits import MAX_EXTENT, MAX_LENGTH, MAX_RANK

MAX_PARTS = 64
"""Maximum number of tensors that one is split into."""


class ConcatenateOp(Operation):
    type: Literal["ops.concatenate"] = "ops.concatenate"
    example = Example({"axis": -1}, ((4, 3), (4, 2)))
    operands = ("xs",)
    takes_list = True
    input_count = (1, None)
    axis: Axis

    def batch_axis(self, shapes: tuple[Shape, ...], batches: Sequence[BatchAxis]) -> BatchAxis:
        """Check that all tensors have the same batch axis, and that another is concatenated."""
        batch = same_batch(batches)
        inner_axes("axis", self.axis, shapes[0], batch)
        return batch

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that all axes except the concatenated one agree."""
        check_concatenation(self.axis, shapes)


class StackOp(Operation):
    type: Literal["ops.stack"] = "ops.stack"
    example = Example({"axis": 1}, ((4, 3), (4, 3)))
    takes_list = True
    input_count = (1, None)
    axis: Axis

    def batch_axis(self, shapes: tuple[Shape, ...], batches: Sequence[BatchAxis]) -> BatchAxis:
        """Check that all tensors have the same batch axis; a new axis before it moves it down."""
        return same_batch(batches).after_insertion(new_axis(self.axis, shapes[0]))

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that all inputs have the same shape."""
        same_rank = len({len(shape) for shape in shapes}) == 1
        if not same_rank or any(len(set(lengths) - {None}) > 1 for lengths in zip(*shapes, strict=True)):
            received = shapes_text(shapes)
            raise LayerFault("inputs", "the inputs do not have the same shape", shape_text(shapes[0]), received)


class SplitOp(AlongOtherAxes):
    type: Literal["ops.split"] = "ops.split"
    example = Example({"indices_or_sections": 2, "axis": 1}, ((4, 3),))
    indices_or_sections: (
        Annotated[int, Field(ge=1, le=MAX_PARTS)]
        | Annotated[list[Annotated[int, Field(ge=1, le=MAX_LENGTH)]], Field(min_length=1, max_length=MAX_PARTS - 1)]
    )
    axis: Axis

    def output_count(self) -> int:
        parts = self.indices_or_sections
        return parts if isinstance(parts, int) else len(parts) + 1

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the parts are equal, or split at ascending positions on the axis."""
        (axis,) = axis_positions("axis", self.axis, shapes[0])
        length, parts = known_length(shapes[0], axis), self.indices_or_sections
        fits = length % parts == 0 if isinstance(parts, int) else sorted({*parts, 0, length}) == [0, *parts, length]
        if not fits:
            expected = f"a divisor of {length}, or increasing places between 0 and {length}"
            raise LayerFault("indices_or_sections", "the axis cannot be cut like this", expected, f"{parts}")


class UnstackOp(AlongOtherAxes):
    """Splits an axis into its positions: as many tensors as it is long."""

    type: Literal["ops.unstack"] = "ops.unstack"
    keras_module = "keras.src.ops.core"
    example = Example({"num": 4, "axis": 1}, ((4, 3),))
    num: Annotated[int, Field(ge=1, le=MAX_PARTS)]
    axis: Axis

    def batch_axis(self, shapes: tuple[Shape, ...], batches: Sequence[BatchAxis]) -> BatchAxis:
        """Check that the axis is not the batch; its removal moves the batch up."""
        return batches[0].without(inner_axes("axis", self.axis, shapes[0], batches[0]))

    def output_count(self) -> int:
        return self.num

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that there are as many tensors as positions."""
        (axis,) = axis_positions("axis", self.axis, shapes[0])
        if shapes[0][axis] not in (None, self.num):
            raise LayerFault("num", "num is not the length of the axis", f"{shapes[0][axis]}", f"{self.num}")


class RepeatOp(AlongOtherAxes):
    type: Literal["ops.repeat"] = "ops.repeat"
    example = Example({"repeats": 2, "axis": 1}, ((4, 3),))
    repeats: Extent
    axis: Axis


class TileOp(Operation):
    type: Literal["ops.tile"] = "ops.tile"
    example = Example({"repeats": [1, 2, 1]}, ((4, 3),))
    repeats: Annotated[list[Extent], Field(min_length=1, max_length=MAX_RANK)]

    def batch_axis(self, shapes: tuple[Shape, ...], batches: Sequence[BatchAxis]) -> BatchAxis:
        """Check that there is a number for each axis, and 1 for the batch."""
        place = batches[0].position
        if len(self.repeats) != len(shapes[0]) or self.repeats[place] != 1:
            expected = f"a number for each of the {len(shapes[0])} axes, and 1 for axis {place}, the batch"
            raise LayerFault("repeats", "repeats does not fit the axes of the input", expected, f"{self.repeats}")
        return batches[0]


Width = Annotated[int, Field(ge=0, le=MAX_EXTENT)]
"""Elements added on one side of an axis."""


class PadOp(Operation):
    type: Literal["ops.pad"] = "ops.pad"
    example = Example({"pad_width": [[0, 0], [1, 1], [0, 0]]}, ((4, 3),))
    call_fields = frozenset({"constant_values"})
    pad_width: Annotated[
        list[Annotated[list[Width], Field(min_length=2, max_length=2)]], Field(min_length=1, max_length=MAX_RANK)
    ]
    mode: Literal["constant", "reflect", "symmetric"] = "constant"
    constant_values: Number | None = None

    def batch_axis(self, shapes: tuple[Shape, ...], batches: Sequence[BatchAxis]) -> BatchAxis:
        """Check that there is a pair for each axis, and [0, 0] for the batch."""
        place = batches[0].position
        if len(self.pad_width) != len(shapes[0]) or self.pad_width[place] != [0, 0]:
            expected = f"a pair for each of the {len(shapes[0])} axes, and [0, 0] for axis {place}, the batch"
            raise LayerFault("pad_width", "pad_width does not fit the axes of the input", expected, f"{self.pad_width}")
        return batches[0]

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that nothing beyond the input is mirrored."""
        short = 1 if self.mode == "reflect" else 0
        for axis, pair in enumerate(self.pad_width):
            if self.mode != "constant" and any(pair) and max(pair) > known_length(shapes[0], axis) - short:
                expected = f"at most {known_length(shapes[0], axis) - short} along axis {axis}"
                raise LayerFault("pad_width", "more is mirrored than there is", expected, f"{pair}")


class TakeOp(Operation):
    type: Literal["ops.take"] = "ops.take"
    example = Example({"indices": [0, 2], "axis": 2}, ((4, 3),))
    operands = ("x", "indices")
    indices: Annotated[Any, Unwrapped] = Field()
    axis: Axis

    @model_validator(mode="after")
    def _are_integers(self) -> Self:
        listed = self.indices if isinstance(self.indices, list) else [self.indices]
        if not 1 <= len(listed) <= MAX_LENGTH or any(type(n) is not int or abs(n) > MAX_LENGTH for n in listed):
            raise fault("indices", "indices are not integers", "an integer, or an array of integers")
        return self

    def batch_axis(self, shapes: tuple[Shape, ...], batches: Sequence[BatchAxis]) -> BatchAxis:
        """Check that the axis is not the batch; a single index removes it."""
        axes = inner_axes("axis", self.axis, shapes[0], batches[0])
        return batches[0] if isinstance(self.indices, list) else batches[0].without(axes)

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the indices lie on the axis."""
        (axis,) = axis_positions("axis", self.axis, shapes[0])
        length = known_length(shapes[0], axis)
        listed = self.indices if isinstance(self.indices, list) else [self.indices]
        if any(not -length <= index < length for index in listed):
            raise LayerFault("indices", "an index is outside the axis", f"{-length} to {length - 1}", f"{listed}")
