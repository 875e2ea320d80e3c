"""Summary statistics of a tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

CHUNK = 1 << 16
"""Elements per step: small enough for the CPU cache, and no temporary is as large as the tensor."""
LARGE = 1e150
"""Larger values are scaled down first: their squares would overflow double precision."""


def statistics(array: np.ndarray) -> dict[str, Any]:
    """Compute min, max, mean and std of the finite values (None without any), the fraction of zeros, and the counts of
    NaN and infinite values. Sums are in double precision; std is the population's.
    """
    flat = array.reshape(-1)
    if flat.dtype.kind not in "fiu":
        flat = flat.astype(np.uint8 if flat.dtype.kind == "b" else np.float32)
    low, high = flat.min(), flat.max()
    non_finite = {"nan": 0, "inf": 0}
    zeros = (flat.size - int(np.count_nonzero(flat))) / flat.size
    if not (np.isfinite(low) and np.isfinite(high)):
        non_finite = {"nan": int(np.isnan(flat).sum()), "inf": int(np.isinf(flat).sum())}
        flat = flat[np.isfinite(flat)]
        if flat.size == 0:
            return {"min": None, "max": None, "mean": None, "std": None, "zeros": zeros, **non_finite}
        low, high = flat.min(), flat.max()
    scale = max(-float(low), float(high))
    mean, std = (value * scale for value in _mean_and_std(flat / scale)) if scale > LARGE else _mean_and_std(flat)
    return {"min": low.item(), "max": high.item(), "mean": mean, "std": std, "zeros": zeros, **non_finite}


def _mean_and_std(flat: np.ndarray) -> tuple[float, float]:
    """Compute both in two passes, which avoids cancellation."""
    mean = float(flat.sum(dtype=np.float64)) / flat.size
    squares = 0.0
    for start in range(0, flat.size, CHUNK):
        deviations = flat[start : start + CHUNK].astype(np.float64) - mean
        squares += float(deviations @ deviations)
    return mean, float(np.sqrt(squares / flat.size))
