"""Items in the order of their numbers: calls of an asynchronous Ray actor may overtake one another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class InOrder(Generic[T]):
    """Holds back items that arrive before those with smaller numbers, which count from 0."""

    def __init__(self) -> None:
        self._next = 0
        self._early: dict[int, T] = {}

    def add(self, number: int, item: T) -> Iterator[T]:
        """Yield the items whose turn it is."""
        self._early[number] = item
        while self._next in self._early:
            self._next += 1
            yield self._early.pop(self._next - 1)
