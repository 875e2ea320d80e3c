"""keras.ops functions as layers of a graph: what they share.

`ops.mean` is `keras.ops.mean`. Fields are the function's arguments; the tensors among them are the layer's `inputs`,
and a number or an array may stand in a tensor's place. The list is closed, and the batch stays apart in all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from models.layers.layer import GRAPH_FIELDS, Example, Layer
from models.layers.refused import AlwaysTrainable, NoDType, NoRegularizer

PREFIX = "ops."


class Operation(Layer):
    """Base of functions of keras.ops."""

    keras_modules = ("keras.ops", "keras.src.ops.")
    keras_module: ClassVar[str] = "keras.src.ops.numpy"
    """The module that Keras writes when it serialises the operation."""
    operands: ClassVar[tuple[str, ...]] = ("x",)
    inputs_as = "list"
    gathers: ClassVar[bool] = False
    """Whether the one operand is a list of tensors."""
    not_taken = frozenset({"trainable", "dtype", "activity_regularizer"})
    example = Example({}, ((4, 3),))

    trainable: AlwaysTrainable = True
    dtype: NoDType = None
    activity_regularizer: NoRegularizer = None

    @classmethod
    def keras_name(cls) -> str:
        """The name of the class that Keras makes of a call of the function."""
        return cls.__name__.removesuffix("Op")

    @classmethod
    def function(cls) -> str:
        """The name of the function in keras.ops."""
        return cls.type_name().removeprefix(PREFIX)

    @classmethod
    def summary(cls) -> str:
        return f"What keras.ops.{cls.function()} computes."

    @classmethod
    def default_name(cls) -> str:
        return cls.function()

    def bound(self, tensors: Sequence[Any]) -> list[Any]:
        """The function's operands: the tensors, and the constants that stand in the place of some."""
        if self.gathers:
            return [list(tensors)]
        left = iter(tensors)
        constants = [getattr(self, operand, None) for operand in self.operands]
        return [next(left) if constant is None else constant for constant in constants]

    def arguments(self) -> dict[str, Any]:
        """Keras' keyword arguments beside the operands."""
        left_out = GRAPH_FIELDS | self.not_taken | set(self.operands)
        return {field: getattr(self, field) for field in type(self).model_fields if field not in left_out}

    def call_arguments(self) -> dict[str, Any]:
        """None: the function has one set of arguments."""
        return {}
