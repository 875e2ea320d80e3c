"""Tensors as JSON: nested arrays of numbers that parse to the same bits, and words for NaN and infinities."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import orjson

from models.tensors.dtypes import Array, kind_of, plain
from models.tensors.widening import widened

SMALL = 16_384
"""Numbers of an array small enough for a second one, of bools."""


class NonFinite(NamedTuple):
    """Texts for the values that are not JSON numbers."""

    nan: bytes
    infinity: bytes
    minus_infinity: bytes


STRINGS = NonFinite(b'"NaN"', b'"Infinity"', b'"-Infinity"')
"""As in JSON by the standard."""
NUMBERS = NonFinite(b"NaN", b"Infinity", b"-Infinity")
"""As in JavaScript and most parsers, contrary to the standard."""


def json_text(array: Array) -> bytes:
    """Serialize as nested arrays, rank 0 as one number."""
    value = written(array)
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


def written(array: Array) -> Array | orjson.Fragment:
    """Return the value for orjson to serialize; float16 and bfloat16 are widened to float32, which is exact."""
    wide = plain(widened(array), "")
    if wide.ndim and is_finite(wide):
        return wide
    text = orjson.dumps(np.atleast_1d(wide), option=orjson.OPT_SERIALIZE_NUMPY)
    return orjson.Fragment(with_words(text if wide.ndim else text[1:-1], wide))


def is_finite(array: Array) -> bool:
    """Whether all values are finite. NaN and infinities survive a sum, which needs no second array: another pass is
    needed only if it overflows. For a small array, `errstate` takes longer than all of it.
    """
    if kind_of(array.dtype) != "float":
        return True
    if array.size <= SMALL:
        return bool(np.isfinite(array).all())
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(array.sum())) or bool(np.isfinite(array).all())


def with_words(text: bytes, array: Array, words: NonFinite = STRINGS) -> bytes:
    """Replace each null, which orjson writes for NaN and infinities, by its word; text and array are in C order."""
    if kind_of(array.dtype) != "float":
        return text
    replacements = [word(value, words) for value in array[~np.isfinite(array)].tolist()]
    pieces = text.split(b"null")
    return b"".join(piece + word for piece, word in zip(pieces, [*replacements, b""], strict=True))


def word(value: float, words: NonFinite = STRINGS) -> bytes:
    """Return the text of NaN or an infinity."""
    if math.isnan(value):
        return words.nan
    return words.infinity if value > 0 else words.minus_infinity
