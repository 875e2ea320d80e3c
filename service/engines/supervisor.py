"""The life of engines: started, and again where that fails; held in reserve; renewed, and seen off."""

from __future__ import annotations

import asyncio
import logging
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from service.engines.gpus import gpus_of_engines
from service.engines.process import EngineProcess
from service.engines.renewal import Verdict
from service.engines.slot import EngineSlot
from service.settings import MIB, Settings

log = logging.getLogger("layerscope.engines")

EXPECTED_START_SECONDS = 10.0
"""What the first start is expected to take, most of it TensorFlow's import."""
RESTART_SECONDS = (0.0, 1.0, 5.0, 30.0)
"""Pauses before an engine that did not live to become ready is started again."""
NOT_STARTED = (OSError, MemoryError, ValueError, subprocess.SubprocessError)
"""What a machine raises that has no descriptor, memory or process left."""


@dataclass(eq=False)
class Spare(EngineSlot):
    """A place for an engine in reserve. One that is `for_slot` is there until that slot has it."""

    for_slot: EngineSlot | None = None


class EngineSupervisor:
    """Sees to it that slots have engines. The owner is told what they say, and that they are ready or have ended."""

    def __init__(
        self,
        settings: Settings,
        heard: Callable[[EngineSlot, EngineProcess, Any], None],
        ready: Callable[[EngineSlot], None],
        ended: Callable[[EngineSlot, EngineProcess], None],
    ) -> None:
        engines, spares = gpus_of_engines(settings.engines, settings.spare_engines)
        self.slots = [EngineSlot(number, gpu=gpu) for number, gpu in enumerate(engines)]
        self.spares = [Spare(number, gpu=gpu) for number, gpu in enumerate(spares, len(engines))]
        self.leaving: list[EngineSlot] = []
        self.stopping = False
        self._settings, self._on_message, self._ready, self._on_exit = settings, heard, ready, ended
        self._start_seconds = EXPECTED_START_SECONDS
        self._farewells: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Starts every engine; does not wait for them. Those in reserve come when the others are ready."""
        for slot in self.slots:
            self._start(slot)

    async def stop(self) -> None:
        """Ends every engine; one that still computes at once, since nobody waits for it."""
        self.stopping = True
        for slot in self._all():
            if slot.restart is not None:
                slot.restart.cancel()
            if slot.process is not None:
                self._see_off(slot)
        if self._farewells:
            await asyncio.wait(self._farewells)

    def _all(self) -> Iterator[EngineSlot]:
        yield from (*self.slots, *self.spares, *self.leaving)

    def seconds_until_ready(self) -> float:
        """When the first of them is expected to take work, by how long the last start took; 0 when one does."""
        coming = [*self.slots, *(spare for spare in self.spares if spare.process is not None)]
        return min(slot.seconds_until_ready(self._start_seconds) for slot in coming)

    def _start(self, slot: EngineSlot) -> None:
        slot.restart = None
        if self.stopping:
            return
        slot.started = asyncio.get_running_loop().time()
        process = EngineProcess(self._settings, slot.gpu)
        self._bind(slot, process)
        try:
            process.start()
        except NOT_STARTED as error:
            log.warning("engine %d cannot be started: %s", slot.number, error)
            self.lost(slot)

    def _bind(self, slot: EngineSlot, process: EngineProcess) -> None:
        """Makes it the slot's."""
        slot.process = process
        process.on_message = lambda message: self._on_message(slot, process, message)
        process.on_ready = lambda: self._has_started(slot)
        process.on_end = lambda: self._on_exit(slot, process)

    def _has_started(self, slot: EngineSlot) -> None:
        self._start_seconds = asyncio.get_running_loop().time() - slot.started
        slot.early_deaths = 0
        if isinstance(slot, Spare):
            self._succeed()
            return
        self._ready(slot)
        if all(one.ready for one in self.slots):
            self._start_spares()

    def _start_spares(self) -> None:
        for spare in self.spares:
            if spare.process is None and spare.restart is None:
                self._start(spare)

    def lost(self, slot: EngineSlot) -> None:
        """The slot's engine has ended: another takes its place, at once unless it never was ready."""
        process, slot.process = slot.process, None
        if slot.leaving or (isinstance(slot, Spare) and slot.for_slot is not None):
            self._drop(slot)
            return
        if process is not None and process.ready is None:
            slot.early_deaths += 1
        pause = RESTART_SECONDS[min(slot.early_deaths, len(RESTART_SECONDS) - 1)]
        loop = asyncio.get_running_loop()
        slot.started, slot.restart = loop.time() + pause, loop.call_later(pause, self._fill, slot)

    def _drop(self, slot: EngineSlot) -> None:
        """A place that was there for one engine alone."""
        if isinstance(slot, Spare):
            self.spares.remove(slot)
        else:
            self.leaving.remove(slot)

    def _fill(self, slot: EngineSlot) -> None:
        """From the reserve, if there is any; an engine that starts there is ready sooner than a new one."""
        slot.restart = None
        spare = None if isinstance(slot, Spare) else self._spare_for(slot)
        if spare is None or self.stopping:
            self._start(slot)
        else:
            self._take(slot, spare)

    def _spare_for(self, slot: EngineSlot) -> Spare | None:
        """A ready one rather than one that starts, and one on the slot's own GPU rather than on another."""
        there = [spare for spare in self.spares if spare.process is not None]
        return min(there, key=lambda spare: (not spare.ready, spare.gpu != slot.gpu, spare.started), default=None)

    def _take(self, slot: EngineSlot, spare: Spare) -> None:
        """The engine of the spare becomes the slot's, and another is started in its place."""
        process, spare.process = spare.process, None
        assert process is not None  # noqa: S101 (spares without one are not taken)
        slot.gpu, spare.gpu, slot.started = spare.gpu, slot.gpu, spare.started
        slot.renewal.start_over()
        self._bind(slot, process)
        if spare.for_slot is None:
            self._start(spare)
        else:
            self._drop(spare)
        if slot.ready:
            slot.early_deaths = 0
            self._ready(slot)

    def finished(self, slot: EngineSlot) -> None:
        """An engine has answered: it may be done, or have taken too much memory."""
        if slot.leaving:
            if not slot.running:
                self._see_off(slot)
                self._drop(slot)
        elif (now := asyncio.get_running_loop().time()) >= slot.renewal.next_look and slot.process is not None:
            self._look(slot, slot.process, now)

    def _look(self, slot: EngineSlot, process: EngineProcess, now: float) -> None:
        resident = process.resident_bytes()
        verdict = slot.renewal.look(self._settings, resident, process.bytes_at_start, now)
        if verdict is not Verdict.STAYS:
            log.info("engine %d holds %d MiB, %d more than at its start", slot.number, resident // MIB,
                     (resident - process.bytes_at_start) // MIB)  # fmt: skip
        if verdict is Verdict.REPLACED:
            self.replace(slot)
        elif verdict is Verdict.RENEWED:
            self._renew(slot)

    def replace(self, slot: EngineSlot) -> None:
        """The slot's engine finishes what it has begun and ends; another takes its place."""
        if slot.leaving:
            return
        self._part(slot)
        self._fill(slot)

    def _renew(self, slot: EngineSlot) -> None:
        """Nobody waits: a successor takes over when it is ready."""
        if any(spare.ready for spare in self.spares):
            self.replace(slot)
        elif all(spare.for_slot is not slot for spare in self.spares):
            self.spares.append(Spare(slot.number, gpu=slot.gpu, for_slot=slot))
            self._start(self.spares[-1])

    def _succeed(self) -> None:
        """A spare is ready: the slot that it is for has it."""
        for slot, spare in [(spare.for_slot, spare) for spare in self.spares if spare.ready]:
            if slot is None:
                continue
            if slot.process is not None:
                self._part(slot)
            elif slot.restart is not None:
                slot.restart.cancel()
                slot.restart = None
            self._take(slot, spare)

    def _part(self, slot: EngineSlot) -> None:
        """The slot is free for another engine; the one that it had has nobody in line for it any more."""
        leaving, process = slot.part()
        self._bind(leaving, process)
        self.leaving.append(leaving)
        self.finished(leaving)

    def _see_off(self, slot: EngineSlot) -> None:
        """Ends an engine that has nothing to do any more, or that nobody waits for."""
        process, slot.process = slot.process, None
        if process is None:
            return
        if slot.running:
            process.kill()
        farewell = asyncio.get_running_loop().create_task(process.stop())
        self._farewells.add(farewell)
        farewell.add_done_callback(self._farewells.discard)
