"""The tensors of one reply on their way through shared memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from models.engine.arrays import as_bytes
from models.errors import Overloaded
from models.ipc.arena import Arena
from models.ipc.groups import grouped, starts
from models.ipc.messages import INLINE_BYTES, Data, Payload, Span, TensorInfo

LARGE_BYTES = 16 << 20
"""Replies over this leave the SPARED part of the memory to the others, of which each needs little and not for long."""
SPARED = 1 / 16


class ReplyBuffers:
    """Room is made before anything is computed; `meanwhile` does what it is given while more is computed."""

    def __init__(self, arena: Arena, meanwhile: Callable[[Callable[[], None]], object]) -> None:
        self._arena, self._meanwhile = arena, meanwhile
        self._groups: list[tuple[list[str], np.ndarray, Span | None]] = []
        self._places: dict[str, np.ndarray] = {}

    @property
    def is_empty(self) -> bool:
        """Whether the tensors travel in the head: nothing was expected, or so little that it is not worth a parcel."""
        return not self._groups

    def expect(self, tensors: Sequence[TensorInfo]) -> None:
        """Makes room for a reply's tensors, in this order, unless that was done or they are small.

        Raises:
            Overloaded: slow readers make a request wait outside, never in here.
        """
        total = sum(info.nbytes for info in tensors)
        if self._groups or total <= INLINE_BYTES:
            return
        spared = int(SPARED * self._arena.nbytes) if total > LARGE_BYTES else 0
        for group in grouped(tensors):
            *begins, size = starts([info.nbytes for info in group])
            memory, span = self._room(size, spared)
            self._groups.append(([info.name for info in group], memory, span))
            for info, begin in zip(group, begins, strict=True):
                self._places[info.name] = memory[begin : begin + info.nbytes]

    def copy(self, tensors: Mapping[str, Any]) -> None:
        """Has those that are expected copied, while the next are computed."""
        copies = [(self._places.pop(name), tensor) for name, tensor in tensors.items() if name in self._places]
        if copies:
            self._meanwhile(lambda: _copy(copies))

    def messages(self, number: int, tensors: Mapping[str, memoryview]) -> Iterator[Data]:
        """What says where each group is; what has not been copied is taken from `tensors`, while the last goes out."""
        for names, memory, span in self._groups:
            _copy([(self._places.pop(name), tensors[name]) for name in names if name in self._places])
            yield Data(number, Payload(None, span) if span is not None else Payload(memory.tobytes()), len(names))

    def drop(self) -> None:
        """Gives the room back."""
        self._arena.free([span for _, _, span in self._groups if span is not None])
        self._groups.clear()
        self._places.clear()

    def _room(self, size: int, spared: int) -> tuple[np.ndarray, Span | None]:
        if size <= INLINE_BYTES:
            return np.empty(size, np.uint8), None
        span = self._arena.allocate(size, spared)
        if span is None:
            raise Overloaded("Replies that are still being read hold the memory this one needs.")
        return np.frombuffer(self._arena.view(span), np.uint8), span


def _copy(copies: Sequence[tuple[np.ndarray, Any]]) -> None:
    """Tensors or their bytes to their places; NumPy lets other threads run meanwhile."""
    for place, tensor in copies:
        np.copyto(place, np.frombuffer(as_bytes(tensor), np.uint8))
