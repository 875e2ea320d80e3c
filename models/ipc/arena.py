"""Shared memory in one direction: the writer allocates and copies in, the reader maps and gives back.

The memory is an anonymous file whose descriptor the engine inherits; it has no name, so nothing is
left behind however a process dies, and it takes pages only where it was written.
"""

from __future__ import annotations

import mmap
import os
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress

from models.ipc.messages import Span

PAGE = mmap.PAGESIZE
KEPT_BYTES = 256 * 1024 * 1024
"""Pages kept for reuse when an arena falls idle; what lies beyond goes back to the system."""


def anonymous_file(nbytes: int) -> int:
    """A descriptor of a sparse file without a name."""
    if sys.platform == "linux":
        descriptor = os.memfd_create("layerscope")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, nbytes)
    return descriptor


class Arena:
    """A mapped anonymous file. Only the writing side calls `allocate` and `free`."""

    def __init__(self, descriptor: int, nbytes: int) -> None:
        self.nbytes = nbytes
        self._map = mmap.mmap(descriptor, nbytes)
        self._view = memoryview(self._map)
        self._free = [(0, nbytes)]
        self._used = 0
        self._high = 0

    def allocate(self, nbytes: int, spared: int = 0) -> Span | None:
        """The first free stretch of at least `nbytes`, page-aligned; None when there is none, or when less than
        `spared` bytes would be left for others.
        """
        wanted = -(-max(nbytes, 1) // PAGE) * PAGE
        if self._used + wanted + spared > self.nbytes:
            return None
        for index, (offset, length) in enumerate(self._free):
            if length >= wanted:
                rest = (offset + wanted, length - wanted)
                self._free[index : index + 1] = [rest] if rest[1] else []
                self._used += wanted
                self._high = max(self._high, offset + wanted)
                return Span(offset, nbytes)
        return None

    def free(self, spans: Iterable[Span]) -> None:
        """Takes stretches back; an idle arena returns what it holds beyond KEPT_BYTES."""
        for span in spans:
            wanted = -(-max(span.nbytes, 1) // PAGE) * PAGE
            self._free.append((span.offset, wanted))
            self._used -= wanted
        self._free = _joined(sorted(self._free))
        if self._used == 0 and self._high > KEPT_BYTES:
            self._return_pages()

    def _return_pages(self) -> None:
        if hasattr(mmap, "MADV_REMOVE"):
            self._map.madvise(mmap.MADV_REMOVE, KEPT_BYTES, self._high - KEPT_BYTES)
        self._high = KEPT_BYTES

    def view(self, span: Span) -> memoryview:
        """The bytes of a span, without a copy."""
        return self._view[span.offset : span.offset + span.nbytes]

    def close(self) -> None:
        """Unmaps, if no view is out any more; otherwise the map goes when the last one does."""
        with suppress(BufferError):
            self._view.release()
            self._map.close()


def _joined(stretches: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Neighbouring free stretches as one."""
    joined: list[tuple[int, int]] = []
    for offset, length in stretches:
        if joined and joined[-1][0] + joined[-1][1] == offset:
            joined[-1] = (joined[-1][0], joined[-1][1] + length)
        else:
            joined.append((offset, length))
    return joined
