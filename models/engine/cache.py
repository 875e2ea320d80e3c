"""Built models, bounded by bytes, least recently used first out.

The engine serves one request at a time, so a model is built once however many requests wait for it
and is never evicted while it runs.
"""

from __future__ import annotations

import gc
from collections import OrderedDict
from collections.abc import Callable

from models.engine.build import BuiltModel

GARBAGE_SHARE = 0.25
"""Of the budget: what evicted models may still hold. They are full of cycles, so that only a collection frees them."""


class ModelCache:
    """`key` → built model. The model just asked for always stays, however large."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._models: OrderedDict[str, BuiltModel] = OrderedDict()
        self._garbage = 0

    def __len__(self) -> int:
        return len(self._models)

    @property
    def nbytes(self) -> int:
        """What the cached models are taken to hold."""
        return sum(model.nbytes for model in self._models.values())

    def get(self, key: str, make: Callable[[], BuiltModel]) -> tuple[BuiltModel, bool]:
        """The model, and whether it was there already. Others make room for it at once: what follows may fail."""
        found = key in self._models
        model = self._models[key] if found else make()
        self._models[key] = model
        self._models.move_to_end(key)
        self.trim()
        return model, found

    def clear(self) -> None:
        """Forgets every model."""
        self._models.clear()

    def trim(self) -> None:
        """Evicts until the budget holds; called again after each request, which may have compiled something."""
        held = self.nbytes
        while held > self.max_bytes and len(self._models) > 1:
            evicted = self._models.popitem(last=False)[1].nbytes
            held -= evicted
            self._garbage += evicted
        if self._garbage > GARBAGE_SHARE * self.max_bytes:
            gc.collect()
            self._garbage = 0
