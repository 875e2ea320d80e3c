"""Widening of float16 and bfloat16 for formats that lack them."""

from __future__ import annotations

import numpy as np

from models.tensors.dtypes import Array, name_of

WIDENED = ("float16", "bfloat16")


def widened(array: Array, names: tuple[str, ...] = WIDENED) -> Array:
    """Return the array as float32 where its dtype is one of `names`; exact, since float32 holds both."""
    return array.astype(np.float32) if name_of(array.dtype) in names else array
