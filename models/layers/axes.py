"""Axis arguments: which axis of an input is meant, and that it is never the batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from models.layers.fields import OneOrSeveral
from models.layers.layer import Layer, LayerFault, Shape, Windows
from models.layers.pointwise import pointwise
from models.layers.spatial import shape_text
from models.limits import MAX_RANK


def _not_the_batch(axis: int) -> int:
    if axis:
        return axis
    raise PydanticCustomError(
        "batch_axis",
        "axis 0 is the batch, whose rows must not mix",
        {"expected": "an axis other than 0", "received": "0", "suggestion": "write -1 for the last axis"},
    )


InnerAxis = Annotated[int, Field(ge=1 - MAX_RANK, le=MAX_RANK - 1), AfterValidator(_not_the_batch)]
"""An axis other than the batch; negative ones count from the end."""
InnerAxes = Annotated[
    InnerAxis | Annotated[list[InnerAxis], Field(min_length=1, max_length=MAX_RANK - 1)], OneOrSeveral
]


def inner_axes(field: str, axes: int | Sequence[int], shape: Shape) -> tuple[int, ...]:
    """The positions that `axes` mean in a shape, in order.

    Raises:
        LayerFault: for axes the shape does not have, the batch, and the same axis twice.
    """
    rank = len(shape)
    several = [axes] if isinstance(axes, int) else list(axes)
    found = {axis % rank for axis in several if -rank < axis < rank and axis != 0}
    if len(found) == len(several):
        return tuple(sorted(found))
    raise LayerFault(
        field,
        f"these are not axes of an input of shape {shape_text(shape)}; axis 0 (or {-rank}) is the batch",
        f"different axes from 1 to {rank - 1}, or {1 - rank} to -1" if rank > 1 else "an input with more axes",
        f"{axes}",
        "write -1 for the last axis" if rank > 1 else None,
    )


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


class AlongAxes(Layer):
    """Base of layers that compute along some axes and keep the others apart."""

    axis: InnerAxes = -1

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """The axes must exist, and none be the batch."""
        inner_axes("axis", self.axis, shapes[0])

    def windows(self, shape: Shape) -> Windows:
        """Along the last axis, positions stay apart; along any other they mix."""
        return pointwise(shape) if inner_axes("axis", self.axis, shape) == (len(shape) - 1,) else None
