"""Base of keras.ops functions as layers of a graph.

`ops.mean` is `keras.ops.mean`. Fields are the function's arguments; the tensors among them are the layer's `inputs`,
and a number or an array may replace a tensor. The list is closed, and no operation mixes rows of the batch: each says
where the batch axis of its operands goes, or needs it first as a layer does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from models.layers.axes import Axes, inner_axes
from models.layers.batch_axis import BatchAxis
from models.layers.constants import ShapeOnly
from models.layers.fixed_values import AlwaysTrainable, NoDType, NoRegularizer
from models.layers.layer import GRAPH_FIELDS, Example, Layer, LayerFault, Shape

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
        """Return the name of the function in keras.ops."""
        return cls.type_name().removeprefix(PREFIX)

    @classmethod
    def summary(cls) -> str:
        return f"What keras.ops.{cls.function()} computes."

    @classmethod
    def default_name(cls) -> str:
        return cls.function()

    def bind_operands(self, tensors: Sequence[Any]) -> list[Any]:
        """Return the function's operands: the tensors, and the constants that replace some."""
        if self.takes_list:
            return [list(tensors)]
        remaining = iter(tensors)
        constants = [getattr(self, operand, None) for operand in self.operands]
        return [next(remaining) if constant is None else constant for constant in constants]

    def with_weights(self, weights: Mapping[int, Shape]) -> Self:
        """Return the operation with weights of these shapes as constants, by their numbers among its tensors.

        Raises:
            LayerFault: no constant can stand there.
        """
        free = [operand for operand in self.operands if getattr(self, operand, None) is None]
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


class AlongAxes(Operation):
    """Base of operations along other axes than the batch, which stays where it is."""

    axis: Axes

    def batch_axis(self, shapes: tuple[Shape, ...], batches: Sequence[BatchAxis]) -> BatchAxis:
        """Check that the axes exist and exclude the batch."""
        inner_axes("axis", self.axis, shapes[0], batches[0])
        return batches[0]


def same_batch(batches: Sequence[BatchAxis]) -> BatchAxis:
    """Return the batch axis of tensors of the same rank.

    Raises:
        LayerFault: they have different ones.
    """
    if len(set(batches)) == 1:
        return batches[0]
    places = " and ".join(f"axis {batch.position} of {batch.rows} rows for each" for batch in batches)
    raise LayerFault("inputs", "the tensors have the batch in different places", "the batch in the same axis", places)
