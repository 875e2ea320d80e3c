"""Spare engines: reserves for any slot, and successors of engines that are to be renewed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from service.engines.engine import Engine
from service.engines.slot import EngineSlot


@dataclass(eq=False)
class Spare(EngineSlot):
    """The slot of a spare engine. One with a `successor_of` exists until that slot takes its engine."""

    successor_of: EngineSlot | None = None


class Spares:
    """The slots of spare engines; `start` starts the engine of one."""

    def __init__(self, slots: list[Spare], start: Callable[[EngineSlot], None]) -> None:
        self._slots, self._start = slots, start

    def __iter__(self) -> Iterator[Spare]:
        return iter(self._slots)

    def start(self) -> None:
        """Start every engine that is neither started nor about to be restarted."""
        for spare in self._slots:
            if spare.process is None and spare.restart is None:
                self._start(spare)

    def best_for(self, slot: EngineSlot) -> Spare | None:
        """Return a spare with an engine: preferably a ready one, then one on the slot's own GPU."""
        started = [spare for spare in self._slots if spare.process is not None]
        return min(started, key=lambda spare: (not spare.ready, spare.gpu != slot.gpu, spare.started), default=None)

    def has_ready(self) -> bool:
        """Whether an engine is ready."""
        return any(spare.ready for spare in self._slots)

    def start_successor(self, slot: EngineSlot) -> None:
        """Start the successor of a slot's engine, unless it has one."""
        if all(spare.successor_of is not slot for spare in self._slots):
            successor = Spare(slot.number, gpu=slot.gpu, successor_of=slot)
            self._slots.append(successor)
            self._start(successor)

    def ready_successors(self) -> Iterator[tuple[EngineSlot, Spare, Engine]]:
        """Yield every successor that is ready, with the slot that it is for and its engine."""
        for spare in [spare for spare in self._slots if spare.ready]:
            if spare.successor_of is not None and spare.process is not None:
                yield spare.successor_of, spare, spare.process

    def refill(self, spare: Spare) -> None:
        """Start another engine for a spare whose engine was taken; remove a successor."""
        if spare.successor_of is None:
            self._start(spare)
        else:
            self.remove(spare)

    def remove(self, spare: Spare) -> None:
        """Remove a slot that existed for one engine."""
        self._slots.remove(spare)


def transfer(spare: Spare, slot: EngineSlot) -> None:
    """Move the engine of a spare to a slot, with its GPU and its start."""
    slot.process, spare.process = spare.process, None
    slot.gpu, spare.gpu, slot.started = spare.gpu, slot.gpu, spare.started
    slot.renewal.reset()
