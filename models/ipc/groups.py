"""Grouping of tensors into messages: each message wakes the other process, which costs as much as copying 100 kB."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

from models.ipc.messages import TensorInfo

GROUP_BYTES = 1 << 20
"""A group ends with the tensor that makes it this large; one is sent while the next is copied."""
ALIGNMENT = 64
"""Alignment in bytes of each tensor of a group."""


def grouped(tensors: Iterable[TensorInfo]) -> list[list[TensorInfo]]:
    """Return the tensors, in order, in groups."""
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
    """Return the offset of each tensor of a group, and the size of the group."""
    return list(accumulate((-(-size // ALIGNMENT) * ALIGNMENT for size in sizes), initial=0))


def parts(packed: memoryview, sizes: Sequence[int]) -> list[memoryview]:
    """Return the tensors of a group, as views of its memory."""
    return [packed[start : start + size] for start, size in zip(starts(sizes), sizes, strict=False)]
