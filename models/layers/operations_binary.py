"""Operations on two tensors, or on a tensor and a constant."""

from __future__ import annotations

from itertools import zip_longest
from typing import ClassVar, Literal

from models.layers.constants import Constant, shape_of
from models.layers.layer import Example, LayerFault, Shape, Windows, size_of
from models.layers.operations import OfOperands
from models.layers.pointwise import pointwise


class MultiOperandOperation(OfOperands):
    """Base of element-wise operations on several tensors, some of which may be constants."""

    example = Example({}, ((4, 3), (4, 3)))
    operands: ClassVar[tuple[str, ...]] = ("x1", "x2")
    input_count = (1, 2)
    x1: Constant = None
    x2: Constant = None

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the shapes broadcast, aligned at their ends, and that batches align with batches.

        Of two tensors with different numbers of axes the batch of one meets an axis of the other: whatever its length,
        rows mix, or the result depends on how many are posted. Constants have no batch, so they may have fewer axes.
        """
        rank = max(map(len, shapes))
        if any(len(shape) != rank for shape in shapes):
            raise self._batch_fault(shapes)
        constants = [shape_of(self.constant(operand)) for operand in self.operands]
        if any(len(shape) > rank or (len(shape) == rank and shape[0] != 1) for shape in constants):
            raise self.operand_fault(shapes, f"constants of at most {rank - 1} axes: the batch is apart")
        for lengths in zip_longest(*(reversed(shape) for shape in (*shapes, *constants)), fillvalue=1):
            if len({length for length in lengths if length not in {None, 1}}) > 1:
                raise self.operand_fault(shapes, "the same lengths; axes of length 1 are repeated")

    def windows(self, shape: Shape) -> Windows:
        return pointwise(shape)

    def _batch_fault(self, shapes: tuple[Shape, ...]) -> LayerFault:
        """Return the fault of tensors with different numbers of axes: what is missing goes behind the batch."""
        fewest, most = min(map(len, shapes)), max(map(len, shapes))
        times = ", once for each axis it lacks" if most - fewest > 1 else ""
        return self.operand_fault(
            shapes,
            "tensors with the same number of axes: others would mix the batch with an axis",
            f'put {{"type": "ops.expand_dims", "axis": 1}} behind the one of {fewest} axes{times}',
        )


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

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check the axes: two tensors have a batch each, a constant has none."""
        self._check_batch(shapes)
        first, second = self.operand_shapes(shapes)
        summed = second[-2] if len(second) > 1 else second[-1]
        if None not in (first[-1], summed) and first[-1] != summed:
            raise self.operand_fault(shapes, "a last axis of the first as long as the last but one of the second")
        pairs = zip_longest(reversed(first[:-2]), reversed(second[:-2]), fillvalue=1)
        if any(None not in pair and pair[0] != pair[1] and 1 not in pair for pair in pairs):
            raise self.operand_fault(shapes, "the same lengths before the last two axes")

    def _check_batch(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the batch is the first axis of every tensor, and stays the first of the result."""
        first, second = self.operand_shapes(shapes)
        rank = len(shapes[0])
        if len(shapes) == 2 and (len(first) != len(second) or rank < 3):
            raise self.operand_fault(shapes, "tensors with the same number of axes, three or more, the batch first")
        if self.x1 is not None and rank < 3:
            raise self.operand_fault(shapes, "a tensor of three axes or more, the batch first")
        constant, most = second if self.x1 is None else first, max(rank - 1, 2)
        apart = 1 <= len(constant) <= most or (len(constant) == rank and constant[0] == 1)
        if len(shapes) == 1 and not apart:
            raise self.operand_fault(shapes, f"a constant of 1 to {most} axes: the batch is apart")

    def macs(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int | None:
        """Output elements × the length that is summed over."""
        elements, length = size_of(outputs[0]), self.operand_shapes(shapes)[0][-1]
        return None if elements is None or length is None else elements * length
