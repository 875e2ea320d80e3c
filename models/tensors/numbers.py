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
CHUNK_BYTES = 256 * 1024
"""Text that is compared at once, while no other thread runs."""


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
    rank = len(skeleton[: MAX_RANK + 1]) - len(skeleton[: MAX_RANK + 1].lstrip(b"["))
    if not 0 < rank <= MAX_RANK:
        return None
    shape: tuple[int, ...] = ()
    period = 1
    for start in reversed(range(rank)):
        end = len(skeleton) if start == 0 else _find(skeleton, b"]" * (rank - start))
        length, rest = divmod(end - start - 1, period)
        if rest or length < 1 or not _repeats(skeleton, start + 1, end, period):
            return None
        shape, period = (length, *shape), end - start + 1
    return shape if skeleton.endswith(b"]" * rank) else None


def _find(skeleton: bytes, brackets: bytes) -> int:
    """Return the end of the first run of brackets; 0 where there is none."""
    for start in range(0, len(skeleton), CHUNK_BYTES):
        if (found := skeleton.find(brackets, start, start + CHUNK_BYTES + len(brackets) - 1)) >= 0:
            return found + len(brackets)
    return 0


def _repeats(skeleton: bytes, start: int, end: int, period: int) -> bool:
    """Whether the items of an array have the same brackets and commas, and a comma between each two. `end` is after its
    closing bracket, and the first item, of `period - 1` bytes, is known to be right.
    """
    if start + period < end and skeleton[start + period - 1 : start + period] != b",":
        return False
    last = end - 1 - period
    return all(
        skeleton.startswith(skeleton[offset : min(offset + CHUNK_BYTES, last)], offset + period)
        for offset in range(start, last, CHUNK_BYTES)
    )
