"""Zero-copy views of TensorFlow tensors as NumPy arrays and bytes."""

from __future__ import annotations

from typing import Any

import numpy as np


def as_array(tensor: Any) -> np.ndarray:
    """Return a tensor's own memory, without a copy (`.numpy()` would copy)."""
    try:
        return np.asarray(memoryview(tensor))
    except (BufferError, TypeError, ValueError):
        return np.asarray(tensor.numpy())


def as_bytes(tensor: Any) -> memoryview:
    """Return a tensor's own memory as bytes."""
    return flat_bytes(as_array(tensor))


def flat_bytes(array: np.ndarray) -> memoryview:
    """Return an array as bytes in C order; copied only where it is not contiguous."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
