"""Cost estimates of jobs: seconds of an engine, learned from jobs of the same kind."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

MAX_KNOWN = 8192
NEWEST = 0.5
"""Weight of the last run in the mean of its kind."""
AVERAGED = 0.05
"""Weight of the last run in the mean of all."""


class CostEstimates:
    """Exponentially weighted means of seconds: by kind, else by client, else of all jobs."""

    def __init__(self) -> None:
        self.mean = 0.0
        """Mean seconds of a recent run; 0 before the first."""
        self._known: OrderedDict[Hashable, float] = OrderedDict()

    def estimate(self, kind: Hashable, client: str) -> float:
        """Return the seconds of a job of this kind: a model on inputs of this size."""
        return self._known.get(kind, self._known.get(("client", client), self.mean))

    def learn(self, kind: Hashable, client: str, seconds: float) -> None:
        """Record the seconds of a job, excluding those in which its model was built."""
        self.mean += AVERAGED * (seconds - self.mean) if self.mean else seconds
        for key in (kind, ("client", client)):
            previous = self._known.pop(key, seconds)
            self._known[key] = previous + NEWEST * (seconds - previous)
        while len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)

    def has(self, kind: Hashable) -> bool:
        """Whether a job of this kind has run."""
        return kind in self._known
