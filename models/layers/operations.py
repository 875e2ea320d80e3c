"""Bases of keras.ops functions as layers of a graph.

`ops.mean` is `keras.ops.mean`. Fields are the function's arguments; the tensors among them are the layer's `inputs`,
and a number or an array may replace a tensor. The list is closed, and no operation mixes rows of the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import model_validator

from models.layers.constants import shape_of
from models.layers.fixed_values import AlwaysTrainable, NoDType, NoRegularizer
from models.layers.layer import GRAPH_FIELDS, Example, Layer, LayerFault, Shape, fault
from models.layers.spatial import shapes_text

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

    def arguments(self) -> dict[str, Any]:
        """Return Keras' keyword arguments without the operands."""
        excluded = GRAPH_FIELDS | self.not_taken | set(self.operands)
        return {field: getattr(self, field) for field in type(self).model_fields if field not in excluded}

    def call_arguments(self) -> dict[str, Any]:
        """Return no arguments: a function has a single set of arguments."""
        return {}


class OfOperands(Operation):
    """Base of operations on several tensors, some of which may be constants."""

    @model_validator(mode="after")
    def _reads_a_tensor(self) -> OfOperands:
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
