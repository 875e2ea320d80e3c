"""Tensors that travel together come out as they went in."""

from __future__ import annotations

import numpy as np
import pytest

from models.engine.groups import ALIGNMENT, GROUP_BYTES, grouped, pack, parts, starts


@pytest.mark.parametrize("sizes", [[], [1], [0], [3, 0, 70, 64, 1], [GROUP_BYTES, 1, GROUP_BYTES - 1, 1, 5]])
def test_every_tensor_comes_out_whole_and_aligned(sizes: list[int]) -> None:
    """In order, whatever their sizes; a group is no larger than it has to be."""
    generator = np.random.default_rng(0)
    sent = [memoryview(generator.bytes(size)) for size in sizes]
    received = []
    for group in grouped(sent):
        inside = [tensor.nbytes for tensor in group]
        assert sum(inside[:-1]) < GROUP_BYTES
        target = memoryview(bytearray(starts(inside)[-1]))
        pack(target, group)
        assert all(start % ALIGNMENT == 0 for start in starts(inside))
        received += parts(target, inside)
    assert received == sent


def test_large_tensors_travel_alone() -> None:
    """So that one goes out while the next is copied."""
    large = memoryview(bytes(GROUP_BYTES))
    assert [len(group) for group in grouped([large] * 3)] == [1, 1, 1]
