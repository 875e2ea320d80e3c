"""Memory in use by this process as its allocators count it: freed memory that the process retains is not included."""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import Any

FIELDS = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
"""The fields of `struct mallinfo2`, in order."""
OBJECT_BYTES = 80
"""Average size of one small Python object: measured over the graphs of ten networks."""


class _Counts(ctypes.Structure):
    """glibc's `struct mallinfo2`."""

    _fields_ = [(name, ctypes.c_size_t) for name in FIELDS]


def _load_mallinfo() -> tuple[Any, Any]:
    """Return the C library and its counting function; None where it has none, and only Python objects are counted."""
    try:
        library = ctypes.CDLL(None)
        library.mallinfo2.restype = _Counts
    except (AttributeError, OSError):
        return None, None
    return library, library.mallinfo2


_LIBRARY, _MALLINFO = _load_mallinfo()


def held_bytes() -> int:
    """Return the bytes in use: weights, graphs and kernels, allocated by C++, and Python objects. Takes 1 ms."""
    objects = sys.getallocatedblocks() * OBJECT_BYTES
    if _MALLINFO is None:
        return objects
    counts = _MALLINFO()
    return int(counts.uordblks) + int(counts.hblkhd) + objects


def release_memory() -> None:
    """Collect garbage and return freed memory to the system."""
    gc.collect()
    if _LIBRARY is not None:
        _LIBRARY.malloc_trim(0)
