"""Fast parser of regular nested JSON arrays of numbers, without a list for every row.

The images of tutorials are written `[[[[0.0], [1.0], …`: 784 numbers in as many lists. With all characters of numbers
removed from such text, its brackets and commas show whether it is regular, and its shape; with the brackets removed,
it is one flat list.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import orjson

from models.limits import MAX_RANK
from models.tensors.dtypes import Array

DIGITS = b"0123456789.-+eE \n\r\t"
"""The characters of numbers, and of the space between them."""


class Numbers(NamedTuple):
    """Shape and values of a regular nested array, in C order: Python numbers or, for a large one, where that is exact,
    an array of int64 or float64.
    """

    shape: tuple[int, ...]
    leaves: list[Any] | Array


def numbers_in(text: bytes) -> Numbers | None:
    """Parse the numbers of one JSON value; None unless it is a regular array of numbers alone, all of them valid: the
    full parser reports the error. The caller has to know that the text is one value: `1[]` is not.
    """
    shape = shape_of(text.translate(None, DIGITS))
    if shape is None:
        return None
    try:
        leaves = orjson.loads(b"[%b]" % text.translate(None, b"[]"))
    except orjson.JSONDecodeError:
        return None
    return Numbers(shape, leaves) if len(leaves) == prod(shape) else None


def shape_of(skeleton: bytes) -> tuple[int, ...] | None:
    """Return the shape of a regular array with exactly these brackets and commas; None where there is none."""
    rank = len(skeleton) - len(skeleton.lstrip(b"["))
    shape: tuple[int, ...] = ()
    row = b""
    for closed in range(1, min(rank, MAX_RANK + 1) + 1):
        end = skeleton.find(b"]" * closed) + closed
        length = (end - (rank - closed) - 1) // (len(row) + 1)
        shape = (length, *shape)
        row = b"[%b]" % ((row + b",") * length)[:-1]
    return shape if row == skeleton and 0 < len(shape) <= MAX_RANK else None
