"""What was worked out of late, bounded by count and by bytes."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """Values by the bytes that they were made of; what was asked for longest ago goes first."""

    def __init__(self, max_count: int, max_bytes: int) -> None:
        self._max_count, self._max_bytes = max_count, max_bytes
        self._values: OrderedDict[bytes, Value] = OrderedDict()
        self._nbytes = 0

    def get(self, key: bytes) -> Value | None:
        """The value, if it is still there."""
        found = self._values.get(key)
        if found is not None:
            self._values.move_to_end(key)
        return found

    def add(self, key: bytes, value: Value) -> None:
        """Keeps a value, unless what it was made of alone is over the bound."""
        if key in self._values or len(key) > self._max_bytes:
            return
        self._values[key] = value
        self._nbytes += len(key)
        while len(self._values) > self._max_count or self._nbytes > self._max_bytes:
            oldest, _ = self._values.popitem(last=False)
            self._nbytes -= len(oldest)
