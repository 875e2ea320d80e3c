"""Negative cache: downloads that failed are not tried again for a while."""

from __future__ import annotations

import time
from collections.abc import Callable

from models.errors import WeightsUnavailable

REMEMBERED_SECONDS = 60.0


class NegativeCache:
    """Errors by file name, of which there are as many as Keras offers."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[str, tuple[float, WeightsUnavailable]] = {}

    def remember(self, file: str, error: WeightsUnavailable) -> None:
        """Remember an error, and say in it for how long."""
        error.seconds = REMEMBERED_SECONDS
        self._known[file] = (self._clock() + REMEMBERED_SECONDS, error)

    def check(self, file: str) -> None:
        """Check that a file did not fail recently.

        Raises:
            WeightsUnavailable: the same, with the seconds that are left.
        """
        until, error = self._known.get(file, (0.0, None))
        left = until - self._clock()
        if error is not None and left > 0:
            raise WeightsUnavailable(error.detail, error.problems, left)
