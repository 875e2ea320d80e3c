"""Files that could not be had, remembered for a while, so that whoever asks again need not wait to be told again."""

from __future__ import annotations

import time
from collections.abc import Callable

from models.errors import WeightsUnavailable

REMEMBERED_SECONDS = 60.0


class NegativeCache:
    """By the file's name, of which there are as many as Keras offers."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[str, tuple[float, WeightsUnavailable]] = {}

    def remember(self, file: str, error: WeightsUnavailable) -> None:
        """From now on, for a while, which the error says."""
        error.seconds = REMEMBERED_SECONDS
        self._known[file] = (self._clock() + REMEMBERED_SECONDS, error)

    def check(self, file: str) -> None:
        """Lets files pass that did not fail lately.

        Raises:
            WeightsUnavailable: as it was, with what is left of that time.
        """
        until, error = self._known.get(file, (0.0, None))
        left = until - self._clock()
        if error is not None and left > 0:
            raise WeightsUnavailable(error.detail, error.problems, left)
