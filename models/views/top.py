"""The view `top`: the k largest units of the last axis, with index and value."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import numpy as np

from models.errors import InvalidOption, shown
from models.tensors.dtypes import Array, kind_of
from models.views.tensor_type import TensorType

MAX_K = 2**31 - 1
"""Largest number of units; axes are shorter."""
CHUNK = 1 << 20
"""Elements sorted at a time."""


class Top(msgspec.Struct, frozen=True):
    """Top k of the last axis, largest first; ties by the lowest index, NaN after everything."""

    k: int
    pointer: str

    def result_types(self, tensor: TensorType, address: str) -> tuple[TensorType, TensorType]:
        """Return the types of the indices (int64) and of the values: the tensor's shape with k as the last length.

        Raises:
            InvalidOption: the last axis is shorter than k, or there is none.
        """
        if not tensor.shape:
            raise InvalidOption.at(self.pointer, f"{address}: there is no axis left to rank", "a tensor with an axis")
        length = tensor.shape[-1]
        if length is not None and self.k > length:
            message = f"{address}: the last axis has fewer units"
            raise InvalidOption.at(self.pointer, message, f"1 to {length}", str(self.k))
        shape = (*tensor.shape[:-1], self.k)
        return TensorType(shape, "int64", tensor.axes), TensorType(shape, tensor.dtype, tensor.axes)

    def apply(self, array: Array) -> tuple[Array, Array]:
        """Select the top k as (indices, values)."""
        rows = array.reshape(-1, array.shape[-1])
        indices = np.empty((len(rows), self.k), np.int64)
        step = max(1, CHUNK // rows.shape[1])
        for start in range(0, len(rows), step):
            indices[start : start + step] = _largest(rows[start : start + step], self.k)
        values = np.take_along_axis(rows, indices, axis=1)
        shape = (*array.shape[:-1], self.k)
        return indices.reshape(shape), values.reshape(shape)


def _largest(rows: Array, k: int) -> Array:
    """Return the indices of the k largest. NumPy sorts NaN last; negation (of bits for integers) reverses the order
    stably.
    """
    wide = rows.astype(np.float32) if rows.dtype.name in ("float16", "bfloat16") else rows
    negated: Array = np.negative(wide) if kind_of(rows.dtype) == "float" else np.invert(wide)
    order: Array = np.argsort(negated, axis=1, kind="stable")[:, :k]
    return order


def parse_top(value: Any, pointer: str) -> Top:
    """Parse k from an integer or a text.

    Raises:
        InvalidOption: it is not a number of units.
    """
    number = int(value) if isinstance(value, str) and re.fullmatch(r"\s*\d{1,10}\s*", value, re.ASCII) else value
    if type(number) is not int or not 1 <= number <= MAX_K:
        raise InvalidOption.at(pointer, "top is a number of units", "an integer of at least 1", shown(value))
    return Top(number, pointer)
