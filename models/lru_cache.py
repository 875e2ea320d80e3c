"""Least recently used cache, bounded by count and bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from math import inf
from threading import Lock
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class LruCache(Generic[Key, Value]):
    """Values by key; the least recently used are evicted first. Thread-safe."""

    def __init__(self, max_count: int, max_bytes: float = inf) -> None:
        self._max_count, self._max_bytes = max_count, max_bytes
        self._values: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self._nbytes = 0
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Key) -> Value | None:
        """Return the value of a key; None if it is not cached."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][0]

    def get_or_make(self, key: Key, make: Callable[[], Value], nbytes: int = 0) -> Value:
        """Return the value of a key, made on first use; a failure is not cached. Two threads may make the same value;
        the first is cached.
        """
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key][0]
        value = make()
        self.add(key, value, nbytes)
        return value

    def add(self, key: Key, value: Value, nbytes: int = 0) -> None:
        """Cache a value that takes this much memory, unless that alone exceeds the bound."""
        with self._lock:
            if key in self._values or nbytes > self._max_bytes:
                return
            self._values[key] = (value, nbytes)
            self._nbytes += nbytes
            while len(self._values) > self._max_count or self._nbytes > self._max_bytes:
                self._nbytes -= self._values.popitem(last=False)[1][1]

    def remove(self, key: Key) -> None:
        """Remove a key, if it is cached."""
        with self._lock:
            self._nbytes -= self._values.pop(key, (None, 0))[1]

    def values(self) -> Iterable[Value]:
        """Return all cached values."""
        with self._lock:
            return [value for value, _ in self._values.values()]

    def clear(self) -> None:
        """Remove every value."""
        with self._lock:
            self._values.clear()
            self._nbytes = 0
