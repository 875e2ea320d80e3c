"""The view `reduce`: fewer axes, `mean@h,w`. Axes are named n, t, d, h, w, c, by rank (see `tensor_type.AXES`)."""

from __future__ import annotations

from math import prod
from typing import Any

import msgspec
import numpy as np

from models.errors import InvalidOption, did_you_mean, shown
from models.tensors.dtypes import DTYPES, Array, kind_of
from models.views.tensor_type import MAX_TEXT, NAMELESS, TensorType

FUNCTIONS = ("mean", "max", "min", "sum", "std", "l2", "argmax")
EXPECTED = f"one of {', '.join(FUNCTIONS)}, @, and axes out of n, t, d, h, w, c"
EXAMPLE = 'write "mean@h,w"'


class Reduction(msgspec.Struct, frozen=True):
    """Reduction by a function over named axes, which it removes.

    Sums are in double precision whatever the dtype. The result is float32 for float16, bfloat16 and float32 and float64
    for float64, integers and bools; but max and min keep the dtype, sums of integers and bools are int64 (uint64 of
    unsigned ones) and rejected where they do not fit, and argmax is int64. std is the population's; l2 the root of
    the sum of squares. NaN propagates except in argmax, where it ranks lowest: the index for all NaN is 0.
    """

    function: str
    axes: str
    pointer: str

    @property
    def text(self) -> str:
        """The option as a client writes it."""
        return f"{self.function}@{self._axes}"

    @property
    def _axes(self) -> str:
        return ",".join(self.axes)

    def result_type(self, tensor: TensorType, address: str) -> TensorType:
        """Return the type of the result.

        Raises:
            InvalidOption: the tensor has no such axis.
        """
        for axis in self.axes:
            if axis not in tensor.axes:
                raise self._no_such_axis(axis, tensor, address)
        kept = [(length, axis) for length, axis in zip(tensor.shape, tensor.axes, strict=True) if axis not in self.axes]
        shape, axes = tuple(length for length, _ in kept), "".join(axis for _, axis in kept)
        return TensorType(shape, result_dtype(self.function, tensor.dtype), axes)

    def apply(self, array: Array, axes: str, address: str) -> Array:
        """Return the reduced array; `axes` are the names of the array's axes.

        Raises:
            InvalidOption: a sum of integers does not fit 64 bits.
        """
        over = tuple(axes.index(axis) for axis in self.axes)
        if self.function == "sum" and overflows(array, over):
            message = f"{address}: a sum of integers does not fit 64 bits"
            raise InvalidOption.at(
                self.pointer, message, "sums of 64 bits", shown(self.text), f'write "mean@{self._axes}"'
            )
        wide = array.astype(np.float32) if array.dtype.name in ("float16", "bfloat16") else array
        with np.errstate(all="ignore"):  # overflow gives infinity, and NaN stays NaN, as in the layers themselves
            result = _reduce(self.function, wide, over)
            return np.asarray(result, DTYPES[result_dtype(self.function, array.dtype.name)])

    def _no_such_axis(self, axis: str, tensor: TensorType, address: str) -> Exception:
        known = [axis for axis in tensor.axes if axis != NAMELESS]
        expected = f"axes out of {', '.join(known)}" if known else "a tensor whose axes have names: one to five of them"
        message = f"{address}: there is no axis {axis} in a tensor of {len(tensor.shape)} axes"
        return InvalidOption.at(
            self.pointer, message, expected, shown(self.text), "give reduce for each layer, as an object"
        )


def result_dtype(function: str, dtype: str) -> str:
    """Return the dtype of a reduction's result."""
    kind = kind_of(DTYPES[dtype])
    match function:
        case "max" | "min":
            return dtype
        case "argmax":
            return "int64"
        case "sum" if kind != "float":
            return "uint64" if dtype.startswith("uint") else "int64"
    return "float32" if kind == "float" and dtype != "float64" else "float64"


def _reduce(function: str, array: Array, over: tuple[int, ...]) -> Any:
    match function:
        case "l2":
            return np.sqrt(_squares(array, over))
        case "argmax":
            return argmax(array, over[0])
        case "max" | "min":
            return getattr(array, function)(over)
        case "sum" if kind_of(array.dtype) != "float":
            return array.sum(over)  # in 64 bits
    return getattr(array, function)(over, dtype=np.float64)


def overflows(array: Array, over: tuple[int, ...]) -> bool:
    """Whether the sum of a tensor of integers over these axes exceeds 64 bits, where NumPy's would wrap around.

    Exact: unless the largest number already rules it out, the sums of the upper and of the lower 32 bits, which cannot
    overflow for fewer than 2**31 numbers, are combined.
    """
    if array.dtype.kind not in "iu" or array.dtype.itemsize < 8:
        return False
    largest = max(int(array.max()), -int(array.min()))
    if largest * prod(array.shape[axis] for axis in over) <= np.iinfo(array.dtype).max:
        return False
    low = (array & 0xFFFFFFFF).sum(over)
    high = (array >> 32).sum(over) + (low >> 32)
    return bool((high.astype(f"{array.dtype.kind}4") != high).any())


def _squares(array: Array, over: tuple[int, ...]) -> Any:
    """Return the sums of squares, without a copy in double precision."""
    axes = list(range(array.ndim))
    return np.einsum(array, axes, array, axes, [axis for axis in axes if axis not in over], dtype=np.float64)


def argmax(array: Array, axis: int) -> Array:
    """Return the index of the first maximum along an axis; NaN ranks below everything, unlike in NumPy."""
    best: Array = array.argmax(axis)
    if kind_of(array.dtype) != "float" or not np.isnan(array.max(axis)).any():
        return best
    nan = np.isnan(array)
    best = np.where(nan, -np.inf, array).argmax(axis)
    all_nan = np.take_along_axis(nan, np.expand_dims(best, axis), axis).squeeze(axis)
    return np.where(all_nan, (~nan).argmax(axis), best)


def parse_reduction(value: Any, pointer: str) -> Reduction:
    """Parse a reduction.

    Raises:
        InvalidOption: there is no such function or axis, or argmax is given several.
    """
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_TEXT:
        raise InvalidOption.at(pointer, "this is not a reduction", EXPECTED, shown(value), EXAMPLE)
    function, at, rest = (word.strip() for word in value.partition("@"))
    if function not in FUNCTIONS:
        near = did_you_mean(function, FUNCTIONS)
        advice = f'write "{near}{at}{rest}"' if near else None
        raise InvalidOption.at(pointer, "there is no such reduction", EXPECTED, shown(value), advice)
    axes = [axis.strip() for axis in rest.split(",")] if rest else []
    _check_axes(function, axes, value, pointer)
    return Reduction(function, "".join(axes), pointer)


def _check_axes(function: str, axes: list[str], value: str, pointer: str) -> None:
    if not axes:
        message = "a reduction names the axes that it takes away"
        raise InvalidOption.at(pointer, message, EXPECTED, shown(value), f'write "{function}@h,w" or "{function}@c"')
    unknown = [axis for axis in axes if axis not in tuple("ntdhwc")]
    if unknown:
        raise InvalidOption.at(pointer, "there is no such axis", EXPECTED, shown(unknown[0]), EXAMPLE)
    if len(set(axes)) < len(axes):
        raise InvalidOption.at(pointer, "an axis is named twice", "each axis once", shown(value))
    if function == "argmax" and len(axes) > 1:
        raise InvalidOption.at(pointer, "argmax takes one axis", "one axis", shown(value), f'write "argmax@{axes[-1]}"')
