"""`reshape`, which may move the batch axis and join it with others, as windows of an image become rows."""

from collections.abc import Sequence
from math import prod
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from models.layers.batch_axis import BatchAxis
from models.layers.faults import LayerFault, fault
from models.layers.layer import Example
from models.layers.operations import Operation
from models.layers.reshaping import check_target
from models.layers.sizes import Shape, size_of
from models.layers.spatial import shape_text
from models.limits import MAX_LENGTH, MAX_RANK


class ReshapeOp(Operation):
    """Gives a tensor a new shape. -1 is the axis with the batch; null first keeps the batch as it is, and -1 is then
    another axis.
    """

    type: Literal["ops.reshape"] = "ops.reshape"
    example = Example({"newshape": [-1, 2, 6]}, ((3, 4),))
    newshape: Annotated[
        list[Annotated[int, Field(ge=-1, le=MAX_LENGTH)] | None], Field(min_length=1, max_length=MAX_RANK)
    ]

    @model_validator(mode="after")
    def _has_a_place_for_the_batch(self) -> Self:
        unknown = self.newshape.count(-1)
        keeps = self.newshape[0] is None
        if 0 in self.newshape or None in self.newshape[1:] or unknown > 1 or not (unknown or keeps):
            raise fault(
                "newshape", "newshape has no place for the batch", "null (or -1) for the batch, then at most one -1",
                "write null first",
            )  # fmt: skip
        return self

    @property
    def keeps_batch(self) -> bool:
        """Whether the first axis, the batch, stays as it is."""
        return self.newshape[0] is None

    def target(self) -> list[int]:
        """Return the new shape; -1 for an inferred length, which is that of the batch unless the batch is kept."""
        return [-1 if length is None else length for length in self.newshape]

    def batch_axis(self, shapes: tuple[Shape, ...], batches: Sequence[BatchAxis]) -> BatchAxis:
        """In their order the elements are (outer, batch, inner); -1 takes what other lengths leave of both sides."""
        shape, batch = shapes[0], batches[0]
        if self.keeps_batch:
            return self._kept(shape, batch)
        place = self.newshape.index(-1)
        before, after = prod(self.target()[:place]), prod(self.target()[place + 1 :])
        outer, inner = size_of(shape[: batch.position]), size_of(shape[batch.position + 1 :])
        if outer is None or inner is None:
            expected = "null for the batch, or an input whose lengths are known"
            raise LayerFault("newshape", "-1 may mean more than the batch here", expected, shape_text(shape))
        outer, inner = outer * batch.outer, inner * batch.inner
        if outer % before or inner % after:
            expected = f"lengths before -1 that divide {outer}, and after it that divide {inner}"
            message = f"the batch, axis {batch.position} of {shape_text(shape)}, would be cut or mixed with other axes"
            raise LayerFault("newshape", message, expected, f"{self.newshape}")
        return BatchAxis(place, outer // before, inner // after)

    def _kept(self, shape: Shape, batch: BatchAxis) -> BatchAxis:
        if batch.position:
            expected, received = "-1 in the place of the batch", f"the batch as axis {batch.position}"
            raise LayerFault("newshape", "null keeps the first axis, which is not the batch here", expected, received)
        check_target("newshape", self.target()[1:], shape)
        return batch

    def output_shapes(self, shapes: tuple[Shape, ...], announced: tuple[Shape, ...]) -> tuple[Shape, ...]:
        """Replace -1 by the inferred length where the batch is kept."""
        elements, target = size_of(shapes[0][1:]), self.target()[1:]
        if not self.keeps_batch or elements is None or -1 not in target:
            return announced
        known = prod(length for length in target if length != -1)
        return ((announced[0][0], *(elements // known if length == -1 else length for length in target)),)
