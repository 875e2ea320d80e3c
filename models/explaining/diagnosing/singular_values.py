"""The largest singular value of a matrix, and what it says of its rank."""

from __future__ import annotations

import numpy as np

from models.tensors.dtypes import Array

MAX_GRAM = 256
"""Rows or columns up to which all singular values are computed: of 512 that takes 0.1 s."""
ITERATIONS = 20
"""Most steps of the power method, for larger matrices: each reads the matrix twice."""
SETTLED = 1e-3
"""Relative change of the estimate after which more steps change nothing that matters here."""


def frobenius_norm(matrix: Array) -> float:
    """Return the root of the sum of squares, in double precision and without a copy in it."""
    flat = matrix.reshape(-1)
    return float(np.sqrt(np.einsum("i,i->", flat, flat, dtype=np.float64)))


def spectral_norm(matrix: Array) -> float:
    """Return the largest singular value of a float32 matrix; of one with more than MAX_GRAM rows and columns an
    estimate from below, by the power method from a fixed start.
    """
    if min(matrix.shape) > MAX_GRAM:
        return _by_power_method(matrix)
    tall = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    gram = (tall.T @ tall).astype(np.float64)
    return float(np.sqrt(max(float(np.linalg.eigvalsh(gram)[-1]), 0.0)))


def _by_power_method(matrix: Array) -> float:
    vector, norm = np.random.default_rng(0).normal(size=matrix.shape[1]).astype(matrix.dtype), 0.0
    for _ in range(ITERATIONS):
        last, image = norm, matrix @ (vector / np.linalg.norm(vector))
        norm, vector = float(np.linalg.norm(image)), matrix.T @ image
        if not norm or abs(norm - last) <= SETTLED * norm:
            break
    return norm


def stable_rank(matrix: Array) -> float | None:
    """Return ‖W‖²_F / ‖W‖²₂, from 1 to the rank; None of a matrix that is all zero.

    Source: Rudelson and Vershynin, "Sampling from large matrices" (2007), section 1.1.
    """
    largest = float(np.abs(matrix).max(initial=0))
    if not largest:
        return None
    scaled = (matrix / largest).astype(np.float32, copy=False)
    return (frobenius_norm(scaled) / spectral_norm(scaled)) ** 2
