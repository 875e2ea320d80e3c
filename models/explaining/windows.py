"""Windows that slide over an axis."""

from __future__ import annotations


def window_starts(length: int, window: int, stride: int) -> list[int]:
    """Return where windows begin so that together they cover an axis: every `stride`, the last where the axis ends."""
    starts = list(range(0, length - window + 1, stride))
    return starts if starts[-1] == length - window else [*starts, length - window]
