"""Operations that rearrange, cut, repeat and join tensors; the batch stays the first axis."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from models.layers.axes import InnerAxes, InnerAxis, inner_axes
from models.layers.constants import Number
from models.layers.fields import MAX_EXTENT, MAX_LENGTH, MAX_RANK, Extent
from models.layers.layer import Example, LayerFault, Shape, fault, size_of
from models.layers.merging import Concatenate
from models.layers.operations import Operation
from models.layers.operations_reducing import AlongAxis
from models.layers.reshaping import check_target
from models.layers.spatial import known_length, shape_text

MAX_PARTS = 64
"""Most tensors that one is split into."""


def _not_first(axis: int) -> int:
    if axis:
        return axis
    raise PydanticCustomError(
        "batch_axis", "axis 0 is the batch, and stays first", {"expected": "an axis other than 0", "received": "0"}
    )


NewAxis = Annotated[int, Field(ge=-MAX_RANK, le=MAX_RANK - 1), AfterValidator(_not_first)]
"""Where an axis is put in; negative ones count from the end of the result."""


def check_new_axis(axis: int, shape: Shape) -> None:
    """Refuse a new axis that would stand before the batch, or further than the end."""
    rank = len(shape) + 1
    if not -rank < axis < rank or rank > MAX_RANK:
        expected = f"an axis from 1 to {rank - 1}, or {1 - rank} to -1, of at most {MAX_RANK} in all"
        raise LayerFault("axis", "the new axis has no place", expected, f"{axis} for {shape_text(shape)}")


class ConcatenateOp(Operation):
    type: Literal["ops.concatenate"] = "ops.concatenate"
    example = Example({"axis": -1}, ((4, 3), (4, 2)))
    operands = ("xs",)
    gathers = True
    input_count = (1, None)
    axis: InnerAxis

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """All axes but the one of concatenation must agree."""
        Concatenate(axis=self.axis).check_shapes(shapes)


class StackOp(Operation):
    type: Literal["ops.stack"] = "ops.stack"
    example = Example({"axis": 1}, ((4, 3), (4, 3)))
    gathers = True
    input_count = (1, None)
    axis: NewAxis

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """All inputs must have the same shape."""
        check_new_axis(self.axis, shapes[0])
        same_rank = len({len(shape) for shape in shapes}) == 1
        if not same_rank or any(len(set(lengths) - {None}) > 1 for lengths in zip(*shapes, strict=True)):
            received = " and ".join(shape_text(shape) for shape in shapes)
            raise LayerFault("inputs", "the inputs do not have the same shape", shape_text(shapes[0]), received)


class SplitOp(Operation):
    type: Literal["ops.split"] = "ops.split"
    example = Example({"indices_or_sections": 2, "axis": 1}, ((4, 3),))
    indices_or_sections: (
        Annotated[int, Field(ge=1, le=MAX_PARTS)]
        | Annotated[list[Annotated[int, Field(ge=1, le=MAX_LENGTH)]], Field(min_length=1, max_length=MAX_PARTS - 1)]
    )
    axis: InnerAxis

    def output_count(self) -> int:
        where = self.indices_or_sections
        return where if isinstance(where, int) else len(where) + 1

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Parts are equal, or cut where the axis is, in order."""
        (axis,) = inner_axes("axis", self.axis, shapes[0])
        length, where = known_length(shapes[0], axis), self.indices_or_sections
        fits = length % where == 0 if isinstance(where, int) else sorted({*where, 0, length}) == [0, *where, length]
        if not fits:
            expected = f"a divisor of {length}, or increasing places between 0 and {length}"
            raise LayerFault("indices_or_sections", "the axis cannot be cut like this", expected, f"{where}")


class ExpandDimsOp(Operation):
    type: Literal["ops.expand_dims"] = "ops.expand_dims"
    example = Example({"axis": 1}, ((4, 3),))
    axis: NewAxis

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        check_new_axis(self.axis, shapes[0])


