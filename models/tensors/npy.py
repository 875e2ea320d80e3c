"""Reader of NumPy's .npy format for untrusted files.

Source: numpy/lib/format.py, format versions 1.0 to 3.0.
"""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from math import prod
from mmap import mmap
from typing import Any, NamedTuple

import numpy as np

from models.errors import InvalidTensor, Unparsable, shown
from models.files.signatures import NPY_START
from models.tensors.dtypes import DTYPES, EXPECTED, Array, from_bytes, name_of, plain
from models.tensors.shapes import checked_shape

BY_CODE = {dtype.str[1:]: dtype for name, dtype in DTYPES.items() if name != "bfloat16"}
"""Dtypes by the characters after the byte order in a `descr`."""
Bytes = bytes | mmap
"""The content of a file, in memory or mapped."""
MAX_HEADER = 4096
"""Longest header; NumPy writes 128 bytes, and Python literals are not safe to parse in long texts."""
USUAL = re.compile(
    rb"\{'descr': '([<>|]\w{2,3})', 'fortran_order': (True|False), "
    rb"'shape': \((|\d{1,9},|\d{1,9}(?:, \d{1,9})+)\), \} *\n"
)
"""A header as NumPy writes it."""
LONG = re.compile(rb"(?<=\d)L(?=\s*[,)])")
"""The suffix of long numbers in Python 2: `(2L, 2L)`."""
HEADER_BYTES = 12 + MAX_HEADER
"""Bytes of a file that always include its header."""


def read_npy(data: Bytes, pointer: str = "") -> Array:
    """Read the array of a .npy file: C order, little-endian, a dtype of DTYPES, at most 8 axes.

    Two opaque bytes (`|V2`) are bfloat16, as NumPy writes it.

    Raises:
        Unparsable: it is not a .npy file, or not as long as its header says.
        InvalidTensor: it holds objects, strings, complex or structured values, or too many axes.
    """
    dtype, fortran_order, shape, start = read_npy_header(data, pointer)
    body = memoryview(data)[start:]
    needed = prod(shape) * dtype.itemsize
    if len(body) != needed:
        raise Unparsable.at(
            pointer, "the .npy file is cut short or too long", f"{needed} bytes of data", f"{len(body)} bytes"
        )
    if dtype.byteorder == ">":
        flat = np.frombuffer(body, dtype)
    else:
        flat = from_bytes(body, name_of(dtype), (prod(shape),), pointer)
    return plain(flat.reshape(shape, order="F" if fortran_order else "C"), pointer)


class NpyHeader(NamedTuple):
    """Header of a .npy file, and the offset of its data."""

    dtype: np.dtype[Any]
    fortran_order: bool
    shape: tuple[int, ...]
    start: int


def read_npy_header(data: Bytes, pointer: str = "") -> NpyHeader:
    """Read the header of a .npy file; `data` is all of it, or its first HEADER_BYTES.

    Raises:
        Unparsable, InvalidTensor: as `read_npy`, except for the length of the data.
    """
    start, text = _split(data, pointer)
    return NpyHeader(*_header(text, pointer), start)


def _split(data: Bytes, pointer: str) -> tuple[int, bytes]:
    """Return the offset of the data, and the header's text before it."""
    width = {1: 2, 2: 4, 3: 4}.get(data[6]) if len(data) >= 12 and data[: len(NPY_START)] == NPY_START else None
    if width is None:
        raise Unparsable.at(pointer, "this is not a .npy file", "a .npy file of version 1, 2 or 3", _start_of(data))
    start = 8 + width
    length = int.from_bytes(data[8:start], "little")
    if length > min(MAX_HEADER, len(data) - start):
        expected = f"at most {min(MAX_HEADER, len(data) - start)} bytes of header"
        raise Unparsable.at(pointer, "the header of the .npy file is too long", expected, f"{length} bytes")
    return start + length, data[start : start + length]


@lru_cache(maxsize=64)
def _header(text: bytes, pointer: str) -> tuple[np.dtype[Any], bool, tuple[int, ...]]:
    """Return the dtype, whether the order is Fortran's, and the shape. Clients send the same header many times."""
    header = _literal(text)
    match header:
        case {"descr": descr, "fortran_order": bool(order), "shape": tuple(shape)} if len(header) == 3 and all(
            type(axis) is int and axis >= 0 for axis in shape
        ):
            return _dtype(descr, pointer), order, checked_shape(shape, pointer)
    expected = "a dictionary of descr, fortran_order and shape"
    raise Unparsable.at(pointer, "the header of the .npy file makes no sense", expected, _start_of(text))


def _literal(text: bytes) -> Any:
    """Return the value of a Python literal; None where it is not one. A header as NumPy writes it is matched without
    Python's parser, which takes 60 µs.
    """
    usual = USUAL.fullmatch(text)
    if usual is not None:
        shape = tuple(int(axis) for axis in usual[3].split(b",") if axis.strip())
        return {"descr": usual[1].decode(), "fortran_order": usual[2] == b"True", "shape": shape}
    try:
        return ast.literal_eval(LONG.sub(b"", text).decode("utf-8").strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def _dtype(descr: Any, pointer: str) -> np.dtype[Any]:
    """Return the dtype of a `descr` such as `<f4`; structured dtypes and subarrays are rejected."""
    if descr in ("|V2", "<V2"):
        return DTYPES["bfloat16"]
    if isinstance(descr, str) and len(descr) <= 4 and descr[:1] in "<>|=":
        known = BY_CODE.get(descr[1:])
        if known is not None:
            return known.newbyteorder(">") if descr[0] == ">" else known
    raise InvalidTensor.at(pointer, "arrays of this dtype are not accepted", expected=EXPECTED, received=shown(descr))


def _start_of(data: Bytes) -> str:
    return f"{len(data)} bytes that begin with {data[:16].hex(' ')}" if data else "no bytes"
