"""Runs that have come whole and are not in line yet: bodies are still decoded when the next heads come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol

from models.errors import Overloaded

SCOPE_KEY = "layerscope.arrival"


class Arrivals:
    """By client. Those whose bodies still come are not among them, however long that takes."""

    def __init__(self) -> None:
        self.by_client: Counter[str] = Counter()

    def expect(self, client: str) -> Arrival:
        """A request that has begun."""
        return Arrival(self.by_client, client)


class Arrival:
    """One of them, from its last byte until it is in line or answered."""

    __slots__ = ("_by_client", "_client", "_has_come", "_has_ended")

    def __init__(self, by_client: Counter[str], client: str) -> None:
        self._by_client, self._client = by_client, client
        self._has_come = self._has_ended = False

    def come(self) -> None:
        """All of it is there; of one that is answered already that makes no difference."""
        if not self._has_ended:
            self._by_client[self._client] += 1
            self._has_come = True

    def end(self) -> None:
        """It is in line, or never will be; more than once makes no difference."""
        if self._has_come and not self._has_ended:
            self._by_client[self._client] -= 1
            if not self._by_client[self._client]:
                del self._by_client[self._client]
        self._has_ended = True


def arrival_of(scope: Mapping[str, Any]) -> Arrival | None:
    """The arrival of a request, where it is a run that came by a connection of ours."""
    arrival: Arrival | None = scope.get(SCOPE_KEY)
    return arrival


class Gate(Protocol):
    """What connections ask before a request is read."""

    arrivals: Arrivals

    def refusal(self, client: str) -> Overloaded | None:
        """Why a run that a client asks for need not be read."""
