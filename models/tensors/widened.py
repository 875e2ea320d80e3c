"""What the formats that lack bfloat16 or float16 are given instead."""

from __future__ import annotations

import numpy as np

from models.tensors.dtypes import Array, name_of

WIDENED = ("float16", "bfloat16")


def widened(array: Array, names: tuple[str, ...] = WIDENED) -> Array:
    """The same values as float32 where the dtype is one of `names`; exact, since float32 holds both."""
    return array.astype(np.float32) if name_of(array.dtype) in names else array
