"""Bases of keras.ops functions as layers of a graph.

`ops.mean` is `keras.ops.mean`. Fields are the function's arguments; the tensors among them are the layer's `inputs`,
and a number or an array may replace a tensor. The list is closed, and no operation mixes rows of the batch: each says
where the batch axis of its operands goes, or needs it first as a layer does.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from pydantic import model_validator

from models.layers.axes import Axes, inner_axes
from models.layers.batch_axis import BatchAxis
from models.layers.constants import ShapeOnly, shape_of
from models.layers.faults import LayerFault, fault
from models.layers.fixed_values import AlwaysTrainable, NoDType, NoRegularizer
from models.layers.layer import GRAPH_FIELDS, Example, Layer
from models.layers.sizes import Shape
from models.layers.spatial import shapes_text
from models.limits import MAX_RANK

PREFIX = "ops."


class Operation(Layer):
    """Base of functions of keras.ops."""

    keras_modules = ("keras.ops", "keras.src.ops.")
    keras_module: ClassVar[str] = "keras.src.ops.numpy"
    """The module that Keras writes when it serialises the operation."""
    operands: ClassVar[tuple[str, ...]] = ("x",)
    inputs_as = "list"
    takes_list: ClassVar[bool] = False
    """Whether the single operand is a list of tensors."""
    before_operands: ClassVar[tuple[str, ...]] = ()
    """Arguments that the function takes before its operands."""
    of_integers: ClassVar[bool | None] = None
    """What the function returns for every integer and bool, if that is always the same."""
    not_taken = frozenset({"trainable", "dtype", "activity_regularizer"})
    example = Example({}, ((4, 3),))

    trainable: AlwaysTrainable = True
    dtype: NoDType = None
    activity_regularizer: NoRegularizer = None

    @classmethod
    def keras_name(cls) -> str:
        """Return the name of the class by which Keras represents a call of the function."""
        return cls.__name__.removesuffix("Op")

    @classmethod
    def function(cls) -> str:
        """Return the name of the function in keras.ops, `image.resize` for one of keras.ops.image."""
        return cls.type_name().removeprefix(PREFIX)

    @classmethod
    def summary(cls) -> str:
        return f"What keras.ops.{cls.function()} computes."

    @classmethod
    def default_name(cls) -> str:
        return cls.function().rpartition(".")[2]

    def used_operands(self) -> tuple[str, ...]:
        """Return the names of the operands of this instance."""
        return self.operands

    def constant(self, operand: str) -> Any:
        """Return what stands in place of the tensor of an operand: a number, an array, or None."""
        return None if operand in GRAPH_FIELDS else getattr(self, operand, None)

    def bind_operands(self, tensors: Sequence[Any]) -> list[Any]:
        """Return the function's operands: the tensors, and the constants that replace some."""
        if self.takes_list:
            return [list(tensors)]
        remaining = iter(tensors)
        constants = map(self.constant, self.used_operands())
        return [next(remaining) if constant is None else constant for constant in constants]

    def with_weights(self, weights: Mapping[int, Shape]) -> Self:
        """Return the operation with weights of these shapes as constants, by their numbers among its tensors.

        Raises:
            LayerFault: no constant can stand there.
        """
        free = [operand for operand in self.used_operands() if self.constant(operand) is None]
        names = {free[number]: ShapeOnly(shape) for number, shape in weights.items() if number < len(free)}
        if len(names) == len(weights) and names.keys() <= type(self).model_fields.keys():
            return self.model_copy(update=names)
        expected = "a tensor with a batch, or an operation that takes constants"
        raise LayerFault("inputs", f"{self.type_name()} cannot read a weight here", expected, "a weight")

    def arguments(self) -> dict[str, Any]:
        """Return Keras' keyword arguments without the operands."""
        excluded = GRAPH_FIELDS | self.not_taken | set(self.operands)
        return {field: getattr(self, field) for field in type(self).model_fields if field not in excluded}

    def call_arguments(self) -> dict[str, Any]:
        """Return no arguments: a function has a single set of arguments."""
        return {}


