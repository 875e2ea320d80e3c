"""How far apart two numbers may be and still be close."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from models.tensors.dtypes import Array, name_of


class Tolerance(NamedTuple):
    """Two numbers are close where |a - b| ≤ atol + rtol · |a|, as in numpy.isclose with `a` as the reference."""

    rtol: float
    atol: float


EXACT = Tolerance(0.0, 0.0)
"""For integers and bools."""
DEFAULTS: Mapping[str, Tolerance] = {
    "float16": Tolerance(1e-3, 1e-5),
    "bfloat16": Tolerance(1.6e-2, 1e-5),
    "float32": Tolerance(1.3e-6, 1e-5),
    "float64": Tolerance(1e-7, 1e-7),
}
"""By dtype. Source: the table in the documentation of torch.testing.assert_close."""


def default_tolerance(a: Array, b: Array) -> Tolerance:
    """Return the tolerance for tensors of these dtypes; of two different ones the wider, as torch.testing does."""
    tolerances = [DEFAULTS.get(name_of(array.dtype), EXACT) for array in (a, b)]
    return Tolerance(max(each.rtol for each in tolerances), max(each.atol for each in tolerances))
