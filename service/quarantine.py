"""Models that kill engines are not run again for a while."""

from __future__ import annotations

import time

from models.errors import Problem, Quarantined

AFTER_DEATHS = 2
"""Engines in a row that one model may kill before it is refused."""
SECONDS = 600.0
MAX_KEYS = 10_000


class Quarantine:
    """Counts, by model, the engines that died while they ran it; a success wipes the count out."""

    def __init__(self) -> None:
        self._deaths: dict[str, tuple[int, float]] = {}

    def check(self, key: str) -> None:
        """Refuses a model that has killed its share.

        Raises:
            Quarantined: for SECONDS after the last death.
        """
        if self._recent(key) >= AFTER_DEATHS:
            raise Quarantined("", [Problem("/model", Quarantined.title, "a model that engines survive")])

    def blame(self, key: str) -> None:
        """An engine died while it ran this model."""
        self._deaths[key] = (self._recent(key) + 1, time.monotonic())
        while len(self._deaths) > MAX_KEYS:
            self._deaths.pop(next(iter(self._deaths)))

    def absolve(self, key: str) -> None:
        """An engine survived this model."""
        self._deaths.pop(key, None)

    def _recent(self, key: str) -> int:
        count, when = self._deaths.get(key, (0, 0.0))
        return count if time.monotonic() - when < SECONDS else 0
