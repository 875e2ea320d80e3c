"""The comparison of two runs: its entries in order of computation, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from models.explaining.comparing.difference import Difference, difference
from models.explaining.comparing.joining import Pair
from models.explaining.comparing.tolerance import Tolerance
from models.tensors.dtypes import Array

EntryStatus = Literal["equal", "close", "differs", "not_finite", "shape_differs", "only_a", "only_b"]
DIVERGENT = frozenset(("differs", "not_finite", "shape_differs"))
"""Statuses of pairs that are not close."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One pair, and its difference if both tensors are there and have one shape."""

    pair: Pair
    status: EntryStatus
    difference: Difference | None = None

    @property
    def address(self) -> str:
        """The address in `a`, or in `b` of what only that has."""
        return self.pair.a or self.pair.b or ""


@dataclass(frozen=True, slots=True)
class ComparedRuns:
    """The entries of two runs, in order of computation."""

    entries: tuple[Entry, ...]

    @property
    def equal(self) -> bool:
        """Whether every tensor is in both, with the same bits."""
        return all(entry.status == "equal" for entry in self.entries)

    @property
    def close(self) -> bool:
        """Whether every tensor is in both, equal or within the tolerance."""
        return all(entry.status in ("equal", "close") for entry in self.entries)

    @property
    def first_divergence(self) -> str | None:
        """The address of the first pair that is neither equal nor close; tensors of one side alone do not count."""
        return next((entry.address for entry in self.entries if entry.status in DIVERGENT), None)


def compare(
    pairs: Sequence[Pair], a: Mapping[str, Array], b: Mapping[str, Array], tolerance: Tolerance | None = None
) -> ComparedRuns:
    """Compare the pairs of tensors of two runs by address."""
    return ComparedRuns(tuple(_entry(pair, a, b, tolerance) for pair in pairs))


def _entry(pair: Pair, a: Mapping[str, Array], b: Mapping[str, Array], tolerance: Tolerance | None) -> Entry:
    if pair.a is None or pair.b is None:
        return Entry(pair, "only_b" if pair.a is None else "only_a")
    found = difference(a[pair.a], b[pair.b], tolerance)
    return Entry(pair, "shape_differs") if found is None else Entry(pair, found.status, found)