class AlongOtherAxes(Operation):
    """Base of operations along other axes than the batch, which stays where it is."""

    axis: Axes

    def batch_axis(self, shapes: tuple[Shape, ...], batches: Sequence[BatchAxis]) -> BatchAxis:
        """Check that the axes exist and exclude the batch."""
        inner_axes("axis", self.axis, shapes[0], batches[0])
        return batches[0]


class OfOperands(Operation):
    """Base of operations on several tensors, some of which may be constants."""

    @model_validator(mode="after")
    def _reads_a_tensor(self) -> "OfOperands":
        if self.reads()[0] < 1:
            raise fault("constants", "there is no tensor among the operands", "at most one constant")
        return self

    def reads(self) -> tuple[int, int | None]:
        """Return one input for each operand that is not a constant."""
        tensors = [operand for operand in self.used_operands() if self.constant(operand) is None]
        return len(tensors), len(tensors)

    def operand_shapes(self, shapes: tuple[Shape, ...]) -> list[Shape]:
        """Return the shape of each operand, in order; that of a constant has no batch."""
        remaining = iter(shapes)
        constants = map(self.constant, self.used_operands())
        return [next(remaining) if constant is None else shape_of(constant) for constant in constants]

    def operand_fault(self, shapes: tuple[Shape, ...], expected: str, suggestion: str | None = None) -> LayerFault:
        """Return the fault of operands that do not fit each other."""
        received = shapes_text(self.operand_shapes(shapes))
        return LayerFault("inputs", "the operands do not fit each other", expected, received, suggestion)

    def aligned_batch(self, shapes: tuple[Shape, ...], batches: Sequence[BatchAxis]) -> BatchAxis:
        """Return the batch axis of operands that are aligned at their ends, as those that broadcast are.

        Raises:
            LayerFault: it is not the same axis, counted from the last, or a constant has another length than 1 there.
        """
        constants = [shape_of(self.constant(operand)) for operand in self.used_operands()]
        rank = max(map(len, (*shapes, *constants)))
        places = {batch.at(rank - len(shape) + batch.position) for shape, batch in zip(shapes, batches, strict=True)}
        if len(places) > 1:
            raise self._batch_fault(shapes)
        batch = places.pop()
        if rank > MAX_RANK or any(_at(shape, batch.position - rank) != 1 for shape in constants):
            raise self.operand_fault(shapes, f"constants of length 1 along axis {batch.position - rank}, the batch")
        return batch

    def _batch_fault(self, shapes: tuple[Shape, ...]) -> LayerFault:
        """Return the fault of tensors with the batch in different axes; what one lacks goes behind its batch."""
        fewest, most = min(map(len, shapes)), max(map(len, shapes))
        times = ", once for each axis it lacks" if most - fewest > 1 else ""
        advice = f'put {{"type": "ops.expand_dims", "axis": 1}} behind the one of {fewest} axes{times}'
        expected = "tensors that have the batch in the same axis, counted from the last: others would mix its rows"
        return self.operand_fault(shapes, expected, advice if fewest < most else None)


def _at(shape: Shape, axis: int) -> int | None:
    """Return the length of an axis counted from the last; a missing one is repeated as one of length 1."""
    return shape[axis] if -axis <= len(shape) else 1


def same_batch(batches: Sequence[BatchAxis]) -> BatchAxis:
    """Return the batch axis of tensors of the same rank.

    Raises:
        LayerFault: they have different ones.
    """
    if len(set(batches)) == 1:
        return batches[0]
    places = " and ".join(f"axis {batch.position} of {batch.rows} rows for each" for batch in batches)
    raise LayerFault("inputs", "the tensors have the batch in different places", "the batch in the same axis", places)