class SqueezeOp(AlongAxis):
    type: Literal["ops.squeeze"] = "ops.squeeze"
    example = Example({"axis": 1}, ((1, 3),))

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Only axes of length 1 can go."""
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
        """The new shape of one example; -1 for what is left."""
        return [-1 if length is None else length for length in self.newshape[1:]]

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """The elements of one example must fill the target exactly: with fewer, rows would mix."""
        if self.newshape[0] == -1 and size_of(shapes[0][1:]) is None:
            expected = "null for the batch, or an input whose lengths are known"
            raise LayerFault("newshape", "-1 may mean more than the batch here", expected, shape_text(shapes[0]))
        check_target("newshape", self.target(), shapes[0])

    def settled(self, shapes: tuple[Shape, ...], output: Shape) -> Shape:
        """What -1 comes to."""
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
        moved = len(inner_axes("source", self.source, shapes[0]))
        if len(inner_axes("destination", self.destination, shapes[0])) != moved:
            raise LayerFault("destination", "every axis needs a place to go", f"{moved} places", f"{self.destination}")


class RepeatOp(Operation):
    type: Literal["ops.repeat"] = "ops.repeat"
    example = Example({"repeats": 2, "axis": 1}, ((4, 3),))
    repeats: Extent
    axis: InnerAxis

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        inner_axes("axis", self.axis, shapes[0])


class TileOp(Operation):
    type: Literal["ops.tile"] = "ops.tile"
    example = Example({"repeats": [1, 2, 1]}, ((4, 3),))
    repeats: Annotated[list[Extent], Field(min_length=1, max_length=MAX_RANK)]

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        if len(self.repeats) != len(shapes[0]) or self.repeats[0] != 1:
            expected = f"1 for the batch, then {len(shapes[0]) - 1} numbers"
            raise LayerFault("repeats", "repeats does not fit the axes of the input", expected, f"{self.repeats}")


class RollOp(Operation):
    type: Literal["ops.roll"] = "ops.roll"
    example = Example({"shift": 1, "axis": 1}, ((4, 3),))
    shift: Annotated[int, Field(ge=-MAX_LENGTH, le=MAX_LENGTH)]
    axis: InnerAxis

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        inner_axes("axis", self.axis, shapes[0])


Width = Annotated[int, Field(ge=0, le=MAX_EXTENT)]


class PadOp(Operation):
    type: Literal["ops.pad"] = "ops.pad"
    example = Example({"pad_width": [[0, 0], [1, 1], [0, 0]]}, ((4, 3),))
    call_fields = frozenset({"constant_values"})
    pad_width: Annotated[
        list[Annotated[list[Width], Field(min_length=2, max_length=2)]], Field(min_length=1, max_length=MAX_RANK)
    ]
    mode: Literal["constant", "reflect", "symmetric"] = "constant"
    constant_values: Number | None = None

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """A pair for each axis, none for the batch; what is mirrored must be there."""
        if len(self.pad_width) != len(shapes[0]) or self.pad_width[0] != [0, 0]:
            expected = f"[0, 0] for the batch, then {len(shapes[0]) - 1} pairs"
            raise LayerFault("pad_width", "pad_width does not fit the axes of the input", expected, f"{self.pad_width}")
        short = 1 if self.mode == "reflect" else 0
        for axis, pair in enumerate(self.pad_width):
            if self.mode != "constant" and any(pair) and max(pair) > known_length(shapes[0], axis) - short:
                expected = f"at most {known_length(shapes[0], axis) - short} along axis {axis}"
                raise LayerFault("pad_width", "more is mirrored than there is", expected, f"{pair}")


class TakeOp(Operation):
    type: Literal["ops.take"] = "ops.take"
    example = Example({"indices": [0, 2], "axis": 2}, ((4, 3),))
    operands = ("x", "indices")
    indices: Any = Field()
    axis: InnerAxis

    @model_validator(mode="after")
    def _are_integers(self) -> Self:
        listed = self.indices if isinstance(self.indices, list) else [self.indices]
        if not 1 <= len(listed) <= MAX_LENGTH or any(type(n) is not int or abs(n) > MAX_LENGTH for n in listed):
            raise fault("indices", "indices are not integers", "an integer, or an array of integers")
        return self

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """TensorFlow reads nothing outside the axis."""
        (axis,) = inner_axes("axis", self.axis, shapes[0])
        length = known_length(shapes[0], axis)
        listed = self.indices if isinstance(self.indices, list) else [self.indices]
        if any(not -length <= index < length for index in listed):
            raise LayerFault("indices", "an index is outside the axis", f"{-length} to {length - 1}", f"{listed}")
