"""Engine on a Ray cluster from the front's side: an actor in place of a process, calls in place of a socket, and Ray's
object store in place of shared memory.

Messages are those of a local engine. Arrays over INLINE_BYTES travel beside them: inputs are put into the object store
by the front; those of replies are return values, which Ray keeps in the store of the actor's node (below 100 KiB in
its own message), and which outlive their actor.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from itertools import count
from typing import Any

import msgspec
import numpy as np
import ray
from ray.exceptions import RayError

from models.ipc.messages import CacheFigures, Payload, Ready, Release, Reply, RunResult
from service import cluster
from service.engines.client import EngineState
from service.engines.cluster.actor import EngineActor
from service.engines.cluster.engine_settings import settings_of_engines
from service.engines.cluster.in_order import InOrder
from service.engines.cluster.inputs import StoredInputs
from service.engines.cluster.messages import (
    Batch,
    Ended,
    Hello,
    WeightsWanted,
    encode,
    from_actor,
    input_spans,
    reply_span,
    weights_of,
)
from service.engines.cluster.sent_weights import SentWeights
from service.engines.figures import CRASH, EngineFigures
from service.engines.gpus import Gpu
from service.engines.launch import PROGRAM
from service.engines.reply_memory import ReplyMemory
from service.settings import Settings

log = logging.getLogger("layerscope.engines")

RECEIVERS = 3
"""Calls that wait for messages of one engine: one is on its way while others are answered."""
LOST = (RayError, ConnectionError)
"""Errors of calls to an actor that has died, could not be started, or is cut off."""


class RayEngine:
    """Actor with an engine, as `service.engines.engine.Engine`. Ray neither restarts it nor repeats its calls: its
    owner knows which requests may run again.
    """

    def __init__(self, settings: Settings, gpu: Gpu | None = None, program: str = PROGRAM) -> None:
        self.ready: Ready | None = None
        self.gpu = gpu or Gpu()
        self.bytes_at_start = 0
        self.cause = CRASH
        self.on_message: Callable[[Reply], None] = lambda _: None
        self.on_memory_free: Callable[[], None] = lambda: None
        self.on_ready: Callable[[], None] = lambda: None
        self.on_exit: Callable[[], None] = lambda: None
        self._settings, self._program = settings, program
        self._loop = asyncio.get_running_loop()
        self._actor: Any = None
        self._hello: Hello | None = None
        self._resident = 0
        self._cache = CacheFigures()
        self._inputs = StoredInputs(2 * int(settings.max_input_bytes))
        self._weights = SentWeights(self._call)
        self._reply_memory = ReplyMemory(self.send)
        self._arrays: dict[int, np.ndarray] = {}
        """Arrays of the reply that is being handled, by the offsets of their spans."""
        self._numbers = count()
        self._received: InOrder[Batch] = InOrder()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending = ""
        self._has_ended = False

    def start(self) -> None:
        """Ask for an actor; it waits where no node has room, until one joins.

        Raises:
            OSError: the cluster is out of reach.
        """
        options = {
            "num_cpus": self._settings.ray_cpus, "num_gpus": self._settings.ray_gpus,
            "scheduling_strategy": "SPREAD", "max_restarts": 0, "max_task_retries": 0,
        }  # fmt: skip
        actor = ray.remote(EngineActor).options(**options)
        try:
            self._actor = actor.remote(settings_of_engines(self._settings), self._program)
        except RayError as error:
            raise OSError(str(error)) from error
        self._begin(self._connect())

    def _begin(self, work: Awaitable[None]) -> None:
        """Run a part of this engine's work, until it ends; a failed call ends the engine."""
        task = self._loop.create_task(self._watch(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _watch(self, work: Awaitable[None]) -> None:
        try:
            await work
        except LOST as error:
            self._end(str(error).strip().partition("\n")[0])

    async def _connect(self) -> None:
        self._hello = hello = await self._actor.start.remote()
        if wrong := cluster.differences(hello.versions):
            self._end(f"node {hello.node} has {wrong}")
            return
        for _ in range(RECEIVERS):
            self._begin(self._receive())

    async def _receive(self) -> None:
        while not self._has_ended:
            batch = await self._actor.receive.remote()
            for one in self._received.add(batch.number, batch):
                self._handle_batch(one)

    def _handle_batch(self, batch: Batch) -> None:
        self._resident, arrays = batch.resident_bytes, iter(batch.arrays)
        for data in batch.messages:
            message = from_actor.decode(data)
            span = reply_span(message)
            if span is not None:
                self._arrays[span.offset] = next(arrays)
            if not self._has_ended:
                self._handle(message)
            self._arrays.clear()

    def _handle(self, message: Any) -> None:
        match message:
            case Release():
                self._inputs.free(message.spans)
                self.on_memory_free()
            case Ready():
                self._start_serving(message)
            case Ended():
                self._end(message.reason)
            case WeightsWanted():
                self._begin(self._weights.provide(message.digest))
            case _:
                if isinstance(message, RunResult):
                    self._cache = message.cache
                self.on_message(message)

    def _start_serving(self, message: Ready) -> None:
        if wrong := cluster.differences(message.versions):
            self._end(f"node {self.node} has {wrong}")
            return
        self.ready, self.bytes_at_start = message, self._resident
        log.info("an engine is ready on node %s, process %s", self.node, self.state().pid)
        self.on_ready()

    @property
    def node(self) -> str:
        """The address of its node."""
        return self._hello.node if self._hello is not None else ""

    def state(self) -> EngineState:
        """Return the state of this engine."""
        if self._hello is None:
            return EngineState()
        ready, gpu = self.ready, ",".join(self._hello.gpus) or None
        devices, versions = (ready.devices, ready.versions) if ready is not None else ((), None)
        return EngineState(ready is not None, self._hello.pid, devices, versions, gpu, self.node)

    def resident_bytes(self) -> int:
        """Return its resident memory at its last message."""
        return self._resident

    def figures(self) -> EngineFigures:
        """Return its figures for the metrics."""
        held = sum(self.held.values())
        return EngineFigures(self.ready is not None, self._resident, held, self._inputs.used, self._cache)

    @property
    def held(self) -> Mapping[str, int]:
        """Bytes of replies that clients have not read yet, by client."""
        return self._reply_memory.held

    def send(self, message: msgspec.Struct) -> None:
        """Call the actor with a message."""
        if self._has_ended:
            return
        if isinstance(message, Release):
            self._call("release", message.spans)
            return
        self._weights.record(weights_of(message))
        self._call("send", next(self._numbers), encode(message), *self._inputs.references(input_spans(message)))

    def _call(self, method: str, *arguments: Any) -> Any:
        """Call the actor; a connection that is lost is heard of by those that wait for messages."""
        with suppress(ConnectionError):
            return getattr(self._actor, method).remote(*arguments)
        return asyncio.sleep(0)

    def payloads(self, arrays: Sequence[np.ndarray]) -> tuple[Payload, ...] | None:
        """Build payloads, with large arrays in the object store; None while as much as one engine may have is there."""
        return self._inputs.payloads(arrays)

    def take(self, payload: Payload, client: str = "") -> memoryview:
        """Return the bytes of a tensor, a view of the object store."""
        if payload.span is None:
            return memoryview(payload.inline or b"")
        return self._reply_memory.lend(self._arrays.pop(payload.span.offset).data, payload.span, client)

    def kill(self) -> None:
        """End the actor at once, and do not wait to hear of it: its node may be out of reach."""
        self._loop.call_soon(self._end, "killed")

    def _end(self, reason: str) -> None:
        if not self._has_ended:
            self._ending = f"{reason}; node {self.node}, process {self.state().pid}" if self._hello else reason
            self._drop()
            self.on_exit()

    def _drop(self) -> None:
        """End the actor and everything that waits for it."""
        self._has_ended = True
        for task in self._tasks:
            task.cancel()
        if self._actor is not None:
            ray.kill(self._actor)

    async def stop(self) -> None:
        """End the actor, which has no work."""
        self.on_exit = lambda: None
        tasks = list(self._tasks)
        if not self._has_ended:
            self._drop()
        await asyncio.gather(*tasks, return_exceptions=True)

    def ending(self) -> str:
        """Describe how it ended."""
        return self._ending
