"""Which symbolic tensors follow from weights and constants alone, and how many rows those with a batch have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

BATCHES = (37, 41)
"""The sizes of the two batches of a recording: primes that lengths of tensors are rarely multiples of."""
MARK = "_follows_from_weights"
"""The attribute that marks them."""


def mark_fixed(tensors: Iterable[Any]) -> None:
    """Mark symbolic tensors as following from weights alone."""
    for tensor in tensors:
        setattr(tensor, MARK, True)


def is_fixed(tensor: Any) -> bool:
    """Whether a symbolic tensor follows from weights alone."""
    return getattr(tensor, MARK, False)
