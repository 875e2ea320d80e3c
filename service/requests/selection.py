"""Selection of a request: tensors of a network, and the view of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool

from models.networks.network import Network
from models.networks.selectors import select
from models.networks.view_selection import views_of
from models.views.view import View

THREAD_NODES = 128
"""Networks of more nodes have selectors resolved on a thread."""
THREAD_CHARACTERS = 256
"""So have selectors of more characters in all."""

Selection = tuple[tuple[str, ...], dict[str, View]]


async def selection_of(network: Network, layers: Sequence[str] | None, views: Mapping[str, Any]) -> Selection:
    """Resolve `layers` to addresses, and the view of each that has one. A long search runs on a thread.

    Raises:
        UnknownAddress, InvalidOption
    """
    if len(network.nodes) > THREAD_NODES or _characters(layers, views) > THREAD_CHARACTERS:
        return await run_in_threadpool(_selection, network, layers, views)
    return _selection(network, layers, views)


def _characters(layers: Sequence[str] | None, views: Mapping[str, Any]) -> int:
    texts = ["".join(value) for value in views.values() if isinstance(value, str | dict)]  # of an object, its selectors
    return sum(map(len, (*(layers or ()), *texts)))


def _selection(network: Network, layers: Sequence[str] | None, views: Mapping[str, Any]) -> Selection:
    outputs = select(network, layers)
    return outputs, views_of(network, outputs, views)
