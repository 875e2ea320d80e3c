"""Indexing: `x[:, 0]`, `x[..., 1:3]`, parts by their places, and elements by the indices of another tensor."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator

from models.layers.axes import InnerAxis, inner_axes
from models.layers.batch_axis import BatchAxis
from models.layers.constants import Constant, ConstantArray, Unwrapped, shape_of
from models.layers.faults import LayerFault, fault
from models.layers.layer import Example
from models.layers.named import STRICT
from models.layers.operations import OfOperands, Operation
from models.layers.sizes import Shape, least_size, sizes_of
from models.layers.spatial import shape_text
from models.limits import MAX_LENGTH, MAX_RANK

Bound = Annotated[int, Field(ge=-MAX_LENGTH, le=MAX_LENGTH)]


def _check_step(step: int) -> int:
    if step:
        return step
    raise fault("step", "a step of 0 goes nowhere", "a step other than 0; negative ones go backwards")


class Slice(BaseModel):
    """`start:stop:step`; left out, `:`."""

    model_config = STRICT
    start: Bound | None = None
    stop: Bound | None = None
    step: Annotated[int, Field(ge=-MAX_LENGTH, le=MAX_LENGTH), AfterValidator(_check_step)] | None = None

    def is_whole(self) -> bool:
        """Whether the slice takes the whole axis."""
        return not self.start and self.stop is None and self.step in (None, 1)

    def as_slice(self) -> slice:
        """Return the Python slice."""
        return slice(self.start, self.stop, self.step)


Item = Bound | Slice | Literal["..."] | None


def _listed(key: Any) -> Any:
    """Return the single integer of `x[0]` as a list, as Keras does not write it."""
    return [key] if type(key) is int else key


class GetItemOp(Operation):
    """Takes parts of a tensor: an integer picks one, `{}` takes a whole axis, null puts an axis in."""

    type: Literal["ops.get_item"] = "ops.get_item"
    example = Example({"key": [{}, 0]}, ((4, 3),))
    operands: ClassVar[tuple[str, ...]] = ("x", "key")
    key: Annotated[list[Item], Field(min_length=1, max_length=2 * MAX_RANK), BeforeValidator(_listed)]

    @model_validator(mode="after")
    def _has_one_ellipsis(self) -> "GetItemOp":
        if self.key.count("...") > 1:
            raise fault("key", 'the key has "..." more than once', '"..." at most once')
        return self

    def bind_operands(self, tensors: Any) -> list[Any]:
        """Return the tensor and the Python index."""
        return [*tensors, self.as_index()]

    def as_index(self) -> tuple[Any, ...]:
        """Return the key as a Python index."""
        return tuple(
            item.as_slice() if isinstance(item, Slice) else ... if item == "..." else item for item in self.key
        )

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that integers lie on their axis and that slices are not empty."""
        rank = len(shapes[0])
        if rank + self.key.count(None) > MAX_RANK:
            raise LayerFault("key", "there would be too many axes", f"at most {MAX_RANK}", shape_text(shapes[0]))
        for item, axis in self._items_on_axes(rank):
            length = None if axis is None else shapes[0][axis]
            empty = isinstance(item, Slice) and length is not None and not range(*item.as_slice().indices(length))
            beyond = isinstance(item, int) and not -(length or 0) <= item < (length or 0)
            if empty or beyond:
                message = "nothing is left of an axis" if empty else "an index is outside its axis"
                raise LayerFault("key", message, f"places on an axis of length {length}", f"{item}")

    def batch_axis(self, shapes: tuple[Shape, ...], batches: Sequence[BatchAxis]) -> BatchAxis:
        """Check that the batch is taken whole; its place is what the items before it leave."""
        items = self._items_on_axes(len(shapes[0]))
        place = next(number for number, (_, axis) in enumerate(items) if axis == batches[0].position)
        item = items[place][0]
        if not (isinstance(item, Slice) and item.is_whole()):
            advice = "write {} for it"
            expected, received = "{}, the whole axis", f"{item}"
            message = f"axis {batches[0].position} is the batch, which the key does not take whole"
            raise LayerFault("key", message, expected, received, advice)
        return batches[0].at(sum(not isinstance(item, int) for item, _ in items[:place]))

    def _items_on_axes(self, rank: int) -> list[tuple[Any, int | None]]:
        """Return each item with its axis, and whole slices for the axes without; a new axis has none.

        Raises:
            LayerFault: there are more items than axes.
        """
        place = self.key.index("...") if "..." in self.key else len(self.key)
        before, after = self.key[:place], self.key[place + 1 :]
        missing = rank - sum(item is not None for item in (*before, *after))
        if missing < 0:
            raise LayerFault("key", "there are more items than axes", f"at most {rank}", f"{rank - missing}")
        axes = iter(range(rank))
        items = [*before, *[Slice()] * missing, *after]
        return [(item, None if item is None else next(axes)) for item in items]


