"""What this process holds in memory, as its allocators count it: freed memory that is not given back is not in it."""

from __future__ import annotations

import ctypes
import gc
import sys
from contextlib import suppress
from typing import Any

FIELDS = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
OBJECT_BYTES = 80
"""Of one small object of Python's, on average: measured over the graphs of ten networks."""


class _Counts(ctypes.Structure):
    """glibc's `struct mallinfo2`."""

    _fields_ = [(name, ctypes.c_size_t) for name in FIELDS]


try:
    _LIBC: ctypes.CDLL | None = ctypes.CDLL(None)
    _COUNTED: Any = ctypes.CDLL(None).mallinfo2
    _COUNTED.restype = _Counts
except (AttributeError, OSError):  # another C library: only Python's own objects are counted
    _LIBC = _COUNTED = None


def held_bytes() -> int:
    """Bytes in use: weights, graphs and kernels, which C++ allocates, and Python's objects. Takes a millisecond."""
    objects = sys.getallocatedblocks() * OBJECT_BYTES
    if _COUNTED is None:
        return objects
    counts = _COUNTED()
    return int(counts.uordblks) + int(counts.hblkhd) + objects


def give_back() -> None:
    """Collects garbage, and gives the memory that it held back to the system."""
    gc.collect()
    if _LIBC is not None:
        with suppress(AttributeError):
            _LIBC.malloc_trim(0)
