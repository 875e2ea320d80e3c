"""Lookup of registered models, which other instances may have registered a moment ago."""

from __future__ import annotations

import asyncio

from models.store.entries import Entry
from models.store.store import ModelStore


async def look(store: ModelStore, reference: str) -> None:
    """Have the store look once for a name or id that it does not know, if it is shared.

    Raises:
        StoreUnreachable: it cannot.
    """
    if (pending := store.look_for(reference)) is None:
        return
    error = await asyncio.shield(asyncio.wrap_future(pending))  # which others wait for, too
    if error is not None:
        raise error


async def find_entry(store: ModelStore, reference: str) -> Entry:
    """Return the entry of a name, or of a model id.

    Raises:
        NotFound: with the nearest name.
        ModelDamaged: the file of the name cannot be read.
        StoreUnreachable
    """
    await look(store, reference)
    return store.find(reference)
