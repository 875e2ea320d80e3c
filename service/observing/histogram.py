"""A histogram of times, which takes many at once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the buckets, in seconds; times over the last are in one more."""


class TimeHistogram:
    """How many times fell into each bucket, and their sum."""

    def __init__(self) -> None:
        self._counts = np.zeros(len(BOUNDS) + 1, np.int64)
        self.seconds = 0.0
        """The sum of all times."""

    def add(self, times: Sequence[float]) -> None:
        """Add times, in seconds. A time that equals a bound is in its bucket, as in Prometheus."""
        self._counts += np.bincount(np.searchsorted(BOUNDS, times), minlength=len(BOUNDS) + 1)
        self.seconds += sum(times)

    def buckets(self) -> list[tuple[str, float]]:
        """Return the number of times up to each bound, as Prometheus counts them."""
        names = [*map(str, BOUNDS), "+Inf"]
        return list(zip(names, accumulate(map(float, self._counts)), strict=True))
