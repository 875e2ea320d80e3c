"""Shared memory in one direction: the writer allocates and copies in, the reader maps and releases.

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

import msgspec

PAGE = mmap.PAGESIZE
"""Spans begin at multiples of this many bytes."""
KEPT_BYTES = 256 * 1024 * 1024
"""Pages kept for reuse when an arena becomes idle; the rest is returned to the system."""


class Span(msgspec.Struct, frozen=True, array_like=True):
    """Bytes in the sender's arena; the reader frees them with `Release`."""

    offset: int
    nbytes: int


def anonymous_file(nbytes: int) -> int:
    """Create a sparse file without a name; returns its descriptor."""
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
        self.used = 0
        """Bytes of allocated pages."""
        self._high_water = 0

    def allocate(self, nbytes: int, reserved: int = 0) -> Span | None:
        """Return the first free span of at least `nbytes`, page-aligned; None if there is none, or if fewer than
        `reserved` bytes would be left for others.
        """
        size = -(-max(nbytes, 1) // PAGE) * PAGE
        if self.used + size + reserved > self.nbytes:
            return None
        for index, (offset, length) in enumerate(self._free):
            if length >= size:
                rest = (offset + size, length - size)
                self._free[index : index + 1] = [rest] if rest[1] else []
                self.used += size
                self._high_water = max(self._high_water, offset + size)
                return Span(offset, nbytes)
        return None

    def free(self, spans: Iterable[Span]) -> None:
        """Free spans; an idle arena returns what it holds beyond KEPT_BYTES to the system."""
        for span in spans:
            size = -(-max(span.nbytes, 1) // PAGE) * PAGE
            self._free.append((span.offset, size))
            self.used -= size
        self._free = _merge(sorted(self._free))
        if self.used == 0 and self._high_water > KEPT_BYTES:
            self._return_pages()

    def _return_pages(self) -> None:
        if hasattr(mmap, "MADV_REMOVE"):
            self._map.madvise(mmap.MADV_REMOVE, KEPT_BYTES, self._high_water - KEPT_BYTES)
        self._high_water = KEPT_BYTES

    def view(self, span: Span) -> memoryview:
        """Return the bytes of a span, without a copy."""
        return self._view[span.offset : span.offset + span.nbytes]

    def close(self) -> None:
        """Unmap, unless a view is still in use; then the map is closed with the last view."""
        with suppress(BufferError):
            self._view.release()
            self._map.close()


def _merge(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Merge adjacent free spans."""
    merged: list[tuple[int, int]] = []
    for offset, length in spans:
        if merged and merged[-1][0] + merged[-1][1] == offset:
            merged[-1] = (merged[-1][0], merged[-1][1] + length)
        else:
            merged.append((offset, length))
    return merged
