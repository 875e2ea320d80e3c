"""Models out of the store, ready to run: document, network, weights in place while they are used."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cached_property

from starlette.concurrency import run_in_threadpool

from models.documents.document import Document
from models.errors import ModelDamaged
from models.networks.expansion import expand
from models.networks.network import Network
from models.store.entries import Entry
from models.store.names import damaged
from models.store.store import ModelStore
from models.weights.specs import WeightsFile
from service.registry.model import Model


@dataclass(frozen=True)
class CheckedOutModel:
    """A registered model in use."""

    entry: Entry
    model: Model

    @cached_property
    def network(self) -> Network:
        """Its graph."""
        return expand(self.model.document)


@asynccontextmanager
async def checkout(store: ModelStore, reference: str) -> AsyncIterator[CheckedOutModel]:
    """The model of a name or id. Until the block ends its weights stay in place, whatever the name then means.

    Raises:
        NotFound: with the nearest name.
        ModelDamaged: it is not whole in the store.
    """
    try:
        with store.using(reference) as entry:
            found = store.cached(entry)
            document, weights = found if found is not None else await run_in_threadpool(_read, store, entry)
            with _named(entry):
                yield CheckedOutModel(entry, Model(document, entry.name, entry.id, weights=weights))
    finally:
        if store.weights.unused():
            await run_in_threadpool(store.weights.remove_unused)


@contextmanager
def _named(entry: Entry) -> Iterator[None]:
    """An engine that finds weights damaged does not know whose they are."""
    try:
        yield
    except ModelDamaged as error:
        raise damaged(entry.name, error.detail) from None


def _read(store: ModelStore, entry: Entry) -> tuple[Document, WeightsFile | None]:
    return store.document(entry), store.local_weights(entry)
