"""Tensors that travel together: each message wakes the other side, which costs as much as copying 100 kB."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

from models.ipc.messages import TensorInfo

GROUP_BYTES = 1 << 20
"""A group ends with the tensor that makes it so large; one goes out while the next is copied."""
ALIGNMENT = 64
"""Bytes that each tensor of a group starts at a multiple of."""


def grouped(tensors: Iterable[TensorInfo]) -> list[list[TensorInfo]]:
    """The tensors, in order, in groups."""
    groups: list[list[TensorInfo]] = []
    nbytes = GROUP_BYTES
    for info in tensors:
        if nbytes >= GROUP_BYTES:
            groups.append([])
            nbytes = 0
        groups[-1].append(info)
        nbytes += info.nbytes
    return groups


def starts(sizes: Sequence[int]) -> list[int]:
    """Where each tensor of a group starts, and where the group ends."""
    return list(accumulate((-(-size // ALIGNMENT) * ALIGNMENT for size in sizes), initial=0))


def parts(packed: memoryview, sizes: Sequence[int]) -> list[memoryview]:
    """The tensors of a group, over its memory."""
    return [packed[start : start + size] for start, size in zip(starts(sizes), sizes, strict=False)]
