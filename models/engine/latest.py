"""Least recently used cache, bounded by count."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from threading import Lock
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class LruCache(Generic[Key, Value]):
    """Thread-safe LRU cache of computed values. Two threads may compute the same value."""

    def __init__(self, max_count: int) -> None:
        self._max_count = max_count
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        """Return the value of a key, computed on first use; nothing is cached if that fails."""
        try:
            value = self._values[key]
        except KeyError:
            value = make()
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            if len(self._values) > self._max_count:
                self._values.popitem(last=False)
        return value

    def values(self) -> Iterable[Value]:
        """Return all cached values."""
        return self._values.values()

    def clear(self) -> None:
        """Remove every value."""
        self._values.clear()
