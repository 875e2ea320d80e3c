"""Supervisor of engines: it starts them, restarts them, keeps spares, and renews and retires them."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Protocol

from models.ipc.messages import Reply
from models.lru_cache import LruCache
from service.engines.engine import Engine, MakeEngine
from service.engines.figures import MEMORY
from service.engines.gpus import assigned_gpus
from service.engines.launch import NOT_STARTED
from service.engines.process import EngineProcess
from service.engines.renewal import Verdict
from service.engines.slot import MAX_BUILT, EngineSlot
from service.engines.spares import Spare, Spares, transfer
from service.settings import MIB, Settings

log = logging.getLogger("layerscope.engines")

EXPECTED_START_SECONDS = 10.0
"""Estimate of the first start, most of which is TensorFlow's import."""
RESTART_SECONDS = (0.0, 1.0, 5.0, 30.0)
"""Backoff before another engine is started after one that died before it was ready."""


class Owner(Protocol):
    """Receiver of engine events."""

    def on_message(self, slot: EngineSlot, process: Engine, message: Reply) -> None: ...

    def on_memory_free(self, slot: EngineSlot) -> None: ...

    def on_ready(self, slot: EngineSlot) -> None: ...

    def on_exit(self, slot: EngineSlot, process: Engine) -> None: ...


