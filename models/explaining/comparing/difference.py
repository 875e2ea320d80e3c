"""The difference of two tensors in figures, for every dtype, NaN and infinities included."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from models.explaining.comparing.agreement import argmax_agreement
from models.explaining.comparing.scales import scales_for
from models.explaining.comparing.sums import Sums
from models.explaining.comparing.tolerance import Tolerance, default_tolerance
from models.explaining.comparing.ulps import counted_in
from models.explaining.comparing.wide import Wide
from models.tensors.dtypes import FLOATS, Array, kind_of

PIECE = 1 << 14
"""Numbers per step: small enough for the CPU cache."""

Status = Literal["equal", "close", "differs", "not_finite", "shape_differs"]


@dataclass(frozen=True, slots=True)
class Place:
    """An element of both tensors."""

    index: tuple[int, ...]
    a: float | int | bool
    b: float | int | bool


@dataclass(frozen=True, slots=True)
class Difference:
    """How far `b` lies from `a`, the reference. Figures are of the positions where both are finite, in double
    precision, and None if there are none. The same NaN or infinity at the same place is no difference.
    """

    status: Status
    """`equal`: the same dtype and bits. `close`: within the tolerance everywhere. `not_finite`: NaN or an infinity of
    one is something else in the other."""
    tolerance: Tolerance
    not_finite: int
    """Positions where one of them is NaN or infinite."""
    at: Place | None
    """The first of the largest differences; with `not_finite` the first such; None if there is no difference."""
    max_abs: float | None = None
    mean_abs: float | None = None
    rel_l2: float | None = None
    """‖a - b‖₂ / ‖a‖₂, infinite if `a` is all zero and `b` is not."""
    cosine: float | None = None
    """None also if one of them is all zero."""
    snr_db: float | None = None
    """Infinite if there is no difference, -inf if `a` is all zero and `b` is not."""
    max_ulp: int | None = None
    """In steps of the dtype with fewer digits; None for integers and bools."""
    argmax_agrees: float | None = None
    """Share of the positions along all axes but the last; None where that has one element, or is the batch."""


def difference(a: Array, b: Array, tolerance: Tolerance | None = None) -> Difference | None:
    """Compare two tensors in pieces; None if their shapes differ. Without a tolerance, that of their dtypes."""
    if a.shape != b.shape:
        return None
    walk = _Walk(a, b, tolerance or default_tolerance(a, b))
    for piece in walk.pieces():
        walk.add(*piece)
    return walk.result()


class _Walk:
    """One pass over two tensors of the same shape."""

    def __init__(self, a: Array, b: Array, tolerance: Tolerance) -> None:
        self.a, self.b, self.tolerance = a, b, tolerance
        self.flat = a.reshape(-1), b.reshape(-1)
        self.sums = Sums(scales_for((x, y) for _, x, y in self.pieces()))
        self.is_equal, self.is_close = a.dtype == b.dtype, True
        self.not_finite = 0
        self.clash: int | None = None

    def pieces(self) -> Iterator[tuple[int, Array, Array]]:
        """Yield the start of each piece, and the piece of both."""
        x, y = self.flat
        for start in range(0, x.size, PIECE):
            yield start, x[start : start + PIECE], y[start : start + PIECE]

    def add(self, start: int, a: Array, b: Array) -> None:
        """Add a piece."""
        is_same = a.dtype == b.dtype and np.array_equal(a.view(np.uint8), b.view(np.uint8))
        self.is_equal = self.is_equal and is_same
        own, wide = (a, b), (Wide.of(a), Wide.of(b))
        finite = np.isfinite(wide[0].high) & np.isfinite(wide[1].high)
        if not finite.all():
            self._add_not_finite(wide[0].high, wide[1].high, finite, start)
            own, wide = (a[finite], b[finite]), (wide[0].chosen(finite), wide[1].chosen(finite))
        if is_same:
            self.sums.add_same(wide[0])
        elif finite.any():
            self.sums.add_ulps(*own)
            self._add_apart(wide, finite, start)

    def _add_apart(self, wide: tuple[Wide, Wide], finite: Array, start: int) -> None:
        apart = self.sums.add(*wide, finite, start)
        with np.errstate(over="ignore"):
            bound = self.tolerance.atol + self.tolerance.rtol * np.abs(wide[0].rounded)
        self.is_close = self.is_close and bool((apart <= bound).all())

    def _add_not_finite(self, a: Array, b: Array, finite: Array, start: int) -> None:
        self.not_finite += int(finite.size - np.count_nonzero(finite))
        clashes = ~finite & ~((a == b) | (np.isnan(a) & np.isnan(b)))
        if self.clash is None and clashes.any():
            self.clash = start + int(clashes.argmax())

    def result(self) -> Difference:
        """Return the figures."""
        place = self.sums.place if self.clash is None else self.clash
        at = None if place is None else self._place(place)
        head = self._status(), self.tolerance, self.not_finite, at
        if not self.sums.count:
            return Difference(*head)
        sums, has_ulps = self.sums, counted_in(self.a.dtype, self.b.dtype) is not None
        ulps, agreement = sums.ulps if has_ulps else None, argmax_agreement(self.a, self.b)
        figures = sums.largest, sums.mean_abs, sums.rel_l2, sums.cosine, sums.snr_db
        return Difference(*head, *figures, ulps, agreement)

    def _status(self) -> Status:
        if self.clash is not None:
            return "not_finite"
        return "equal" if self.is_equal else "close" if self.is_close else "differs"

    def _place(self, place: int) -> Place:
        index = tuple(int(axis) for axis in np.unravel_index(place, self.a.shape))
        return Place(index, *(_number(flat[place]) for flat in self.flat))


def _number(value: Any) -> float | int | bool:
    """Return an element as a plain number."""
    dtype = value.dtype
    return float(value) if dtype in FLOATS else bool(value) if kind_of(dtype) == "bool" else int(value)
