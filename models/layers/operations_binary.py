"""Operations on two tensors, or on a tensor and a constant."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import ClassVar, Literal

from models.layers.batch_axis import BatchAxis
from models.layers.constants import Constant, shape_of
from models.layers.layer import Example, Windows
from models.layers.operations import OfOperands
from models.layers.pointwise import pointwise
from models.layers.sizes import Shape, size_of
from models.limits import MAX_RANK


class MultiOperandOperation(OfOperands):
    """Base of element-wise operations on several tensors, some of which may be constants."""

    example = Example({}, ((4, 3), (4, 3)))
    operands: ClassVar[tuple[str, ...]] = ("x1", "x2")
    input_count = (1, 2)
    x1: Constant = None
    x2: Constant = None

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the shapes broadcast, aligned at their ends."""
        constants = [shape_of(self.constant(operand)) for operand in self.operands]
        for lengths in zip_longest(*(reversed(shape) for shape in (*shapes, *constants)), fillvalue=1):
            if len({length for length in lengths if length not in {None, 1}}) > 1:
                raise self.operand_fault(shapes, "the same lengths; axes of length 1 are repeated")

    def batch_axis(self, shapes: tuple[Shape, ...], batches: Sequence[BatchAxis]) -> BatchAxis:
        """Check that the tensors have the batch in one axis, along which constants have length 1."""
        return self.aligned_batch(shapes, batches)

    def windows(self, shape: Shape) -> Windows:
        return pointwise(shape)


def _at(shape: Shape, axis: int) -> int | None:
    """Return the length of an axis counted from the last; a missing one is repeated as one of length 1."""
    return shape[axis] if -axis <= len(shape) else 1


class AddOp(MultiOperandOperation):
    type: Literal["ops.add"] = "ops.add"


class DivideOp(MultiOperandOperation):
    type: Literal["ops.divide", "ops.true_divide"] = "ops.divide"


class EqualOp(MultiOperandOperation):
    type: Literal["ops.equal"] = "ops.equal"


class FloorDivideOp(MultiOperandOperation):
    type: Literal["ops.floor_divide"] = "ops.floor_divide"
    example = Example({"x2": 2}, ((4, 3),))


class GreaterOp(MultiOperandOperation):
    type: Literal["ops.greater"] = "ops.greater"


class GreaterEqualOp(MultiOperandOperation):
    type: Literal["ops.greater_equal"] = "ops.greater_equal"


class LessOp(MultiOperandOperation):
    type: Literal["ops.less"] = "ops.less"


class LessEqualOp(MultiOperandOperation):
    type: Literal["ops.less_equal"] = "ops.less_equal"


class LogicalAndOp(MultiOperandOperation):
    type: Literal["ops.logical_and"] = "ops.logical_and"
    example = Example({}, ((4, 3), (4, 3)), "bool")


class LogicalOrOp(MultiOperandOperation):
    type: Literal["ops.logical_or"] = "ops.logical_or"
    example = Example({}, ((4, 3), (4, 3)), "bool")


class MaximumOp(MultiOperandOperation):
    type: Literal["ops.maximum"] = "ops.maximum"


class MinimumOp(MultiOperandOperation):
    type: Literal["ops.minimum"] = "ops.minimum"


class ModOp(MultiOperandOperation):
    type: Literal["ops.mod"] = "ops.mod"
    example = Example({"x2": 2}, ((4, 3),))


class MultiplyOp(MultiOperandOperation):
    type: Literal["ops.multiply"] = "ops.multiply"


class NotEqualOp(MultiOperandOperation):
    type: Literal["ops.not_equal"] = "ops.not_equal"


class PowerOp(MultiOperandOperation):
    type: Literal["ops.power"] = "ops.power"


class SubtractOp(MultiOperandOperation):
    type: Literal["ops.subtract"] = "ops.subtract"


class WhereOp(MultiOperandOperation):
    """Elements of the second tensor where the first is true, of the third elsewhere."""

    type: Literal["ops.where"] = "ops.where"
    example = Example({"x1": 1.0, "x2": 0.0}, ((4, 3),), "bool")
    operands = ("condition", "x1", "x2")
    input_count = (1, 3)


class MatmulOp(OfOperands):
    """The product of matrices in the last two axes; a constant of one axis is a vector."""

    type: Literal["ops.matmul"] = "ops.matmul"
    example = Example({}, ((4, 3), (3, 5)))
    operands: ClassVar[tuple[str, ...]] = ("x1", "x2")
    input_rank = tuple(range(2, 9))
    input_count = (1, 2)
    x1: Constant = None
    x2: Constant = None

    def batch_axis(self, shapes: tuple[Shape, ...], batches: Sequence[BatchAxis]) -> BatchAxis:
        """Check that the batch is not summed over: two tensors have it before their matrices, one beside a constant may
        have it as the other axis of its own.
        """
        if len(shapes) == 2:
            batch, rank = self.aligned_batch(shapes, batches), max(map(len, shapes))
            if batch.position < rank - 2:
                return batch
            raise self.operand_fault(shapes, "tensors of three axes or more, with the batch before the last two")
        first, second = self.operand_shapes(shapes)
        constant, rank, place = second if self.x1 is None else first, len(shapes[0]), batches[0].position
        if place == rank - (1 if self.x1 is None else 2):
            raise self.operand_fault(shapes, f"a tensor whose axis {place}, which is summed over, is not the batch")
        if len(constant) == 1:
            return batches[0] if self.x1 is None else batches[0].without([rank - 2])
        if not constant or (place < rank - 2 and _at(constant, place - rank) != 1):
            raise self.operand_fault(
                shapes, f"a constant of one axis or more, of length 1 along axis {place - rank}, the batch"
            )
        return batches[0].at(place + max(rank, len(constant)) - rank)

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the matrices fit, and that the axes before them broadcast."""
        first, second = self.operand_shapes(shapes)
        if max(len(first), len(second)) > MAX_RANK:
            raise self.operand_fault(shapes, f"at most {MAX_RANK} axes")
        summed = second[-2] if len(second) > 1 else second[-1]
        if None not in (first[-1], summed) and first[-1] != summed:
            raise self.operand_fault(shapes, "a last axis of the first as long as the last but one of the second")
        pairs = zip_longest(reversed(first[:-2]), reversed(second[:-2]), fillvalue=1)
        if any(None not in pair and pair[0] != pair[1] and 1 not in pair for pair in pairs):
            raise self.operand_fault(shapes, "the same lengths before the last two axes")

    def macs(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int | None:
        """Output elements × the length that is summed over."""
        elements, length = size_of(outputs[0]), self.operand_shapes(shapes)[0][-1]
        return None if elements is None or length is None else elements * length
