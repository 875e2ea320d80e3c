"""Buffers for the tensors of one reply in shared memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from models.engine.arrays import as_bytes
from models.errors import Overloaded
from models.ipc.arena import Arena, Span
from models.ipc.groups import grouped, starts
from models.ipc.messages import INLINE_BYTES, Data, Payload, TensorInfo

LARGE_BYTES = 16 << 20
"""Replies over this leave RESERVED_SHARE of the memory to others, each of which needs little and not for long."""
RESERVED_SHARE = 1 / 16
"""The share of the memory that large replies leave free."""


class ReplyBuffers:
    """Memory allocated before anything is computed; `submit` runs copies in the background meanwhile."""

    def __init__(self, arena: Arena, submit: Callable[[Callable[[], None]], object]) -> None:
        self._arena, self._submit = arena, submit
        self._groups: list[tuple[list[str], np.ndarray, Span | None]] = []
        self._destinations: dict[str, np.ndarray] = {}

    @property
    def is_empty(self) -> bool:
        """Whether the tensors are sent in the head: there are none, or they are too small for shared memory."""
        return not self._groups

    def reserve(self, tensors: Sequence[TensorInfo]) -> None:
        """Allocate memory for a reply's tensors, in this order, unless that was done or they are small.

        Raises:
            Overloaded: backpressure; slow readers make a request wait outside, never in here.
        """
        total = sum(info.nbytes for info in tensors)
        if self._groups or total <= INLINE_BYTES:
            return
        reserved = int(RESERVED_SHARE * self._arena.nbytes) if total > LARGE_BYTES else 0
        for group in grouped(tensors):
            *offsets, size = starts([info.nbytes for info in group])
            memory, span = self._allocate(size, reserved)
            self._groups.append(([info.name for info in group], memory, span))
            for info, offset in zip(group, offsets, strict=True):
                self._destinations[info.name] = memory[offset : offset + info.nbytes]

    def copy(self, tensors: Mapping[str, Any]) -> None:
        """Copy the tensors with reserved memory in the background, while the next are computed."""
        copies = [
            (self._destinations.pop(name), tensor) for name, tensor in tensors.items() if name in self._destinations
        ]
        if copies:
            self._submit(lambda: _copy(copies))

    def messages(self, number: int, tensors: Mapping[str, memoryview]) -> Iterator[Data]:
        """Yield a message for each group; what is not copied yet is taken from `tensors`, while the last is sent."""
        for names, memory, span in self._groups:
            _copy([(self._destinations.pop(name), tensors[name]) for name in names if name in self._destinations])
            yield Data(number, Payload(None, span) if span is not None else Payload(memory.tobytes()), len(names))

    def drop(self) -> None:
        """Free the memory."""
        self._arena.free([span for _, _, span in self._groups if span is not None])
        self._groups.clear()
        self._destinations.clear()

    def _allocate(self, size: int, reserved: int) -> tuple[np.ndarray, Span | None]:
        if size <= INLINE_BYTES:
            return np.empty(size, np.uint8), None
        span = self._arena.allocate(size, reserved)
        if span is None:
            raise Overloaded("Replies that are still being read hold the memory this one needs.")
        return np.frombuffer(self._arena.view(span), np.uint8), span


def _copy(copies: Sequence[tuple[np.ndarray, Any]]) -> None:
    """Copy tensors or their bytes to their destinations; NumPy releases the GIL meanwhile."""
    for destination, tensor in copies:
        np.copyto(destination, np.frombuffer(as_bytes(tensor), np.uint8))
