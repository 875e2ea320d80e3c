"""What lives as long as the service: made in the lifespan, handed to routes through their signatures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from models.store.store import ModelStore
from service.edge.drain import DrainState
from service.engines.client import Engines
from service.options.activation import QueryOptions
from service.registry.loaded import LoadedModels
from service.registry.resolver import Applications
from service.requests.decode_memory import DecodeMemory
from service.requests.upload_permits import UploadPermits
from service.settings import Settings


@dataclass(frozen=True)
class State:
    """The one object of the application's state."""

    settings: Settings
    engines: Engines
    store: ModelStore
    uploads: UploadPermits
    applications: Applications
    served: LoadedModels
    memory: DecodeMemory
    drain: DrainState
    queries: QueryOptions = field(default_factory=QueryOptions)


async def state_of(request: Request) -> State:
    """The application's state, for routes. Not waiting for anything, it runs where the route runs, not on a thread."""
    state = request.app.state.layerscope
    assert isinstance(state, State)  # noqa: S101 (the lifespan put it there)
    return state


StateOf = Annotated[State, Depends(state_of)]
