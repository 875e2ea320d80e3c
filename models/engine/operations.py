"""Operations of keras.ops as Keras layers: without weights, casts or masks, as in Keras' own graphs."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import keras
import numpy as np

from models.layers.constants import ConstantArray
from models.layers.operations import Operation
from models.layers.operations_arranging import BroadcastToOp
from models.layers.operations_reshaping import ReshapeOp


class OperationLayer(keras.layers.Layer):  # type: ignore[misc]
    """Applies one function of keras.ops to a list of tensors."""

    def __init__(self, operation: Operation, name: str) -> None:
        super().__init__(name=name, autocast=False)
        self.supports_masking = True  # else Keras warns that the mask is lost, as it is
        self._operation = operation

    def call(self, tensors: Sequence[Any], **named: Any) -> Any:
        """Return the function's result; `named` are the tensors read by name."""
        if isinstance(self._operation, ReshapeOp | BroadcastToOp):
            return self._function()(tensors[0], _target(self._operation, tensors[0]))
        if self._operation.of_integers is not None and not keras.backend.is_float_dtype(tensors[0].dtype):
            return _all(self._operation.of_integers, tensors[0])
        operands = [_value(operand) for operand in self._operation.bind_operands(tensors)]
        arguments = {name: _value(value) for name, value in self._operation.arguments().items()}
        before = [arguments.pop(name) for name in self._operation.before_operands]
        return self._function()(*before, *operands, **arguments | named)

    def _function(self) -> Any:
        return attrgetter(self._operation.function())(keras.ops)

    def compute_mask(self, *_: Any, **__: Any) -> None:
        """Return None: operations propagate no mask."""


def _target(operation: ReshapeOp | BroadcastToOp, tensor: Any) -> tuple[Any, ...]:
    """Return the new shape; the length of a batch that is kept is known at the call."""
    first, *others = operation.target()
    return (keras.ops.shape(tensor)[0] if operation.keeps_batch else first, *others)


def _all(value: bool, tensor: Any) -> Any:
    """Return a tensor of this bool: Keras' own needs every length, the batch's, too."""
    return keras.ops.cast((keras.ops.ones_like if value else keras.ops.zeros_like)(tensor), "bool")


def _value(operand: Any) -> Any:
    return np.array(operand.value, operand.dtype) if isinstance(operand, ConstantArray) else operand
