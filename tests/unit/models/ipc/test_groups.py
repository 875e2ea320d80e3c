"""Tensors that are transferred as one group."""

from __future__ import annotations

import numpy as np
import pytest

from models.ipc.groups import ALIGNMENT, GROUP_BYTES, grouped, parts, starts
from models.ipc.messages import TensorInfo


def tensors(sizes: list[int]) -> list[TensorInfo]:
    """Describe byte tensors of these sizes."""
    return [TensorInfo(str(number), "uint8", (size,), size) for number, size in enumerate(sizes)]


@pytest.mark.parametrize("sizes", [[], [1], [0], [3, 0, 70, 64, 1], [GROUP_BYTES, 1, GROUP_BYTES - 1, 1, 5]])
def test_grouped_tensors_are_intact_and_aligned(sizes: list[int]) -> None:
    """In order, for all sizes; a group is closed once it is large enough."""
    generator = np.random.default_rng(0)
    sent = [generator.bytes(size) for size in sizes]
    received = []
    for group in grouped(tensors(sizes)):
        inside = [info.nbytes for info in group]
        assert sum(inside[:-1]) < GROUP_BYTES
        *begins, size = starts(inside)
        assert all(begin % ALIGNMENT == 0 for begin in begins)
        memory = bytearray(size)
        for info, begin in zip(group, begins, strict=True):
            memory[begin : begin + info.nbytes] = sent[int(info.name)]
        received += [bytes(part) for part in parts(memoryview(memory), inside)]
    assert received == sent


def test_large_tensors_are_not_grouped() -> None:
    """So that one is sent while the next is copied."""
    assert [len(group) for group in grouped(tensors([GROUP_BYTES] * 3))] == [1, 1, 1]
