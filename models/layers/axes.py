"""Axis arguments: resolved to positions in a shape, and the batch apart."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from models.layers.batch_axis import FIRST, BatchAxis
from models.layers.faults import LayerFault
from models.layers.fields import Axis, OneOrSeveral
from models.layers.layer import Layer, Windows
from models.layers.pointwise import pointwise
from models.layers.sizes import Shape
from models.layers.spatial import shape_text
from models.limits import MAX_RANK


def _check_not_batch(axis: int) -> int:
    if axis:
        return axis
    raise PydanticCustomError(
        "batch_axis",
        "axis 0 is the batch, whose rows must not mix",
        {"expected": "an axis other than 0", "received": "0", "suggestion": "write -1 for the last axis"},
    )


InnerAxis = Annotated[int, Field(ge=1 - MAX_RANK, le=MAX_RANK - 1), AfterValidator(_check_not_batch)]
"""An axis other than the batch; negative ones count from the end."""
InnerAxes = Annotated[
    InnerAxis | Annotated[list[InnerAxis], Field(min_length=1, max_length=MAX_RANK - 1)], OneOrSeveral
]


def axis_positions(field: str, axes: int | Sequence[int], shape: Shape) -> tuple[int, ...]:
    """Resolve `axes` to positions in a shape, in ascending order.

    Raises:
        LayerFault: for axes that the shape does not have, and for duplicate axes.
    """
    positions = _positions(axes, shape)
    if positions is not None:
        return positions
    raise _axes_fault(field, axes, shape, FIRST)


def inner_axes(field: str, axes: int | Sequence[int], shape: Shape, batch: BatchAxis = FIRST) -> tuple[int, ...]:
    """Resolve `axes` to positions in a shape, in ascending order.

    Raises:
        LayerFault: for axes that the shape does not have, for the batch, and for duplicate axes.
    """
    positions = _positions(axes, shape)
    if positions is not None and batch.position not in positions:
        return positions
    raise _axes_fault(field, axes, shape, batch)


def _positions(axes: int | Sequence[int], shape: Shape) -> tuple[int, ...] | None:
    """Return the positions of axes in ascending order; None if one does not exist or is there twice."""
    rank = len(shape)
    listed = [axes] if isinstance(axes, int) else list(axes)
    positions = {axis % rank for axis in listed if -rank <= axis < rank}
    return tuple(sorted(positions)) if len(positions) == len(listed) else None


def _axes_fault(field: str, axes: int | Sequence[int], shape: Shape, batch: BatchAxis) -> LayerFault:
    rank, place = len(shape), batch.position
    others = [axis for axis in range(rank) if axis != place]
    expected = f"different axes from 1 to {rank - 1}, or {1 - rank} to -1"
    return LayerFault(
        field,
        f"these are not axes of an input of shape {shape_text(shape)}; axis {place} (or {place - rank}) is the batch",
        (expected if not place else f"different ones of {others}") if others else "an input with more axes",
        f"{axes}",
        "write -1 for the last axis" if others and place != rank - 1 else None,
    )


Axes = Annotated[Axis | Annotated[list[Axis], Field(min_length=1, max_length=MAX_RANK)], OneOrSeveral]


def new_axis(axis: int, shape: Shape) -> int:
    """Resolve the position of a new axis in the shape that it makes.

    Raises:
        LayerFault: past the end, or of more axes than a tensor may have.
    """
    rank = len(shape) + 1
    if not -rank <= axis < rank or rank > MAX_RANK:
        expected = f"an axis from 0 to {rank - 1}, or {-rank} to -1, of at most {MAX_RANK} in all"
        raise LayerFault("axis", "the new axis has no place", expected, f"{axis} for {shape_text(shape)}")
    return axis % rank


def pointwise_along_channels(axes: int | Sequence[int], shape: Shape) -> Windows:
    """Return windows of one element where `axes` are the last alone; along any other, positions mix."""
    return pointwise(shape) if axis_positions("axis", axes, shape) == (len(shape) - 1,) else None


class AlongAxes(Layer):
    """Base of layers that compute along some axes, independently for each position of the others."""

    axis: InnerAxes = -1

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the axes exist and exclude the batch."""
        inner_axes("axis", self.axis, shapes[0])

    def windows(self, shape: Shape) -> Windows:
        return pointwise_along_channels(self.axis, shape)
