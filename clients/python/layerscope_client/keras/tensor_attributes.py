"""What symbolic tensors lack of the tensors that `call` otherwise runs on, and where they compute otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

OPERATORS = (
    "__add__", "__radd__", "__sub__", "__rsub__", "__mul__", "__rmul__", "__truediv__", "__rtruediv__", "__floordiv__",
    "__rfloordiv__", "__mod__", "__rmod__", "__pow__", "__rpow__", "__matmul__", "__rmatmul__", "__lt__", "__le__",
    "__gt__", "__ge__", "__ne__",
)  # fmt: skip
"""Methods of operators with another operand."""
SMALL = frozenset({"bool", "int8", "uint8", "int16", "uint16"})
"""Integers that TensorFlow divides to float32; others give float64."""


class Lengths(tuple[Any, ...]):
    """The shape of a symbolic tensor, with what that of a TensorFlow tensor has besides."""

    def as_list(self) -> list[Any]:
        """Return the lengths."""
        return list(self)

    @property
    def rank(self) -> int:
        """Return the number of axes."""
        return len(self)

    ndims = rank


def tensor_attributes(is_active: Callable[[], bool]) -> Iterator[tuple[Any, str, Any]]:
    """Yield what is replaced of symbolic tensors while `is_active()`: the class, the name, and what stands there."""
    yield keras.KerasTensor, "shape", property(lambda tensor: Lengths(tensor._shape))
    yield keras.KerasTensor, "get_shape", lambda tensor: tensor.shape
    yield keras.KerasTensor, "__array_ufunc__", None  # NumPy lets the tensor compute: array * tensor
    yield keras.KerasTensor, "__eq__", _equal(is_active)
    for name in OPERATORS:
        yield keras.KerasTensor, name, _on_own_dtype(getattr(keras.KerasTensor, name))
    if keras.backend.backend() == "tensorflow":
        yield keras.KerasTensor, "__truediv__", _divide
        yield keras.KerasTensor, "__rtruediv__", lambda tensor, other: _divide(other, tensor)


def _equal(is_active: Callable[[], bool]) -> Callable[..., Any]:
    """Return `==`: of Keras it says whether two tensors are one object, of real tensors which elements are equal."""

    def equal(tensor: Any, other: Any) -> Any:
        if tensor is other or other is None or isinstance(other, str) or not is_active():
            return tensor is other
        return ops.equal(tensor, _of_dtype(other, tensor))

    return equal


def _on_own_dtype(own: Callable[..., Any]) -> Callable[..., Any]:
    """Return an operator that takes arrays of other floats in the dtype of the tensor, as real tensors do."""
    return lambda tensor, other: own(tensor, _of_dtype(other, tensor))


def _of_dtype(other: Any, tensor: Any) -> Any:
    is_array = isinstance(other, np.ndarray | np.generic) and other.dtype.kind == "f"
    return other.astype(tensor.dtype) if is_array and keras.backend.is_float_dtype(tensor.dtype) else other


def _divide(first: Any, second: Any) -> Any:
    """Divide as TensorFlow's tensors do: two integers give a float."""
    tensor = first if isinstance(first, keras.KerasTensor) else second
    if keras.backend.is_float_dtype(tensor.dtype):
        return ops.divide(_of_dtype(first, tensor), _of_dtype(second, tensor))
    dtype = "float32" if tensor.dtype in SMALL else "float64"
    cast = [ops.cast(operand, dtype) if hasattr(operand, "dtype") else operand for operand in (first, second)]
    return ops.divide(*cast)
