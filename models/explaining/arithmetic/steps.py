"""Steps of a calculation: each a sum of terms, kept as columns until some of them are listed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import floor, inf, isfinite, log2
from typing import Any

import ml_dtypes
import numpy as np

from models.tensors.dtypes import Array

MAX_TERMS = 4096
"""Most terms of one step that are listed."""
ROUNDING = 2.0**-6
"""Largest |sum - value| / Σ|product| of a sum that adds up: bfloat16 rounds each partial sum by up to 2**-9."""


class NoArithmetic(Exception):
    """A number is not explained; the text says why, in a sentence."""


@dataclass(frozen=True)
class Term:
    """One term: the element of the tensor `name` at `index`, what it is multiplied by, and what it adds to the sum.
    Without a weight, the product is a function of the value that the formula names.
    """

    name: str
    index: tuple[int, ...]
    value: float
    weight: float | None
    product: float


@dataclass(frozen=True)
class Terms:
    """The terms that come from one tensor: the grid of the positions along each axis, row-major, and a float64 for each
    of them.
    """

    name: str
    axes: tuple[Array, ...]
    values: Array
    weights: Array | None
    products: Array

    def __len__(self) -> int:
        return self.products.size

    def listed(self, numbers: Array) -> Iterator[Term]:
        """Yield the terms of these numbers in the grid."""
        places = np.unravel_index(numbers, [len(axis) for axis in self.axes]) if self.axes else ()
        indices = zip(*(axis[place].tolist() for axis, place in zip(self.axes, places, strict=True)), strict=True)
        columns = [
            [None] * len(numbers) if column is None else column.ravel()[numbers].tolist()
            for column in (self.values, self.weights, self.products)
        ]
        for index, value, weight, product in zip(indices if self.axes else [()], *columns, strict=True):
            yield Term(self.name, tuple(index), value, weight, product)


def weighted(name: str, axes: Sequence[Array], values: Array, weights: Array | float) -> Terms:
    """Return terms value · weight. Weights broadcast; one of 0 takes the value out, be it infinite."""
    factors = np.broadcast_to(np.asarray(weights, np.float64), values.shape)
    with np.errstate(invalid="ignore", over="ignore"):
        products = np.where(factors == 0, 0.0, values * factors)
    return Terms(name, tuple(axes), values, factors, products)


def applied(name: str, axes: Sequence[Array], values: Array, products: Array) -> Terms:
    """Return terms that are functions of their values."""
    return Terms(name, tuple(axes), values, None, products)


@dataclass(frozen=True)
class Outside:
    """The cells of a window that lie in the padding: along each axis, the positions in the window that are outside."""

    positions: tuple[tuple[int, ...], ...]
    cells: int
    of: int


@dataclass(frozen=True)
class Step:
    """One sum. `address` is the tensor in which Keras left its value; what no tensor holds has the float64 sum."""

    formula: str
    terms: tuple[Terms, ...]
    bias: float | None = None
    result: Any = None
    address: str | None = None
    outside: Outside | None = None
    dtype: Any = None
    """The dtype that Keras computes in, if it is not that of the value."""

    @cached_property
    def total(self) -> float:
        """The sum of all products, and of the bias, in float64."""
        with np.errstate(invalid="ignore", over="ignore"):
            return float(sum((terms.products.sum() for terms in self.terms), np.float64(self.bias or 0.0)))

    @property
    def value(self) -> float:
        """What Keras computed."""
        return self.total if self.result is None else float(self.result)

    @property
    def terms_total(self) -> int:
        """The number of terms."""
        return sum(map(len, self.terms))

    @cached_property
    def ulps(self) -> float:
        """|sum - value| in units in the last place of the largest term, or of what the formula takes a function of, in
        the dtype of the value; 0 for equal ones that are not finite.
        """
        if self.result is None or self.value == self.total or (self.value != self.value and self.total != self.total):
            return 0.0
        difference = abs(self.total - self.value)
        return difference / ulp(self._largest(), self.dtype or self.result.dtype) if isfinite(difference) else inf

    def _largest(self) -> float:
        """Return the magnitude of the largest number in the sum."""
        plain = (terms.values for terms in self.terms if terms.weights is None)
        columns = (*(terms.products for terms in self.terms), *plain)
        largest = [float(np.abs(column).max(initial=0.0)) for column in columns]
        return max(*largest, abs(self.bias or 0.0), abs(self.value), 0.0)

    def adds_up(self) -> bool:
        """Whether rounding can explain the difference between the sum and the value."""
        total = sum(float(np.abs(terms.products).sum()) for terms in self.terms) + abs(self.bias or 0.0)
        least = 0.0 if self.result is None else float(_info(self.result.dtype).smallest_normal)
        bound = ROUNDING * max(total, abs(self.value)) + least  # what is smaller may be taken for 0
        return self.ulps == 0 or abs(self.total - self.value) <= bound

    def listed(self) -> list[Term]:
        """Return the terms in order; if there are too many, the largest products first, and no more."""
        if self.terms_total <= MAX_TERMS:
            return [term for terms in self.terms for term in terms.listed(np.arange(len(terms)))]
        largest = [term for terms in self.terms for term in terms.listed(_largest_first(terms.products))]
        return sorted(largest, key=lambda term: -abs(term.product))[:MAX_TERMS]


def _largest_first(products: Array) -> Array:
    """Return the numbers of the largest products; those that are no numbers come first, equal ones in order."""
    return np.argsort(-np.abs(np.nan_to_num(products.ravel(), nan=inf)), kind="stable")[:MAX_TERMS]


def ulp(number: float, dtype: Any) -> float:
    """Return the distance between the numbers of a dtype around one: its epsilon times the power of two below."""
    info = _info(dtype)
    least = float(info.smallest_subnormal)
    return max(float(info.eps) * 2.0 ** floor(log2(number)), least) if 0 < number < inf else least


def _info(dtype: Any) -> Any:
    """Return the limits of a dtype; integers are exact in float64."""
    return ml_dtypes.finfo(dtype if np.dtype(dtype).kind in "fV" else np.float64)  # type: ignore[no-untyped-call]
