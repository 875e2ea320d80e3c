"""What this process holds in memory, as its allocators count it: freed memory that is not given back is not in it."""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import Any

FIELDS = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
OBJECT_BYTES = 80
"""Of one small object of Python's, on average: measured over the graphs of ten networks."""


class _Counts(ctypes.Structure):
    """glibc's `struct mallinfo2`."""

    _fields_ = [(name, ctypes.c_size_t) for name in FIELDS]


def _counting() -> tuple[Any, Any]:
    """The C library, and its function that counts; None where it has none, and Python's objects alone are counted."""
    try:
        library = ctypes.CDLL(None)
        library.mallinfo2.restype = _Counts
    except (AttributeError, OSError):
        return None, None
    return library, library.mallinfo2


_LIBRARY, _COUNTED = _counting()


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
    if _LIBRARY is not None:
        _LIBRARY.malloc_trim(0)
