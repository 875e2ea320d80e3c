"""Constants among the operands of an operation: numbers and small arrays, written out."""

from __future__ import annotations

from typing import Any

import numpy as np

from layerscope_client.keras.graph import Tensor

MAX_INLINE = 16
"""Most numbers of an array that is written out; larger ones are weights."""
BEYOND = 1e300
"""Written for infinity, which JSON lacks: it is infinite in float32 and in anything smaller."""


def is_inline(tensor: Tensor) -> bool:
    """Whether a tensor is a constant that is written out, of an axis of the batch with one row."""
    if tensor.values is None:
        return False
    values = tensor.values
    return bool(0 < values.size <= MAX_INLINE) and (values.dtype.kind in "iub" or _is_writable(values))


def _is_writable(values: np.ndarray[Any, Any]) -> bool:
    """Whether every number has a form in JSON: there is none for NaN, nor in float64 for infinity."""
    return bool(np.isfinite(values).all()) or not (np.isnan(values).any() or values.dtype == np.float64)


def inline(value: Any) -> Any:
    """Return a number or a constant tensor as an operand."""
    if isinstance(value, Tensor):
        return {"value": _finite(value.values), "dtype": value.dtype}
    if isinstance(value, bool):
        return {"value": value, "dtype": "bool"}
    return float(np.clip(value, -BEYOND, BEYOND)) if isinstance(value, float) else value


def _finite(values: np.ndarray[Any, Any]) -> Any:
    kept = values if values.dtype.kind in "iub" else np.clip(values.astype("float64"), -BEYOND, BEYOND)
    return kept.tolist()
