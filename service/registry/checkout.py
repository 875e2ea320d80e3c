"""Checkout of models from the store: their weights are not removed while in use."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool

from models.errors import ModelDamaged
from models.networks.architecture import Architecture
from models.networks.network import Network
from models.store.entries import Entry
from models.store.names import damaged
from models.store.store import ModelStore
from models.weights.specs import WeightsFile
from service.registry.lookup import look
from service.registry.model import Model


@dataclass(frozen=True)
class CheckedOutModel:
    """A registered model in use."""

    entry: Entry
    model: Model

    @property
    def network(self) -> Network:
        """Its network."""
        return self.model.architecture.network


@asynccontextmanager
async def checkout(store: ModelStore, reference: str) -> AsyncIterator[CheckedOutModel]:
    """Yield the model of a name or id. Its weights are not removed before the block ends, even if the name is deleted.

    Raises:
        NotFound: with the nearest name.
        ModelDamaged: it is incomplete in the store.
    """
    await look(store, reference)
    try:
        with store.using(reference) as entry:
            cached = store.cached(entry)
            architecture, weights = cached if cached is not None else await run_in_threadpool(_read, store, entry)
            with _name_in_errors(entry):
                yield CheckedOutModel(entry, Model(architecture, entry.name, entry.id, weights=weights))
    finally:
        if store.weights.unused():
            await run_in_threadpool(store.weights.remove_unused)


@contextmanager
def _name_in_errors(entry: Entry) -> Iterator[None]:
    """Add the model's name to errors of engines about damaged weights, which lack it."""
    try:
        yield
    except ModelDamaged as error:
        raise damaged(entry.name, error.detail) from None


def _read(store: ModelStore, entry: Entry) -> tuple[Architecture, WeightsFile | None]:
    return store.architecture(entry), store.local_weights(entry)
