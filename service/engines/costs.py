"""What jobs are expected to take of an engine, by what others like them took."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

MAX_PRICES = 8192
NEWEST = 0.5
"""Weight of the last run among those of its kind."""
AVERAGED = 0.05
"""Weight of the last run among all."""


class CostEstimates:
    """Seconds by kind, else by client, else of all: each an exponentially weighted mean."""

    def __init__(self) -> None:
        self.mean = 0.0
        """Seconds of a run, of all that ran of late; 0 before the first."""
        self._known: OrderedDict[Hashable, float] = OrderedDict()

    def expected(self, kind: Hashable, client: str) -> float:
        """Seconds of a job of this kind: a model on inputs of this size."""
        return self._known.get(kind, self._known.get(("client", client), self.mean))

    def learn(self, kind: Hashable, client: str, seconds: float) -> None:
        """A job took so long, what was built first not counted."""
        self.mean += AVERAGED * (seconds - self.mean) if self.mean else seconds
        for key in (kind, ("client", client)):
            before = self._known.pop(key, seconds)
            self._known[key] = before + NEWEST * (seconds - before)
        while len(self._known) > MAX_PRICES:
            self._known.popitem(last=False)

    def knows(self, kind: Hashable) -> bool:
        """Whether one of this kind has run."""
        return kind in self._known
