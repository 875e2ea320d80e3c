"""Counts of received but not yet queued run requests: their bodies are decoded while the next heads arrive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol

from models.errors import Overloaded

SCOPE_KEY = "layerscope.arrival"
FLOODING_SECONDS = 0.5
"""Time for which a client that was refused counts as one that asks for more than there is."""
REFUSED_PAUSE_SECONDS = FLOODING_SECONDS / 2
"""Time for which a connection whose run was refused is not read while other clients send runs, too: on average, since
not all of a client are to be read at once again, and at most half as long again, since it is still flooding then.
"""


class Arrivals:
    """Run requests by client that are received but not queued. Those with incomplete bodies are not counted."""

    def __init__(self) -> None:
        self.by_client: Counter[str] = Counter()

    def expect(self, client: str) -> Arrival:
        """Register a request whose head has been received."""
        return Arrival(self.by_client, client)


class Arrival:
    """One request, counted from its last byte until it is queued or has a response."""

    __slots__ = ("_by_client", "_client", "_has_ended", "_is_counted", "is_received")

    def __init__(self, by_client: Counter[str], client: str) -> None:
        self._by_client, self._client = by_client, client
        self._is_counted = self._has_ended = self.is_received = False

    def mark_received(self) -> None:
        """Count the request, whose body is complete, unless it has ended."""
        self.is_received = True
        if not self._has_ended:
            self._by_client[self._client] += 1
            self._is_counted = True

    def end(self) -> None:
        """Stop counting: the request is queued, or has a response. Idempotent."""
        if self._is_counted and not self._has_ended:
            self._by_client[self._client] -= 1
            if not self._by_client[self._client]:
                del self._by_client[self._client]
        self._has_ended = True


def arrival_of(scope: Mapping[str, Any]) -> Arrival | None:
    """Return the arrival of a run request received by `Connection`, else None."""
    arrival: Arrival | None = scope.get(SCOPE_KEY)
    return arrival


class Gate(Protocol):
    """Admission check of connections before they read a request."""

    arrivals: Arrivals

    def refusal(self, client: str) -> Overloaded | None:
        """Return the error if a run of this client would be rejected, before it is read."""
        ...

    def floods_beside_others(self, client: str) -> bool:
        """Whether a client asks for more than there is while other clients send runs, too."""
