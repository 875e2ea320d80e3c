"""TensorFlow's memory as NumPy's, and as bytes."""

from __future__ import annotations

from typing import Any

import numpy as np


def as_array(tensor: Any) -> np.ndarray:
    """A tensor's own memory, without a copy (`.numpy()` would copy)."""
    try:
        return np.asarray(memoryview(tensor))
    except (BufferError, TypeError, ValueError):
        return np.asarray(tensor.numpy())


def as_bytes(tensor: Any) -> memoryview:
    """A tensor's own memory as bytes."""
    return flat_bytes(as_array(tensor))


def flat_bytes(array: np.ndarray) -> memoryview:
    """An array as bytes in C order; copied only where it does not lie so."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
