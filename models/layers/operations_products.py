"""Products of tensors along named axes; the batch stays the first axis of every tensor and of the result."""

from abc import abstractmethod
from collections.abc import Sequence
from math import prod
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from models.layers.batch_axis import BatchAxis
from models.layers.constants import Constant
from models.layers.einsum_subscripts import Subscripts, SubscriptsText
from models.layers.faults import LayerFault, fault
from models.layers.layer import Example
from models.layers.operations import OfOperands
from models.layers.sizes import Shape, size_of, sizes_of
from models.limits import MAX_RANK


class EinsumOp(OfOperands):
    """An Einstein summation of up to four operands, of which arrays stand in `x1` to `x4`."""

    type: Literal["ops.einsum"] = "ops.einsum"
    example = Example({"subscripts": "bij,bjk->bik"}, ((4, 3), (3, 5)))
    operands: ClassVar[tuple[str, ...]] = ("x1", "x2", "x3", "x4")
    before_operands = ("subscripts",)
    input_count = (1, 4)
    subscripts: SubscriptsText
    x1: Constant = None
    x2: Constant = None
    x3: Constant = None
    x4: Constant = None

    def parsed(self) -> Subscripts:
        """Return the parsed subscripts, whose form is already validated."""
        return Subscripts.parse(self.subscripts)

    def used_operands(self) -> tuple[str, ...]:
        return self.operands[: len(self.parsed().terms)]

    @model_validator(mode="after")
    def _has_a_term_for_each(self) -> Self:
        used = self.used_operands()
        for operand in set(self.operands) - set(used):
            if self.constant(operand) is not None:
                raise fault("subscripts", "there are more operands than terms", f"{len(used)} operands")
        return self

    def batch_axis(self, shapes: tuple[Shape, ...], batches: Sequence[BatchAxis]) -> BatchAxis:
        """Check that the first letter of every tensor is the batch, which begins the result."""
        tensors = [number for number, operand in enumerate(self.used_operands()) if self.constant(operand) is None]
        reason = self.parsed().mixing(tensors)
        if reason is not None:
            advice = 'write "bij,bjk->bik", b for the batch'
            raise LayerFault("subscripts", "the rows of the batch would mix", reason, self.subscripts, advice)
        return super().batch_axis(shapes, batches)

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that every operand has the axes of its term, and every letter one length."""
        several, parsed = self.operand_shapes(shapes), self.parsed()
        if not all(term.fits(len(shape)) for term, shape in zip(parsed.terms, several, strict=True)):
            raise self.operand_fault(shapes, f"the axes of {self.subscripts}")
        self._check_covered(shapes)
        for letter, lengths in parsed.lengths(several).items():
            if len(lengths) > 1:
                raise self.operand_fault(shapes, f"one length along {letter} of {self.subscripts}")
        if len(parsed.result_shape(several, None)) > MAX_RANK:
            raise self.operand_fault(shapes, f"a result of at most {MAX_RANK} axes")

    def _check_covered(self, shapes: tuple[Shape, ...]) -> None:
        """Check that what `...` covers broadcasts, with the batch first if it is among it."""
        parsed = self.parsed()
        pairs = list(zip(parsed.terms, self.used_operands(), self.operand_shapes(shapes), strict=True))
        covered = [(name, term.covered(shape)) for term, name, shape in pairs if term.has_ellipsis]
        rank = max((len(axes) for _, axes in covered), default=0)
        if not parsed.result.before and parsed.result.has_ellipsis:
            tensors = {len(axes) for name, axes in covered if self.constant(name) is None}
            arrays = [axes for name, axes in covered if self.constant(name) is not None]
            if tensors != {rank} or rank == 0 or any(len(axes) == rank and axes[0] != 1 for axes in arrays):
                raise self.operand_fault(shapes, "as many axes under ... in every tensor, the batch first")
        for back in range(1, rank + 1):
            known = {axes[-back] for _, axes in covered if len(axes) >= back} - {None, 1}
            if len(known) > 1:
                raise self.operand_fault(shapes, "the same lengths under ...; axes of length 1 are repeated")

    def output_shapes(self, shapes: tuple[Shape, ...], announced: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return (self.parsed().result_shape(self.operand_shapes(shapes), announced[0][0]),)

    def macs(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int | None:
        """The product of the lengths of all letters but those of one operand alone, which are summed first, for each
        product of two operands: with more than two it is an upper bound, whatever order TensorFlow chooses.
        """
        several = self.operand_shapes(shapes)
        if any(size_of(shape) is None for shape in several):
            return None
        parsed = self.parsed()
        known = parsed.lengths(several)
        lengths = prod(max(known[letter], default=1) for letter in known if parsed.is_multiplied(letter))
        return (len(several) - 1) * lengths * prod(length or 1 for length in parsed.covered(several))

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """Every operand with its axes in the order of a matrix product, and the products before the last."""
        several = self.operand_shapes(shapes)
        return sizes_of(several) + sizes_of(outputs) + 2 * self.parsed().largest_between(several)


class ArrayProduct(OfOperands):
    """Base of products of a tensor and an array: two tensors would give the result two batches."""

    operands: ClassVar[tuple[str, ...]] = ("x1", "x2")
    input_count = (1, 2)
    x1: Constant = None
    x2: Constant = None

    @abstractmethod
    def summed(self, ranks: tuple[int, int]) -> tuple[list[int], list[int]]:
        """Return the positions of the axes of both operands that are multiplied and summed.

        Raises:
            LayerFault: an operand lacks one of them.
        """

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the batch is not summed, and is the first axis of the result."""
        if len(shapes) > 1:
            suggestion = 'use {"type": "ops.einsum", "subscripts": "bij,bjk->bik"} or the layer Dot'
            raise self.operand_fault(shapes, "a tensor and an array: two tensors have a batch each", suggestion)
        first, second = self.operand_shapes(shapes)
        ours, theirs = self.summed((len(first), len(second)))
        summed_of_tensor = ours if self.x1 is None else theirs
        if 0 in summed_of_tensor or (self.x1 is not None and len(ours) < len(first)):
            raise self.operand_fault(shapes, "axes behind the batch to sum over, and the batch first in the result")
        if any(None not in pair and pair[0] != pair[1] for pair in self._lengths(first, second)):
            raise self.operand_fault(shapes, "the same lengths along the axes that are summed over")
        if len(first) + len(second) - 2 * len(ours) > MAX_RANK:
            raise self.operand_fault(shapes, f"a result of at most {MAX_RANK} axes")

    def _lengths(self, first: Shape, second: Shape) -> list[tuple[int | None, int | None]]:
        ours, theirs = self.summed((len(first), len(second)))
        return [(first[one], second[other]) for one, other in zip(ours, theirs, strict=True)]

    def output_shapes(self, shapes: tuple[Shape, ...], announced: tuple[Shape, ...]) -> tuple[Shape, ...]:
        first, second = self.operand_shapes(shapes)
        ours, theirs = self.summed((len(first), len(second)))
        kept = [length for axis, length in enumerate(first) if axis not in ours]
        kept += [length for axis, length in enumerate(second) if axis not in theirs]
        return ((announced[0][0], *kept[1:]),)

    def macs(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int | None:
        """Output elements × the lengths that are summed over."""
        elements = size_of(outputs[0])
        lengths = [one or other for one, other in self._lengths(*self.operand_shapes(shapes))]
        return None if elements is None or None in lengths else elements * prod(length or 1 for length in lengths)

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """Both operands as matrices, and the result as one."""
        return 2 * sizes_of(self.operand_shapes(shapes)) + sizes_of(outputs)


Axes = Annotated[
    list[Annotated[int, Field(ge=-MAX_RANK, le=MAX_RANK - 1)]], Field(min_length=1, max_length=MAX_RANK - 1)
]


class TensordotOp(ArrayProduct):
    """The product of a tensor and an array, summed over some axes of both: the last and the first, or those named."""

    type: Literal["ops.tensordot"] = "ops.tensordot"
    example = Example({"x2": {"value": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]}, "axes": 1}, ((4, 3),))
    axes: Annotated[int, Field(ge=0, le=MAX_RANK)] | Annotated[list[Axes], Field(min_length=2, max_length=2)] = 2

    @model_validator(mode="after")
    def _pairs_of_axes(self) -> Self:
        if isinstance(self.axes, list) and len(self.axes[0]) != len(self.axes[1]):
            raise fault("axes", "every axis of one operand needs one of the other", "two lists of the same length")
        return self

    def summed(self, ranks: tuple[int, int]) -> tuple[list[int], list[int]]:
        if isinstance(self.axes, int):
            if self.axes > min(ranks):
                raise LayerFault("axes", "an operand has fewer axes", f"at most {min(ranks)}", f"{self.axes}")
            return list(range(ranks[0] - self.axes, ranks[0])), list(range(self.axes))
        return self._positions(self.axes[0], ranks[0]), self._positions(self.axes[1], ranks[1])

    def _positions(self, axes: list[int], rank: int) -> list[int]:
        positions = [axis % rank for axis in axes if -rank <= axis < rank]
        if len(set(positions)) < len(axes):
            raise LayerFault("axes", "these are not axes of the operand", f"different axes of {rank}", f"{axes}")
        return positions


class DotOp(ArrayProduct):
    """The product of a tensor and an array, summed over the last axis and the last but one, or of a vector the only."""

    type: Literal["ops.dot"] = "ops.dot"
    example = Example({"x2": {"value": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]}}, ((4, 3),))

    def summed(self, ranks: tuple[int, int]) -> tuple[list[int], list[int]]:
        """Return the axes; none where an operand is a number, which multiplies."""
        if 0 in ranks:
            return [], []
        return [ranks[0] - 1], [max(ranks[1] - 2, 0)]
