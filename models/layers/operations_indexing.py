"""Indexing: `x[:, 0]`, `x[..., 1:3]`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from models.layers.batch_axis import BatchAxis
from models.layers.layer import Example, LayerFault, Shape, fault
from models.layers.named import STRICT
from models.layers.operations import Operation
from models.layers.spatial import shape_text
from models.limits import MAX_LENGTH, MAX_RANK

Bound = Annotated[int, Field(ge=-MAX_LENGTH, le=MAX_LENGTH)]


class Slice(BaseModel):
    """`start:stop:step`; left out, `:`."""

    model_config = STRICT
    start: Bound | None = None
    stop: Bound | None = None
    step: Annotated[int, Field(ge=1, le=MAX_LENGTH)] | None = None

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
    def _has_one_ellipsis(self) -> GetItemOp:
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
