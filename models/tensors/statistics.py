"""What a tensor's values look like, in a few numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

CHUNK = 1 << 16
"""Elements handled at a time: small enough for the cache, so that nothing tensor-sized is allocated."""
LARGE = 1e150
"""Values beyond it are scaled down first: their squares would not fit double precision."""


def statistics(array: np.ndarray) -> dict[str, Any]:
    """min, max, mean and std of the finite values (null when there are none), the fraction of zeros, and how many
    values are NaN and infinite. Sums are in double precision; std is the population's.
    """
    flat = array.reshape(-1)
    if flat.dtype.kind not in "fiu":
        flat = flat.astype(np.uint8 if flat.dtype.kind == "b" else np.float32)
    low, high = flat.min(), flat.max()
    bad = {"nan": 0, "inf": 0}
    zeros = (flat.size - int(np.count_nonzero(flat))) / flat.size
    if not (np.isfinite(low) and np.isfinite(high)):
        bad = {"nan": int(np.isnan(flat).sum()), "inf": int(np.isinf(flat).sum())}
        flat = flat[np.isfinite(flat)]
        if flat.size == 0:
            return {"min": None, "max": None, "mean": None, "std": None, "zeros": zeros, **bad}
        low, high = flat.min(), flat.max()
    scale = max(-float(low), float(high))
    mean, std = (part * scale for part in _mean_and_std(flat / scale)) if scale > LARGE else _mean_and_std(flat)
    return {"min": low.item(), "max": high.item(), "mean": mean, "std": std, "zeros": zeros, **bad}


def _mean_and_std(flat: np.ndarray) -> tuple[float, float]:
    """In two passes, which loses no digits to cancellation."""
    mean = float(flat.sum(dtype=np.float64)) / flat.size
    squares = 0.0
    for start in range(0, flat.size, CHUNK):
        deviations = flat[start : start + CHUNK].astype(np.float64) - mean
        squares += float(deviations @ deviations)
    return mean, float(np.sqrt(squares / flat.size))
