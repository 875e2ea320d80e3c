"""Application state: created in the lifespan, passed to routes as a dependency."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated

from fastapi import Depends, Request

from models.lru_cache import LruCache
from models.networks.labels import Lengths
from models.store.store import ModelStore
from service.access.authentication import space_of
from service.access.quotas import Price, Quotas
from service.edge.drain import DrainState
from service.engines.client import Engines
from service.options.queries import Queries
from service.registry.loaded import LoadedModels
from service.registry.resolver import ModelResolver
from service.requests.decode_memory import DecodeMemory
from service.requests.upload_permits import UploadPermits
from service.settings import Settings

MAX_PLANNED = 512
"""Networks whose outputs' lengths are kept."""


@dataclass(frozen=True)
class State:
    """Objects with the lifetime of the application."""

    settings: Settings
    engines: Engines
    store: ModelStore
    uploads: UploadPermits
    resolver: ModelResolver
    loaded_models: LoadedModels
    memory: DecodeMemory
    drain: DrainState
    quotas: Quotas
    queries: Queries = field(default_factory=Queries)
    output_lengths: LruCache[str, Lengths] = field(default_factory=lambda: LruCache(MAX_PLANNED))
    """The planned lengths of the outputs of networks with labels, by identity."""
    prices: LruCache[object, Price] = field(default_factory=lambda: LruCache(MAX_PLANNED))
    """The prices of runs, by all that they depend on."""
    spaces: dict[str, State] = field(default_factory=dict)
    """The same state with the models of a space, by its name."""

    def in_space(self, space: str) -> State:
        """Return the state as clients of a space see it: with its models alone."""
        if space not in self.spaces:
            store = self.store.in_space(space)
            self.spaces[space] = replace(self, store=store, loaded_models=LoadedModels(store))
        return self.spaces[space]


async def state_of(request: Request) -> State:
    """Return the application's state. A coroutine, so that FastAPI calls it on the event loop, not in a thread."""
    state = request.app.state.layerscope
    assert isinstance(state, State)  # noqa: S101 (set in the lifespan)
    return state.in_space(space_of(request.scope))


StateOf = Annotated[State, Depends(state_of)]