Lengths = Annotated[list[Annotated[int, Field(ge=-1, le=MAX_LENGTH)]], Field(min_length=1, max_length=MAX_RANK)]
Starts = Annotated[
    list[Annotated[int, Field(ge=0, le=MAX_LENGTH)]], Unwrapped, Field(min_length=1, max_length=MAX_RANK)
]


class SliceOp(Operation):
    """Takes `shape` elements from `start_indices` on; -1 takes all that are left, as it must of the batch."""

    type: Literal["ops.slice"] = "ops.slice"
    keras_module = "keras.src.ops.core"
    example = Example({"start_indices": [0, 1, 0], "shape": [-1, 2, 3]}, ((4, 3),))
    operands: ClassVar[tuple[str, ...]] = ("inputs", "start_indices")
    start_indices: Starts
    shape: Lengths

    @model_validator(mode="after")
    def _takes_something(self) -> "SliceOp":
        if 0 in self.shape:
            raise fault(
                "shape", "the slice takes nothing along an axis", "positive lengths, or -1 for all that is left"
            )
        return self

    def batch_axis(self, shapes: tuple[Shape, ...], batches: Sequence[BatchAxis]) -> BatchAxis:
        """Check for a place and a length per axis, and that the batch is taken whole."""
        rank, place = len(shapes[0]), batches[0].position
        for field, listed in (("start_indices", self.start_indices), ("shape", self.shape)):
            if len(listed) != rank:
                raise LayerFault(field, f"{field} does not fit the axes of the input", f"{rank} numbers", f"{listed}")
        if self.start_indices[place] or self.shape[place] != -1:
            expected = f"0 in start_indices and -1 in shape for axis {place}, the batch"
            received = f"{self.shape[place]} from {self.start_indices[place]} on"
            raise LayerFault("shape", "the slice does not leave the batch whole", expected, received)
        return batches[0]

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the part lies on each axis."""
        for start, taken, length in zip(self.start_indices, self.shape, shapes[0], strict=True):
            if length is not None and start + max(taken, 1) > length:
                received = f"{taken} from {start} on" if taken > 0 else f"all from {start} on"
                raise LayerFault("shape", "the part lies outside its axis", f"places on {length}", received)


class TakeAlongAxisOp(OfOperands):
    """Elements at the indices of a second tensor, which has the same axes."""

    type: Literal["ops.take_along_axis"] = "ops.take_along_axis"
    example = Example({"axis": 1, "indices": {"value": [[[1, 0, -1]]], "dtype": "int32"}}, ((4, 3),))
    operands: ClassVar[tuple[str, ...]] = ("x", "indices")
    input_count = (1, 2)
    passes = 3
    x: Constant = None
    indices: Constant = None
    axis: InnerAxis

    @model_validator(mode="after")
    def _are_arrays(self) -> "TakeAlongAxisOp":
        for field in ("x", "indices"):
            if not isinstance(getattr(self, field), ConstantArray | None):
                raise fault(field, "a number has no axis to take from", 'an array, {"value": [[…]], "dtype": "int32"}')
        if self.indices is not None and "int" not in self.indices.dtype:
            raise fault("indices", "indices are not integers", "an array of int32")
        return self

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that both have the same axes, the batch first, and other axes are equal or of length 1."""
        (axis,) = inner_axes("axis", self.axis, shapes[0])
        both = self.operand_shapes(shapes)
        rank = len(shapes[0])
        arrays = [shape_of(constant) for constant in map(self.constant, self.operands) if constant is not None]
        if {len(shape) for shape in both} != {rank} or any(shape[0] != 1 for shape in arrays):
            raise self.operand_fault(shapes, f"{rank} axes of both; the first of an array has length 1, for any batch")
        for position, pair in enumerate(zip(*both, strict=True)):
            if position not in (0, axis) and None not in pair and pair[0] != pair[1] and 1 not in pair:
                raise self.operand_fault(shapes, "the same lengths but along the axis; those of length 1 are repeated")
        if self.indices is not None:
            self._check_places(both[0][axis])

    def _check_places(self, length: int | None) -> None:
        listed = flat(self.indices.value)
        if length is not None and any(not -length <= index < length for index in listed):
            received = f"{min(listed)} to {max(listed)}"
            raise LayerFault("indices", "an index is outside the axis", f"{-length} to {length - 1}", received)

    def output_shapes(self, shapes: tuple[Shape, ...], announced: tuple[Shape, ...]) -> tuple[Shape, ...]:
        """Keep the batch of the tensors, which only a constant has as 1."""
        return ((shapes[0][0], *announced[0][1:]),)

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """Both tensors, repeated to one shape, with the axis last; the indices as int64, corrected."""
        (axis,) = inner_axes("axis", self.axis, shapes[0])
        taken = self.operand_shapes(shapes)[0][axis] or 1
        places = least_size(outputs[0])
        return 2 * places // (outputs[0][axis] or 1) * taken + 8 * places + sizes_of(outputs)


def flat(value: Any) -> list[Any]:
    """Return the numbers of nested lists."""
    return [number for item in value for number in flat(item)] if isinstance(value, list) else [value]
