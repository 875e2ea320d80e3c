"""Indexing: `x[:, 0]`, `x[..., 1:3]`."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, Field, model_validator

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


class GetItemOp(Operation):
    """Takes parts of a tensor: an integer picks one, `{}` takes a whole axis, null puts an axis in."""

    type: Literal["ops.get_item"] = "ops.get_item"
    example = Example({"key": [{}, 0]}, ((4, 3),))
    operands: ClassVar[tuple[str, ...]] = ("x", "key")
    key: Annotated[list[Item], Field(min_length=1, max_length=2 * MAX_RANK)]

    @model_validator(mode="after")
    def _leaves_the_batch(self) -> GetItemOp:
        first = self.key[0]
        whole = first == "..." or (isinstance(first, Slice) and first.is_whole())
        if not whole or self.key.count("...") > 1:
            raise fault("key", "key does not leave the batch whole", '{} (or "...") first, and "..." at most once')
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
        """Check that every item has an axis, that integers lie on it and that slices are not empty."""
        rank = len(shapes[0])
        axes = [item for item in self.key if item is not None and item != "..."]
        if len(axes) > rank - (self.key[0] == "..."):
            raise LayerFault("key", "there are more items than axes", f"at most {rank}", f"{len(axes)}")
        if rank + self.key.count(None) > MAX_RANK:
            raise LayerFault("key", "there would be too many axes", f"at most {MAX_RANK}", shape_text(shapes[0]))
        for item, length in self._items_with_lengths(shapes[0]):
            empty = isinstance(item, Slice) and length is not None and not range(*item.as_slice().indices(length))
            beyond = isinstance(item, int) and not -(length or 0) <= item < (length or 0)
            if empty or beyond:
                message = "nothing is left of an axis" if empty else "an index is outside its axis"
                raise LayerFault("key", message, f"places on an axis of length {length}", f"{item}")

    def _items_with_lengths(self, shape: Shape) -> list[tuple[Any, int | None]]:
        """Return each item with the length of its axis."""
        ellipsis = self.key.index("...") if "..." in self.key else len(self.key)
        before = [item for item in self.key[:ellipsis] if item is not None]
        after = [item for item in self.key[ellipsis + 1 :] if item is not None]
        ends = shape[len(shape) - len(after) :]
        return [*zip(before, shape, strict=False), *zip(after, ends, strict=False)]
