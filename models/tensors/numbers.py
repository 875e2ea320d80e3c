"""Nested JSON arrays of numbers, read without making a list of every row.

The tutorials' pictures are written `[[[[0.0], [1.0], …`: 784 numbers in as many lists. What is left of such text when
everything that numbers are made of is taken out, brackets and commas, says whether it is regular and of what shape;
what is left without the brackets is one flat list.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import orjson

from models.limits import MAX_RANK
from models.tensors.dtypes import Array

DIGITS = b"0123456789.-+eE \n\r\t"
"""What numbers, and the space between them, are written with."""


class Numbers(NamedTuple):
    """Regularly nested arrays: their shape, and the numbers in C order: as they were written, or of many, where nothing
    is lost by it, as int64 or float64.
    """

    shape: tuple[int, ...]
    leaves: list[Any] | Array


def numbers_in(text: bytes) -> Numbers | None:
    """The numbers of one JSON value; None where it is no regular array of numbers alone, or its numbers are not JSON's,
    which those who read it in full have words for. That it is one value, who calls this has to know: `1[]` is not.
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
    """The shape of which brackets and commas are exactly these."""
    rank = len(skeleton) - len(skeleton.lstrip(b"["))
    shape: tuple[int, ...] = ()
    row = b""
    for closed in range(1, min(rank, MAX_RANK + 1) + 1):
        end = skeleton.find(b"]" * closed) + closed
        length = (end - (rank - closed) - 1) // (len(row) + 1)
        shape = (length, *shape)
        row = b"[%b]" % ((row + b",") * length)[:-1]
    return shape if row == skeleton and 0 < len(shape) <= MAX_RANK else None
