"""Places for engines, and the lines in front of them."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from service.engine_process import EngineProcess
from service.jobs import Job


@dataclass
class Slot:
    """A place for one engine: the process that fills it now, and the jobs in line for it."""

    number: int
    process: EngineProcess | None = None
    waiting: deque[Job] = field(default_factory=deque)
    running: deque[Job] = field(default_factory=deque)
    next_id: int = 1
    early_deaths: int = 0
    restart: asyncio.TimerHandle | None = None
    started: float = 0.0
    """When its engine was, or will be, by the loop's clock."""

    @property
    def load(self) -> int:
        """Jobs in line."""
        return len(self.waiting) + len(self.running)

    @property
    def ready(self) -> bool:
        """Whether the engine takes work."""
        return self.process is not None and self.process.ready is not None

    def seconds_until_ready(self, start_seconds: float) -> float:
        """What is left of a start that takes as long as this."""
        left = self.started + start_seconds - asyncio.get_running_loop().time()
        return 0.0 if self.ready else max(0.0, left)
