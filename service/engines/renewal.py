"""Renewal of engines whose memory has grown beyond its bounds."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto

from service.settings import MIB, Settings

log = logging.getLogger("layerscope.engines")

HEADROOM_BYTES = 112 * MIB
"""Tolerated growth beyond the memory at start plus the cache: a cache full of networks in use stays below it, a dozen
in turn do not. The rest of the promised bound of 256 MiB is for requests that run while the successor starts.
"""
SAMPLE_SECONDS = 0.5
SAMPLES = 4
"""Consecutive samples over the bound before an engine is renewed: a running request takes memory, too."""
PAUSE_SECONDS, LONGEST_PAUSE = 20.0, 3600.0
"""Least and longest time between renewals of one slot: doubled where an engine is over the bound again within it, as
its load needs more memory than it may use. One that takes longer to grow has earned its start.
"""


class Verdict(Enum):
    """Decision about an engine."""

    KEEP = auto()
    RENEW = auto()
    """Replace it when a successor is ready."""
    REPLACE = auto()
    """Replace it after its dispatched jobs, whether a successor is ready or not."""


@dataclass
class Renewal:
    """Memory monitor of the engines of one slot."""

    next_sample: float = 0.0
    _samples: deque[int] = field(default_factory=lambda: deque(maxlen=SAMPLES))
    _not_before: float = 0.0
    _pause: float = PAUSE_SECONDS
    _has_warned: bool = False

    def sample(self, settings: Settings, resident: int, at_start: int, now: float) -> Verdict:
        """Decide about an engine by its resident bytes, without those that it shares with the front."""
        self.next_sample = now + SAMPLE_SECONDS
        self._samples.append(resident)
        verdict = self._verdict(settings, resident, at_start)
        if verdict is Verdict.KEEP:
            return verdict
        if now < self._not_before:
            self._warn(resident)
            return Verdict.KEEP
        self._start_pause(now)
        return verdict

    def _verdict(self, settings: Settings, resident: int, at_start: int) -> Verdict:
        ceiling = int(settings.engine_memory)
        if ceiling and resident > ceiling:
            return Verdict.REPLACE
        bound = at_start + int(settings.cache_bytes) + HEADROOM_BYTES
        has_grown = len(self._samples) == SAMPLES and min(self._samples) > bound
        return Verdict.RENEW if has_grown else Verdict.KEEP

    def _start_pause(self, now: float) -> None:
        is_recurring = self._has_warned and now < self._not_before + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE) if is_recurring else PAUSE_SECONDS
        self._not_before, self._has_warned = now + self._pause, False
        self._samples.clear()

    def _warn(self, resident: int) -> None:
        """Log once per pause."""
        if not self._has_warned:
            self._has_warned = True
            log.warning(
                "an engine's memory is at %d MiB again soon after its renewal: its load needs more than "
                "LAYERSCOPE_CACHE_BYTES or LAYERSCOPE_ENGINE_MEMORY allows; no renewal for %d s",
                resident // MIB, self._pause,
            )  # fmt: skip

    def reset(self) -> None:
        """Discard the samples: the slot has another engine."""
        self._samples.clear()
