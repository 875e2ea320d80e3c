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
from models.resident_memory import resident_bytes

GARBAGE_SHARE = 0.25
"""Share of the budget that evicted models may still hold. They are full of cycles, which only a collection frees."""
LOST_BYTES = 128 << 20
"""Tolerated growth of the process beyond the budget: what TensorFlow keeps of evicted models. The front renews an
engine that is over 112 MiB for seconds (service.engines.renewal): until its successor is ready, it makes do with less.
"""


class ModelCache:
    """Cache of key → built model. The model requested last always stays, however large."""

    def __init__(self, max_bytes: int, resident: Callable[[], int] = resident_bytes) -> None:
        self.max_bytes = max_bytes
        self._resident = resident
        self._most_resident: int | None = None
        self._models: OrderedDict[str, BuiltModel] = OrderedDict()
        self._sizes: dict[str, int] = {}
        self._garbage = 0
        self._has_grown = False
        self.nbytes = 0
        """Estimated memory of the cached models."""
        self._evictions = 0

    def __len__(self) -> int:
        return len(self._models)

    def figures(self) -> CacheFigures:
        """Return the figures of now."""
        return CacheFigures(len(self._models), self.nbytes, self._evictions)

    def bound_process(self) -> None:
        """Let the process grow by the budget and LOST_BYTES from now on: models that stay make room for what those that
        were evicted never gave back.
        """
        self._most_resident = self._resident() + self.max_bytes + LOST_BYTES

    def get(self, key: str, build: Callable[[], BuiltModel]) -> tuple[BuiltModel, bool]:
        """Return the model, and whether it was cached. Others are evicted at once: what follows may fail."""
        self._measure()  # what the last request compiled, even if it failed
        model = self._models.get(key)
        cached = model is not None
        if cached:
            self._models.move_to_end(key)
        self._shrink_process()
        if model is None:
            model = self._models[key] = build()
            self._measure()
        self._make_room()
        return model, cached

    def _measure(self, last: int = 1) -> None:
        """Update the sizes of the models requested last, the only ones that can have grown."""
        for key in islice(reversed(self._models), last):
            nbytes, before = self._models[key].nbytes, self._sizes.get(key, 0)
            if nbytes != before:
                self.nbytes += nbytes - before
                self._sizes[key] = nbytes
                self._has_grown = True

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
        self._evict_to(self.max_bytes)
        if self._garbage > GARBAGE_SHARE * self.max_bytes:
            self._release()

    def _shrink_process(self) -> None:
        """Where models have grown and the process is too large, give freed memory back, then evict as many bytes as it
        still is over. Done between requests: the arrays of one do not count.
        """
        if self._has_grown and self._excess() > 0:
            self._release()
            if (excess := self._excess()) > 0:
                self._evict_to(self.nbytes - excess)
                self._release()
        self._has_grown = False

    def _excess(self) -> int:
        return 0 if self._most_resident is None else self._resident() - self._most_resident

    def _evict_to(self, nbytes: int) -> None:
        while self.nbytes > nbytes and len(self._models) > 1:
            evicted = self._sizes.pop(self._models.popitem(last=False)[0])
            self.nbytes -= evicted
            self._garbage += evicted
            self._evictions += 1

    def _release(self) -> None:
        release_memory()
        self._garbage = 0
