"""Engines that join while requests wait, and leave when they have been idle.

The cluster's autoscaler adds a machine for those that fit on none, and removes machines without any.
"""

from __future__ import annotations

import asyncio

from service.engines.costs import CostEstimates
from service.engines.slot import EngineSlot
from service.engines.supervisor import EngineSupervisor
from service.settings import Settings

SAMPLE_SECONDS = 0.5
SAMPLES = 2
"""Consecutive samples at which requests wait before another engine joins: bursts pass."""
WAITING_SHARE = 0.25
"""Share of LAYERSCOPE_QUEUE_SECONDS that requests wait for each engine when that is too long."""


class Scaling:
    """Decides how many engines there are, from LAYERSCOPE_ENGINES to LAYERSCOPE_ENGINES_MAX; one joins at a time."""

    def __init__(self, settings: Settings, supervisor: EngineSupervisor, costs: CostEstimates) -> None:
        self._settings, self._supervisor, self._costs = settings, supervisor, costs
        self._timer: asyncio.TimerHandle | None = None
        self._waiting = 0
        """Consecutive samples at which requests waited."""
        self._waited_at = 0.0

    def start(self) -> None:
        """Start to take samples."""
        self._timer = asyncio.get_running_loop().call_later(SAMPLE_SECONDS, self._on_timer)

    def stop(self) -> None:
        """Take no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _on_timer(self) -> None:
        self.sample(asyncio.get_running_loop().time())
        self.start()

    def sample(self, now: float) -> None:
        """Let an engine join if requests wait too long, or one leave that nothing needs."""
        if self._do_wait(now):
            self._waiting, self._waited_at = self._waiting + 1, now
        else:
            self._waiting = 0
        if self._waiting >= SAMPLES:
            supervisor = self._supervisor
            if not supervisor.joining and len(supervisor.slots) < self._settings.engines_max:
                supervisor.join()
            return
        idle = next((slot for slot in self._supervisor.joined() if self._is_idle(slot, now)), None)
        if idle is not None:
            self._supervisor.leave(idle)

    def _do_wait(self, now: float) -> bool:
        """Whether runs wait too long, or one was refused since the last sample."""
        ready = [slot for slot in self._supervisor.slots if slot.ready]
        queues = [slot.runs.queue for slot in self._supervisor.slots]
        if not ready:
            return False  # those of the start come first
        if any(now - queue.last_refusal <= SAMPLE_SECONDS for queue in queues):
            return True
        mean = self._costs.mean  # of runs whose cost was not known when they came
        seconds = sum(max(queue.total.seconds, mean * len(queue)) for queue in queues)
        return seconds > WAITING_SHARE * self._settings.queue_seconds * len(ready)

    def _is_idle(self, slot: EngineSlot, now: float) -> bool:
        """Whether an engine had nothing to do for long; one that starts is for the requests that waited meanwhile."""
        used_at = max(slot.used_at, self._waited_at)
        return slot.load == 0 and now - used_at > self._settings.ray_idle_seconds
