"""Built models, bounded by bytes, least recently used first out.

The engine computes one request at a time, so a model is built once however many requests wait for it
and is never evicted while it runs.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from itertools import islice

from models.engine.build import BuiltModel
from models.engine.heap import give_back

GARBAGE_SHARE = 0.25
"""Of the budget: what evicted models may still hold. They are full of cycles, so that only a collection frees them."""


class ModelCache:
    """`key` → built model. The model just asked for always stays, however large."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._models: OrderedDict[str, BuiltModel] = OrderedDict()
        self._weighed: dict[str, int] = {}
        self._garbage = 0
        self.nbytes = 0
        """What the cached models are taken to hold."""

    def __len__(self) -> int:
        return len(self._models)

    def get(self, key: str, make: Callable[[], BuiltModel]) -> tuple[BuiltModel, bool]:
        """The model, and whether it was there already. Others make room for it at once: what follows may fail."""
        self._weigh()  # what the last request compiled, though it may have failed
        model = self._models.get(key)
        found = model is not None
        if model is None:
            model = self._models[key] = make()
            self._weigh()
        self._models.move_to_end(key)
        self._make_room()
        return model, found

    def _weigh(self) -> None:
        """The model that was asked for last, the only one that can have grown."""
        for key in islice(reversed(self._models), 1):
            nbytes, before = self._models[key].nbytes, self._weighed.get(key, 0)
            if nbytes != before:
                self.nbytes += nbytes - before
                self._weighed[key] = nbytes

    def clear(self) -> None:
        """Forgets every model."""
        self._models.clear()
        self._weighed.clear()
        self.nbytes = 0

    def trim(self) -> None:
        """Evicts until the budget holds; called again after each request, which may have compiled something for the
        model that was asked for last.
        """
        self._weigh()
        self._make_room()

    def _make_room(self) -> None:
        while self.nbytes > self.max_bytes and len(self._models) > 1:
            evicted = self._weighed.pop(self._models.popitem(last=False)[0])
            self.nbytes -= evicted
            self._garbage += evicted
        if self._garbage > GARBAGE_SHARE * self.max_bytes:
            give_back()
            self._garbage = 0
