"""When the engine of a slot has taken so much memory that another takes its place."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto

from service.settings import MIB, Settings

log = logging.getLogger("layerscope.engines")

BESIDES_CACHE = 160 * MIB
"""What an engine may hold more than at its start and its cache together. The rest of the 256 MiB that are promised is
for what comes while its successor starts."""
LOOK_SECONDS = 0.5
LOOKS = 4
"""Looks in a row that find too much, before an engine is renewed: a request that runs takes memory, too."""
PAUSE_SECONDS, LONGEST_PAUSE = 60.0, 3600.0
"""Between renewals of one slot. Doubled where that is not enough: what is asked of it needs more than it may hold."""


class Verdict(Enum):
    """What becomes of an engine."""

    STAYS = auto()
    RENEWED = auto()
    """When a successor is ready."""
    REPLACED = auto()
    """After what it has begun, whether there is a successor or not."""


@dataclass
class Renewal:
    """The memory of one slot's engines."""

    next_look: float = 0.0
    _readings: deque[int] = field(default_factory=lambda: deque(maxlen=LOOKS))
    _not_before: float = 0.0
    _pause: float = PAUSE_SECONDS
    _told: bool = False

    def look(self, settings: Settings, resident: int, at_start: int, now: float) -> Verdict:
        """What becomes of an engine that has so many bytes resident, without what it shares with the front."""
        self.next_look = now + LOOK_SECONDS
        self._readings.append(resident)
        verdict = self._verdict(settings, resident, at_start)
        if verdict is Verdict.STAYS:
            return verdict
        if now < self._not_before:
            self._complain(resident)
            return Verdict.STAYS
        self._begin(now)
        return verdict

    def _verdict(self, settings: Settings, resident: int, at_start: int) -> Verdict:
        ceiling = int(settings.engine_memory)
        if ceiling and resident > ceiling:
            return Verdict.REPLACED
        most = at_start + int(settings.cache_bytes) + BESIDES_CACHE
        grown = len(self._readings) == LOOKS and min(self._readings) > most
        return Verdict.RENEWED if grown else Verdict.STAYS

    def _begin(self, now: float) -> None:
        often = self._not_before and now < self._not_before + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE) if often else PAUSE_SECONDS
        self._not_before, self._told = now + self._pause, False
        self._readings.clear()

    def _complain(self, resident: int) -> None:
        if not self._told:
            self._told = True
            log.warning(
                "an engine holds %d MiB again soon after it was renewed: what is asked of it needs more than "
                "LAYERSCOPE_CACHE_BYTES or LAYERSCOPE_ENGINE_MEMORY; it is left alone for %d s",
                resident // MIB, self._pause,
            )  # fmt: skip

    def start_over(self) -> None:
        """Another engine is there."""
        self._readings.clear()
