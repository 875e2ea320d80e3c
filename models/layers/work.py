"""Cost of one call of a layer, in units with a rate per second on each machine."""

from dataclasses import dataclass, fields

READ_AHEAD = 8
"""Weights that are read, sequentially and repeatedly, in the time of moving one number."""
VECTOR_CHANNELS = 16
"""Channels that kernels compute at once: with fewer, laying out the windows dominates."""

SCATTER_COST = 5
"""Cost of moving a number alone, relative to moving it with its neighbours."""


@dataclass(frozen=True, slots=True)
class Work:
    """Counts of work. The first four are multiply-adds, separate because machines compute them at different rates."""

    matrix: float = 0
    """Multiply-adds of matrix products."""
    convolution: float = 0
    """Multiply-adds of kernels that slide along one or two axes."""
    depthwise: float = 0
    """Multiply-adds of kernels that keep channels separate."""
    volume: float = 0
    """Multiply-adds of kernels that slide along three axes."""
    pooled: float = 0
    """Positions that pools read for all output positions, eight channels at a time."""
    pooled_volume: float = 0
    """The same along three axes."""
    moved: float = 0
    """Numbers read or written."""
    launches: float = 0
    """Kernels launched, whatever they compute."""
    steps: float = 0
    """Sequential steps of loops."""

    def __add__(self, other: "Work") -> "Work":
        return Work(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    def times(self, count: float) -> "Work":
        """Return the work multiplied by `count`."""
        return Work(*(getattr(self, field.name) * count for field in fields(self)))