class EngineSupervisor:
    """Keeps every slot filled with an engine."""

    def __init__(self, settings: Settings, owner: Owner, program: str, make_engine: MakeEngine | None = None) -> None:
        engines, spares = assigned_gpus(settings)
        self.slots = [EngineSlot(number, gpu=gpu) for number, gpu in enumerate(engines)]
        self.spares = Spares([Spare(number, gpu=gpu) for number, gpu in enumerate(spares, len(engines))], self._start)
        self.retiring: list[EngineSlot] = []
        self.joining: list[EngineSlot] = []
        """Slots of engines that are started because requests wait; they take some once they are ready."""
        self._fixed = len(self.slots)
        self.stopping = False
        self.replacements: Counter[str] = Counter()
        """Engines that were replaced while they worked, by cause."""
        self._settings, self._owner, self._program = settings, owner, program
        self._make_engine = make_engine or EngineProcess
        self._start_seconds = EXPECTED_START_SECONDS
        self._ending: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Start every engine, without waiting for them. Spares are started when all others are ready."""
        for slot in self.slots:
            self._start(slot)

    async def stop(self) -> None:
        """End every engine; one that still computes is killed, since its jobs are closed."""
        self.stopping = True
        for slot in self._all():
            if slot.restart is not None:
                slot.restart.cancel()
            self._end(slot)
        if self._ending:
            await asyncio.wait(self._ending)

    def _all(self) -> Iterator[EngineSlot]:
        yield from (*self.slots, *self.joining, *self.spares, *self.retiring)

    def seconds_until_ready(self) -> float:
        """Return the seconds until the first engine is expected to be ready, by the last start's; 0 if one is."""
        starting = [*self.slots, *(spare for spare in self.spares if spare.process is not None)]
        return min(slot.seconds_until_ready(self._start_seconds) for slot in starting)

    def _start(self, slot: EngineSlot) -> None:
        slot.restart = None
        if self.stopping:
            return
        slot.started = asyncio.get_running_loop().time()
        process = self._make_engine(self._settings, slot.gpu, self._program)
        self._assign(slot, process)
        try:
            process.start()
        except NOT_STARTED as error:
            log.warning("engine %d cannot be started: %s", slot.number, error)
            self.on_death(slot)

    def _assign(self, slot: EngineSlot, process: Engine) -> None:
        """Assign a process to a slot, and set its callbacks."""
        slot.process, slot.built = process, LruCache(MAX_BUILT)
        process.on_message = lambda message: self._owner.on_message(slot, process, message)
        process.on_memory_free = lambda: self._owner.on_memory_free(slot)
        process.on_ready = lambda: self._on_ready(slot)
        process.on_exit = lambda: self._owner.on_exit(slot, process)

    def _on_ready(self, slot: EngineSlot) -> None:
        self._start_seconds = asyncio.get_running_loop().time() - slot.started
        slot.early_deaths = 0
        if isinstance(slot, Spare):
            self._promote_successors()
            return
        if slot in self.joining:
            self.joining.remove(slot)
            self.slots.append(slot)
        self._owner.on_ready(slot)
        if all(slot.ready for slot in self.slots):
            self.spares.start()

    def on_death(self, slot: EngineSlot) -> None:
        """Replace the engine of a slot, which has died: at once, or with backoff if it never was ready."""
        process, slot.process = slot.process, None
        if slot.is_retiring or (isinstance(slot, Spare) and slot.successor_of is not None):
            self._drop(slot)
            return
        if slot in self.slots[self._fixed :]:  # another joins if it is needed
            self.slots.remove(slot)
            return
        if process is not None and process.ready is None:
            slot.early_deaths += 1
        pause = RESTART_SECONDS[min(slot.early_deaths, len(RESTART_SECONDS) - 1)]
        loop = asyncio.get_running_loop()
        slot.started, slot.restart = loop.time() + pause, loop.call_later(pause, self._fill, slot)

    def _drop(self, slot: EngineSlot) -> None:
        """Drop a slot that existed for one engine."""
        if isinstance(slot, Spare):
            self.spares.remove(slot)
        else:
            self.retiring.remove(slot)

    def _fill(self, slot: EngineSlot) -> None:
        """Fill a slot with a spare engine, which is ready sooner, else with a new one."""
        slot.restart = None
        spare = None if isinstance(slot, Spare) else self.spares.best_for(slot)
        if spare is None or spare.process is None or self.stopping:
            self._start(slot)
        else:
            self._take(slot, spare, spare.process)

    def _take(self, slot: EngineSlot, spare: Spare, process: Engine) -> None:
        """Move the engine of a spare to a slot, and start another spare."""
        transfer(spare, slot)
        self._assign(slot, process)
        self.spares.refill(spare)
        if slot.ready:
            slot.early_deaths = 0
            self._owner.on_ready(slot)

    def join(self) -> None:
        """Start one more engine."""
        used = {slot.number for slot in self._all()}
        slot = EngineSlot(next(number for number in count() if number not in used), gpu=self.slots[0].gpu)
        slot.used_at = asyncio.get_running_loop().time()
        self.joining.append(slot)
        self._start(slot)

    def leave(self, slot: EngineSlot) -> None:
        """End an engine that joined and has no jobs."""
        (self.joining if slot in self.joining else self.slots).remove(slot)
        if slot.restart is not None:
            slot.restart.cancel()
        self._end(slot)

    def joined(self) -> list[EngineSlot]:
        """Return the slots beyond those of the start, the last first; of engines that are about to be renewed, none."""
        renewed = [spare.successor_of for spare in self.spares]
        return [slot for slot in reversed((*self.slots[self._fixed :], *self.joining)) if slot not in renewed]

    def on_idle(self, slot: EngineSlot) -> None:
        """End a retiring engine that has finished its last job; check the memory of others."""
        if slot.is_retiring:
            if not slot.running:
                self._end(slot)
                self._drop(slot)
        elif (now := asyncio.get_running_loop().time()) >= slot.renewal.next_sample and slot.process is not None:
            self._check_memory(slot, slot.process, now)

    def _check_memory(self, slot: EngineSlot, process: Engine, now: float) -> None:
        resident = process.resident_bytes()
        verdict = slot.renewal.sample(self._settings, resident, process.bytes_at_start, now)
        if verdict is not Verdict.KEEP:
            log.info("engine %d holds %d MiB, %d more than at its start", slot.number, resident // MIB,
                     (resident - process.bytes_at_start) // MIB)  # fmt: skip
        if verdict is Verdict.REPLACE or (verdict is Verdict.RENEW and self.spares.has_ready()):
            self.replace(slot)
        elif verdict is Verdict.RENEW:  # once its successor is ready, so that no request waits for a start
            self.spares.start_successor(slot)

    def replace(self, slot: EngineSlot) -> None:
        """Retire the engine of a slot, and fill the slot with another. One that has died has been replaced already."""
        if slot.process is not None:
            self._retire(slot, slot.process)
            self._fill(slot)

    def _promote_successors(self) -> None:
        """Move every successor that is ready to its slot."""
        for slot, spare, process in self.spares.ready_successors():
            if slot.process is not None:
                self._retire(slot, slot.process)
            elif slot.restart is not None:
                slot.restart.cancel()
                slot.restart = None
            self._take(slot, spare, process)

    def _retire(self, slot: EngineSlot, process: Engine) -> None:
        """Detach the engine from a slot; it finishes the dispatched jobs."""
        self.replacements[MEMORY] += 1
        retiring = slot.detach(process)
        self._assign(retiring, process)
        self.retiring.append(retiring)
        self.on_idle(retiring)

    def _end(self, slot: EngineSlot) -> None:
        """End an engine that has no jobs, or only closed ones."""
        process, slot.process = slot.process, None
        if process is None:
            return
        if slot.running:
            process.kill()
        ending = asyncio.get_running_loop().create_task(process.stop())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
