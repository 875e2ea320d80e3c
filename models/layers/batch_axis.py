"""The batch axis of a tensor: where it stands in the shape, and how its rows are ordered.

Inside a graph the batch may move (`transpose(qkv, (2, 0, 3, 1, 4))`) and be joined with other axes (windows of an
image as rows of their own). Every operation says where it takes the axis, or refuses: the rows of a batch never mix.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.layers.faults import LayerFault

Lengths = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class BatchAxis:
    """An axis of length outer × batch × inner: its rows are those of the batch in turn, `inner` after one another for
    each, and all of this `outer` times. A tensor that follows from weights alone has no such axis (`ABSENT`).
    """

    position: int = 0
    outer: int = 1
    inner: int = 1

    @property
    def exists(self) -> bool:
        """Whether the tensor has a batch."""
        return self.position >= 0

    @property
    def is_plain(self) -> bool:
        """Whether the axis is the first and holds nothing but the batch."""
        return self == FIRST

    @property
    def rows(self) -> int:
        """The rows of the axis for each of the batch."""
        return self.outer * self.inner

    def fill(self, shape: Lengths, batch: int | None) -> Lengths:
        """Return a shape with the length of this axis for a batch of this size; None leaves it."""
        if batch is None or not self.exists or shape[self.position] is not None:
            return shape
        return (*shape[: self.position], self.rows * batch, *shape[self.position + 1 :])

    def batch_first(self, shape: Lengths, batch: int | None) -> Lengths:
        """Return the shape with the batch first. The other axes follow in order, parts of this axis in its place. A
        tensor without a batch is repeated for each of it.
        """
        if not self.exists:
            return (batch, *shape)
        length = shape[self.position]
        rows = batch if length is None else length // self.rows
        parts = tuple(part for part in (self.outer, self.inner) if part > 1)
        return (rows, *shape[: self.position], *parts, *shape[self.position + 1 :])

    def names(self, rank: int) -> tuple[str, ...]:
        """Return names of the axes of `batch_first` for a tensor of this rank, by their places in the tensor."""
        axes = [f"axis {number}" for number in range(rank)]
        if not self.exists:
            return ("repeated for each of the batch", *axes)
        own = axes[self.position]
        outer = [f"{own}, before the batch"][: self.outer > 1]
        inner = [f"{own}, after the batch"][: self.inner > 1]
        return ("batch", *axes[: self.position], *outer, *inner, *axes[self.position + 1 :])

    def without(self, removed: Sequence[int]) -> "BatchAxis":
        """Return the axis of a tensor that lacks these other axes."""
        return replace(self, position=self.position - sum(axis < self.position for axis in removed))

    def after_insertion(self, axis: int) -> "BatchAxis":
        """Return the axis of a tensor with another axis inserted at this place."""
        return replace(self, position=self.position + (axis <= self.position))

    def at(self, position: int) -> "BatchAxis":
        """Return the same axis in another place."""
        return replace(self, position=position)


FIRST = BatchAxis()
"""The batch axis of inputs and outputs of networks."""
ABSENT = BatchAxis(-1)
"""That of tensors without a batch."""


def first_axis(batches: Sequence[BatchAxis]) -> BatchAxis:
    """Return the batch axis of tensors that all have it first, with the same rows for each of the batch.

    Raises:
        LayerFault: they have not.
    """
    if any(batch.position for batch in batches):
        places = " and ".join(str(batch.position) for batch in batches)
        raise LayerFault(
            "inputs", "the batch is not the first axis of the input", "a tensor with the batch first",
            f"the batch as axis {places}", "move it there with ops.transpose or ops.moveaxis",
        )  # fmt: skip
    if len(set(batches)) > 1:
        expected = "tensors with the same rows for each of the batch"
        received = " and ".join(f"{batch.rows} rows" for batch in batches)
        raise LayerFault("inputs", "the inputs have other rows for each of the batch", expected, received)
    return batches[0] if batches else FIRST
