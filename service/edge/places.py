"""Places of connections: how many may be open, in total and of one address; idle ones make room."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Protocol


class Place(Protocol):
    """An open connection."""

    client_identity: str
    idle_since: float
    transport: asyncio.Transport

    @property
    def is_idle(self) -> bool:
        """Whether it may be closed without losing a request."""
        ...


class Places:
    """Limits on open connections, and how many each client has. Used on the event loop alone."""

    def __init__(self, most: int = 1000, most_of_client: int = 100) -> None:
        self.most, self._most_of_client = most, most_of_client
        self.by_client: Counter[str] = Counter()

    def take(self, client: str, everyone: Collection[Place]) -> str | None:
        """Count a connection of a client; `everyone` has it already. Return the limit that it is over, unless an idle
        one makes room for it.
        """
        self.by_client[client] += 1
        if self.by_client[client] > self._most_of_client:
            if not _close_longest_idle(place for place in everyone if place.client_identity == client):
                return f"{self._most_of_client:,} connections of this client are open already."
        elif len(everyone) > self.most and not _close_longest_idle(everyone):
            return f"{self.most:,} connections are open already."
        return None

    def leave(self, client: str) -> None:
        """Count a connection of a client no more."""
        self.by_client[client] -= 1
        if not self.by_client[client]:
            del self.by_client[client]


def _close_longest_idle(places: Iterable[Place]) -> bool:
    """Close the connection that has waited longest for a request; returns whether there is one."""
    for place in sorted(places, key=lambda place: place.idle_since):
        if place.is_idle and not place.transport.is_closing():
            place.transport.close()
            return True
    return False
