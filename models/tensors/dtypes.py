"""Supported dtypes of tensors: names, byte order, and names in the safetensors format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import ml_dtypes
import numpy as np

from models.errors import InvalidTensor, shown
from models.errors.suggestions import dtype_advice

Array = np.ndarray[Any, Any]

DTYPES: Mapping[str, np.dtype[Any]] = {
    name: np.dtype(getattr(ml_dtypes, name, name)).newbyteorder("<")
    for name in (
        "float16", "bfloat16", "float32", "float64", "int8", "int16", "int32", "int64",
        "uint8", "uint16", "uint32", "uint64", "bool",
    )
}  # fmt: skip
"""NumPy's dtype, little-endian, by name."""

SAFETENSORS_CODES: Mapping[str, str] = {
    "float16": "F16", "bfloat16": "BF16", "float32": "F32", "float64": "F64", "int8": "I8", "int16": "I16",
    "int32": "I32", "int64": "I64", "uint8": "U8", "uint16": "U16", "uint32": "U32", "uint64": "U64", "bool": "BOOL",
}  # fmt: skip
"""The name of each dtype in the safetensors format."""

EXPECTED = f"one of {', '.join(DTYPES)}"


NAMES: Mapping[np.dtype[Any], str] = {dtype: name for name, dtype in DTYPES.items()} | {
    dtype.newbyteorder(">"): name for name, dtype in DTYPES.items()
}
"""The name of each of these dtypes in either byte order; NumPy takes 3 µs to build one."""
FLOATS = frozenset(dtype for dtype, name in NAMES.items() if "float" in name)
"""The floating-point dtypes, in either byte order."""


def name_of(dtype: np.dtype[Any]) -> str:
    """Return the name of a dtype."""
    return NAMES.get(dtype) or dtype.name


def dtype_named(name: Any, pointer: str) -> np.dtype[Any]:
    """Return the dtype of this name.

    Raises:
        InvalidTensor: there is none; suggests the most similar name.
    """
    if isinstance(name, str) and name in DTYPES:
        return DTYPES[name]
    advice = dtype_advice(name, DTYPES) if isinstance(name, str) else None
    raise InvalidTensor.at(
        pointer, "there is no such dtype", expected=EXPECTED, received=shown(name), suggestion=advice
    )


def plain(array: Array, pointer: str) -> Array:
    """Return the array in C order, little-endian and aligned; copied only if it is not already.

    Raises:
        InvalidTensor: the dtype is not in DTYPES (objects, strings, complex and structured values).
    """
    name = NAMES.get(array.dtype)
    if name is None:
        message = f"tensors of dtype {array.dtype.name[:60]} are not accepted"
        raise InvalidTensor.at(pointer, message, expected=EXPECTED, received=array.dtype.name[:60])
    if array.flags.c_contiguous and array.flags.aligned and array.dtype == DTYPES[name]:
        return array
    return np.require(array, DTYPES[name], ["C", "A"]).reshape(array.shape)


def kind_of(dtype: np.dtype[Any]) -> Literal["bool", "float", "int"]:
    """Return the kind of a dtype of DTYPES; the kind of bfloat16 in NumPy is void."""
    if dtype in FLOATS:
        return "float"
    return "bool" if dtype.kind == "b" else "int"


def from_bytes(data: bytes | memoryview, name: str, shape: tuple[int, ...], pointer: str) -> Array:
    """Return the tensor of little-endian bytes in C order; a view of them where they are aligned.

    Raises:
        InvalidTensor: a bool is neither 0 nor 1. The caller checks the number of bytes.
    """
    array = np.frombuffer(data, DTYPES[name])
    if name == "bool" and array.view(np.uint8).max(initial=0) > 1:
        wrong = shown(int(array.view(np.uint8).max()))
        raise InvalidTensor.at(pointer, "this bool is neither 0 nor 1", expected="bytes of 0 or 1", received=wrong)
    return plain(array.reshape(shape), pointer)
