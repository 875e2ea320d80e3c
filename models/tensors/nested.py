"""Parser of nested JSON arrays of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from models.errors import InvalidTensor, shown, suggest
from models.limits import MAX_RANK
from models.tensors.dtypes import Array, kind_of
from models.tensors.numbers import Numbers

WORDS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
"""Values that are not JSON numbers, written as strings."""


def parse_nested(raw: Any, pointer: str, dtype: np.dtype[Any] | None = None) -> Array:
    """Parse a number, or arrays of numbers nested to at most MAX_RANK, into a tensor.

    Integers become int64 (uint64 where necessary), all else float64. `dtype` is the later target only:
    for an integer dtype no integer may be rounded, and for bool, true and false are accepted, alone or
    among 1 and 0.

    Raises:
        InvalidTensor: rows of different lengths, a value that is not a number, too many axes, or an
            integer beyond 64 bits; with a pointer to the row or number.
    """
    shape, leaves = _flattened(raw, pointer)
    if isinstance(leaves, np.ndarray):
        return leaves.reshape(shape)
    kinds = set(map(type, leaves))
    if kinds - {bool, int, float}:
        leaves = _with_words(leaves, shape, pointer)
        kinds = set(map(type, leaves))
    if bool in kinds:
        _check_bools(leaves, shape, pointer, dtype)
    if kinds == {bool}:
        return np.array(leaves, np.bool_).reshape(shape)
    integers = kinds <= {int, bool} and bool(kinds)
    array = _integers(leaves, shape, pointer, dtype) if integers else _floats(leaves, shape, pointer, dtype)
    return array.reshape(shape)


def _flattened(raw: Any, pointer: str) -> tuple[tuple[int, ...], list[Any] | Array]:
    """Return the shape, by the first row of each axis, and the numbers in C order."""
    if isinstance(raw, Numbers):
        return raw
    shape: tuple[int, ...] = ()
    level: list[Any] = [raw]
    while level and type(level[0]) is list:
        if len(shape) == MAX_RANK:
            raise InvalidTensor.at(
                pointer, f"a tensor has at most {MAX_RANK} axes", f"at most {MAX_RANK} nested arrays", "more"
            )
        _check_rows(level, shape, pointer)
        shape += (len(level[0]),)
        level = list(chain.from_iterable(level))
    return shape, level


def _check_rows(rows: Sequence[Any], shape: tuple[int, ...], pointer: str) -> None:
    """Check that every row is an array as long as the first; types and lengths in C first, as rows may be millions."""
    length = len(rows[0])
    if set(map(type, rows)) == {list} and set(map(len, rows)) == {length}:
        return
    index = next(i for i, row in enumerate(rows) if type(row) is not list or len(row) != length)
    received = f"length {len(rows[index])}" if type(rows[index]) is list else shown(rows[index])
    expected = f"an array of length {length}, as {pointer_at(pointer, shape, 0) or 'the first'}"
    raise InvalidTensor.at(
        pointer_at(pointer, shape, index), "the rows of a tensor are equally long", expected, received
    )


def pointer_at(pointer: str, shape: Sequence[int], flat: int) -> str:
    """Return the JSON pointer to the element with index `flat` in C order."""
    parts: list[str] = []
    for length in reversed(shape):
        flat, part = divmod(flat, length)
        parts.append(f"/{part}")
    return pointer + "".join(reversed(parts))


def _with_words(leaves: Sequence[Any], shape: tuple[int, ...], pointer: str) -> list[Any]:
    """Replace WORDS by their values."""
    numbers = [WORDS.get(leaf, leaf) if type(leaf) is str else leaf for leaf in leaves]
    for index, leaf in enumerate(numbers):
        if type(leaf) not in (bool, int, float):
            raise InvalidTensor.at(
                pointer_at(pointer, shape, index),
                "an array among numbers" if type(leaf) is list else "this is not a number",
                'a number, "NaN", "Infinity" or "-Infinity"',
                shown(leaf),
                suggest(leaf, WORDS),
            )
    return numbers


def _check_bools(leaves: Sequence[Any], shape: tuple[int, ...], pointer: str, dtype: np.dtype[Any] | None) -> None:
    """Reject true and false among numbers, unless the target dtype is bool: their value would be a guess."""
    if dtype is None or kind_of(dtype) != "bool":
        index = next(i for i, leaf in enumerate(leaves) if type(leaf) is bool)
        raise InvalidTensor.at(
            pointer_at(pointer, shape, index),
            "a truth value among numbers",
            "a number",
            shown(leaves[index]),
            'write 1 or 0; for an input of dtype bool, {"dtype": "bool", "data": …}',
        )


def _integers(leaves: Sequence[Any], shape: tuple[int, ...], pointer: str, dtype: np.dtype[Any] | None) -> Array:
    for wide in (np.int64, np.uint64):
        try:
            return np.array(leaves, wide)
        except OverflowError:
            continue
    if dtype is not None and kind_of(dtype) == "float":
        return _floats(leaves, shape, pointer, dtype)
    index = next((i for i, leaf in enumerate(leaves) if not -(2**63) <= leaf < 2**64), None)
    if index is None:
        index = next(i for i, leaf in enumerate(leaves) if leaf >= 2**63)
    raise InvalidTensor.at(
        pointer_at(pointer, shape, index),
        "the integers do not fit 64 bits",
        "integers of one 64-bit dtype",
        shown(leaves[index]),
        "write large numbers as floats",
    )


def _floats(leaves: Sequence[Any], shape: tuple[int, ...], pointer: str, dtype: np.dtype[Any] | None) -> Array:
    try:
        array = np.array(leaves, np.float64)
    except OverflowError:
        index = next(i for i, leaf in enumerate(leaves) if type(leaf) is int and leaf.bit_length() > 1023)
        raise InvalidTensor.at(
            pointer_at(pointer, shape, index), "the number is too large", "a number below 1.8e308", shown(leaves[index])
        ) from None
    if dtype is not None and kind_of(dtype) == "int":
        _check_exact(leaves, array, shape, pointer)
    return array


def _check_exact(leaves: Sequence[Any], array: Array, shape: tuple[int, ...], pointer: str) -> None:
    """Check that no integer among floats was rounded, for an integer target dtype."""
    for index in np.flatnonzero(np.abs(array) >= 2**53).tolist():
        leaf = leaves[index]
        if type(leaf) is int and int(array[index]) != leaf:
            raise InvalidTensor.at(
                pointer_at(pointer, shape, index),
                "the integer stands among floats, which cannot hold it",
                "only integers, or integers below 2**53",
                shown(leaf),
                "write every number without a point",
            )
