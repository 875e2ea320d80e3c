"""Figures of the engines at one moment, for the metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from models.ipc.messages import CacheFigures

CRASH, DEADLINE, MEMORY = CAUSES = ("crash", "deadline", "memory")
"""Causes of an engine's end: it died, was killed, or was replaced for the memory it held."""


@dataclass(frozen=True)
class EngineFigures:
    """One engine: whether it is ready, and its resident bytes without those shared with the front."""

    is_ready: bool = False
    resident_bytes: int = 0
    held_bytes: int = 0
    """Bytes of its reply arena that clients have not read yet."""
    input_bytes: int = 0
    """Bytes of its input arena that it has not read yet."""
    cache: CacheFigures = field(default_factory=CacheFigures)
    """Its built models after its last run."""


@dataclass(frozen=True)
class Figures:
    """All engines and queues."""

    engines: tuple[EngineFigures, ...] = ()
    spares: tuple[EngineFigures, ...] = ()
    restarts: Mapping[str, int] = field(default_factory=Counter)
    """Engines that ended, by cause."""
    queued: int = 0
    queued_bytes: int = 0
    queued_seconds: float = 0.0
    """Estimated seconds of the work that waits."""
