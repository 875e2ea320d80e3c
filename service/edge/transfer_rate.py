"""Minimum rate at which clients send large bodies and read large replies."""

from __future__ import annotations

GRACE_SECONDS = 30.0
MIN_RATE = 64 * 1024
"""Average bytes per second, after GRACE_SECONDS: else a few clients could hold all upload permits, or all memory of
replies, for hours.
"""


def allowed_seconds(nbytes: int) -> float:
    """Return the time after which a client that has transferred no more than this is too slow."""
    return GRACE_SECONDS + nbytes / MIN_RATE
