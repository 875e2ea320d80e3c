"""What one call of a layer costs, in units that a machine does so many of a second."""

from __future__ import annotations

from dataclasses import dataclass, fields

READ_AHEAD = 8
"""Weights that are read, in order and again and again, in the time in which one number is moved to a new place."""
TOGETHER = 16
"""Channels that kernels compute together: with fewer, laying windows out beside each other is what takes time."""

SCATTERED = 5
"""Times that a number takes which is moved alone, and not with its neighbours."""


@dataclass(frozen=True, slots=True)
class Work:
    """Counts. The first four are multiply-adds, apart because machines are not equally fast at them."""

    matrix: float = 0
    """Of products of matrices."""
    convolution: float = 0
    """Of kernels that slide along one or two axes."""
    depthwise: float = 0
    """Of kernels that keep channels apart."""
    volume: float = 0
    """Of kernels that slide along three axes."""
    pooled: float = 0
    """Places that pools look at, for each place that comes out, eight channels at a time."""
    pooled_volume: float = 0
    """Likewise along three axes."""
    moved: float = 0
    """Numbers read or written."""
    launches: float = 0
    """Kernels that are started, whatever they then do."""
    steps: float = 0
    """Steps of loops, each of which waits for the one before."""

    def __add__(self, other: Work) -> Work:
        return Work(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    def times(self, count: float) -> Work:
        """The same work, so many times."""
        return Work(*(getattr(self, one.name) * count for one in fields(self)))
