"""Operations on two tensors, or on a tensor and a constant."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import ClassVar, Literal

from pydantic import model_validator

from models.layers.batch_axis import BatchAxis
from models.layers.constants import Constant, shape_of
from models.layers.layer import Example, LayerFault, Shape, Windows, fault, size_of
from models.layers.operations import Operation
from models.layers.pointwise import pointwise
from models.layers.spatial import shapes_text
from models.limits import MAX_RANK


class MultiOperandOperation(Operation):
    """Base of operations on several tensors, some of which may be constants."""

    example = Example({}, ((4, 3), (4, 3)))
    operands: ClassVar[tuple[str, ...]] = ("x1", "x2")
    input_count = (1, 2)
    x1: Constant = None
    x2: Constant = None

    @model_validator(mode="after")
    def _reads_a_tensor(self) -> MultiOperandOperation:
        if self.reads()[0] < 1:
            raise fault("constants", "there is no tensor among the operands", "at most one constant")
        return self

    def reads(self) -> tuple[int, int | None]:
        """Return one input for each operand that is not a constant."""
        tensors = [operand for operand in self.operands if getattr(self, operand, None) is None]
        return len(tensors), len(tensors)

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the shapes broadcast, aligned at their ends."""
        constants = self._constant_shapes()
        for lengths in zip_longest(*(reversed(shape) for shape in (*shapes, *constants)), fillvalue=1):
            if len({length for length in lengths if length not in {None, 1}}) > 1:
                raise self._operand_fault(shapes, "the same lengths; axes of length 1 are repeated")

    def batch_axis(self, shapes: tuple[Shape, ...], batches: Sequence[BatchAxis]) -> BatchAxis:
        """Check that the tensors, aligned at their ends, have the batch in one place, where constants are repeated."""
        constants = self._constant_shapes()
        rank = max(map(len, (*shapes, *constants)))
        places = {batch.at(rank - len(shape) + batch.position) for shape, batch in zip(shapes, batches, strict=True)}
        if len(places) > 1:
            expected = "tensors that have the batch in the same axis, counted from the last: others would mix its rows"
            raise self._operand_fault(shapes, expected)
        batch = places.pop()
        if rank > MAX_RANK or any(_at(shape, batch.position - rank) != 1 for shape in constants):
            raise self._operand_fault(shapes, f"constants of length 1 along axis {batch.position - rank}, the batch")
        return batch

    def _constant_shapes(self) -> list[Shape]:
        return [shape_of(getattr(self, operand, None)) for operand in self.operands]

    def windows(self, shape: Shape) -> Windows:
        return pointwise(shape)

    def _operand_fault(self, shapes: tuple[Shape, ...], expected: str) -> LayerFault:
        constants = [shape_of(value) for value in (self.x1, self.x2) if value is not None]
        received = shapes_text([*shapes, *constants])
        return LayerFault("inputs", "the operands do not fit each other", expected, received)


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


class MatmulOp(MultiOperandOperation):
    """The product of matrices in the last two axes."""

    type: Literal["ops.matmul"] = "ops.matmul"
    example = Example({}, ((4, 3), (3, 5)))
    input_rank = tuple(range(2, 9))

    def batch_axis(self, shapes: tuple[Shape, ...], batches: Sequence[BatchAxis]) -> BatchAxis:
        """Check that the batch is not summed over: two tensors have it before their matrices, one beside a constant
        matrix may have it as the other axis of its own.
        """
        if len(shapes) == 2:
            batch, rank = super().batch_axis(shapes, batches), max(map(len, shapes))
            if batch.position < rank - 2:
                return batch
            raise self._operand_fault(shapes, "tensors of three axes or more, with the batch before the last two")
        first, second = self._operand_shapes(shapes)
        if len(second if self.x1 is None else first) != 2:
            raise self._operand_fault(shapes, "a constant of two axes")
        summed = len(shapes[0]) - (1 if self.x1 is None else 2)
        if batches[0].position != summed:
            return batches[0]
        raise self._operand_fault(shapes, f"a tensor whose axis {summed}, which is summed over, is not the batch")

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the matrices fit, and that the axes before them broadcast."""
        first, second = self._operand_shapes(shapes)
        if first[-1] is not None and second[-2] is not None and first[-1] != second[-2]:
            raise self._operand_fault(shapes, "a last axis of the first as long as the last but one of the second")
        pairs = zip(reversed(first[:-2]), reversed(second[:-2]), strict=False)
        if any(None not in pair and pair[0] != pair[1] and 1 not in pair for pair in pairs):
            raise self._operand_fault(shapes, "the same lengths before the last two axes")

    def macs(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int | None:
        """Output elements × the length that is summed over."""
        elements, length = size_of(outputs[0]), self._operand_shapes(shapes)[0][-1]
        return None if elements is None or length is None else elements * length

    def windows(self, shape: Shape) -> Windows:
        return None

    def _operand_shapes(self, shapes: tuple[Shape, ...]) -> tuple[Shape, Shape]:
        constants = [None if value is None else shape_of(value) for value in (self.x1, self.x2)]
        first, second = self.bind_shapes(shapes, constants)
        return first, second

    @staticmethod
    def bind_shapes(shapes: tuple[Shape, ...], constants: list[Shape | None]) -> list[Shape]:
        """Return the shape of each operand."""
        remaining = iter(shapes)
        return [next(remaining) if constant is None else constant for constant in constants]
