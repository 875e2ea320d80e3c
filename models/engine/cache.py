"""Least recently used cache of built models, bounded by bytes.

The engine computes one request at a time, so a model is built once however many requests wait for it
and is never evicted while it runs.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from itertools import islice

from models.engine.build import BuiltModel
from models.engine.heap import release_memory
from models.ipc.messages import CacheFigures

GARBAGE_SHARE = 0.25
"""Share of the budget that evicted models may still hold. They are full of cycles, which only a collection frees."""


class ModelCache:
    """Cache of key → built model. The model requested last always stays, however large."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._models: OrderedDict[str, BuiltModel] = OrderedDict()
        self._sizes: dict[str, int] = {}
        self._garbage = 0
        self.nbytes = 0
        """Estimated memory of the cached models."""
        self._evictions = 0

    def __len__(self) -> int:
        return len(self._models)

    def figures(self) -> CacheFigures:
        """Return the figures of now."""
        return CacheFigures(len(self._models), self.nbytes, self._evictions)

    def get(self, key: str, build: Callable[[], BuiltModel]) -> tuple[BuiltModel, bool]:
        """Return the model, and whether it was cached. Others are evicted at once: what follows may fail."""
        self._measure()  # what the last request compiled, even if it failed
        model = self._models.get(key)
        cached = model is not None
        if model is None:
            model = self._models[key] = build()
            self._measure()
        self._models.move_to_end(key)
        self._make_room()
        return model, cached

    def _measure(self, last: int = 1) -> None:
        """Update the sizes of the models requested last, the only ones that can have grown."""
        for key in islice(reversed(self._models), last):
            nbytes, before = self._models[key].nbytes, self._sizes.get(key, 0)
            if nbytes != before:
                self.nbytes += nbytes - before
                self._sizes[key] = nbytes

    def clear(self) -> None:
        """Remove every model."""
        self._models.clear()
        self._sizes.clear()
        self.nbytes = 0

    def trim(self, last: int = 1) -> None:
        """Evict until the budget holds; called again after each request, which may have compiled something for the
        models requested last.
        """
        self._measure(last)
        self._make_room()

    def _make_room(self) -> None:
        while self.nbytes > self.max_bytes and len(self._models) > 1:
            evicted = self._sizes.pop(self._models.popitem(last=False)[0])
            self.nbytes -= evicted
            self._garbage += evicted
            self._evictions += 1
        if self._garbage > GARBAGE_SHARE * self.max_bytes:
            release_memory()
            self._garbage = 0
