"""What was worked out of late, bounded by count and by the memory that it takes."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """Values by the bytes that they were made of; what was asked for longest ago goes first. For any thread."""

    def __init__(self, max_count: int, max_bytes: int) -> None:
        self._max_count, self._max_bytes = max_count, max_bytes
        self._values: OrderedDict[bytes, tuple[Value, int]] = OrderedDict()
        self._nbytes = 0
        self._lock = Lock()

    def get(self, key: bytes) -> Value | None:
        """The value, if it is still there."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][0]

    def add(self, key: bytes, value: Value, nbytes: int) -> None:
        """Keeps a value that takes so much memory, unless that alone is over the bound."""
        with self._lock:
            if key in self._values or nbytes > self._max_bytes:
                return
            self._values[key] = (value, nbytes)
            self._nbytes += nbytes
            while len(self._values) > self._max_count or self._nbytes > self._max_bytes:
                self._nbytes -= self._values.popitem(last=False)[1][1]
