"""Models out of the store, ready to run: document, network, weights in place while they are used."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cached_property

from starlette.concurrency import run_in_threadpool

from models.entries import Entry
from models.expansion import expand
from models.network import Network
from service.activations import Model
from service.state import State


@dataclass(frozen=True)
class Registered:
    """A registered model in use."""

    entry: Entry
    model: Model

    @cached_property
    def network(self) -> Network:
        """Its graph."""
        return expand(self.model.document)


@asynccontextmanager
async def in_use(state: State, reference: str) -> AsyncIterator[Registered]:
    """The model of a name or id. Until the block ends its weights stay in place, whatever the name then means.

    Raises:
        NotFound: with the nearest name.
    """
    kept = ExitStack()
    entry = kept.enter_context(state.store.using(reference))
    try:
        document = await run_in_threadpool(state.store.document, entry)
        weights = await run_in_threadpool(state.store.local_weights, entry) if entry.weights else None
        yield Registered(entry, Model(document, entry.name, entry.id, weights=weights))
    finally:
        if entry.weights:
            await run_in_threadpool(kept.close)  # the last user may have a file to remove, wherever it lies
        else:
            kept.close()
