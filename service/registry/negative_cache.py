"""Negative cache of failed downloads, which are not retried for a while."""

from __future__ import annotations

import time
from collections.abc import Callable

from models.errors import WeightsUnavailable

TTL_SECONDS = 60.0


class NegativeCache:
    """Recent errors by file name; their number is bounded by that of the files that Keras offers."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._errors: dict[str, tuple[float, WeightsUnavailable]] = {}

    def add(self, file: str, error: WeightsUnavailable) -> None:
        """Cache an error, whose seconds until a retry are set."""
        error.seconds = TTL_SECONDS
        self._errors[file] = (self._clock() + TTL_SECONDS, error)

    def check(self, file: str) -> None:
        """Check that a file did not fail recently.

        Raises:
            WeightsUnavailable: the cached error, with the remaining seconds.
        """
        expiry, error = self._errors.get(file, (0.0, None))
        remaining = expiry - self._clock()
        if error is not None and remaining > 0:
            raise WeightsUnavailable(error.detail, error.problems, remaining)
