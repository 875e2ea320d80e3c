"""How several instances share a store."""

from __future__ import annotations

from dataclasses import dataclass

GRACE_SECONDS = 900.0
"""Longer than any request, its upload included."""


@dataclass(frozen=True)
class Sharing:
    """Within `seconds` an instance sees the others' changes; what no name points to is removed after `grace` seconds at
    the earliest.
    """

    seconds: float = 1.0
    grace: float = GRACE_SECONDS
