"""Engines that a test controls, in place of processes, and pools of them."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgspec

from models.ipc.messages import Failed, Payload, RunResult
from service.engines.pending_result import PendingResult
from service.engines.pool import EnginePool
from service.engines.process import EngineState
from service.engines.renewal import SAMPLES
from service.engines.request_builders import ModelSource, weights_request
from service.settings import GIB, Settings


class Engine:
    """A process controlled by the test."""

    made: list[Engine]
    failures = 0
    cause = "crash"

    def __init__(self, _: Settings, gpu: Any, _program: str) -> None:
        self.gpu, self.ready, self.sent, self.ended = gpu, None, [], False
        self.bytes_at_start, self.resident, self.held = 0, 0, {}
        self.on_message: Callable[[Any], None]
        self.on_ready: Callable[[], None]
        self.on_exit: Callable[[], None]

    def start(self) -> None:
        if Engine.failures:
            Engine.failures -= 1
            raise OSError(errno.EMFILE, "too many open files")
        Engine.made.append(self)

    def becomes_ready(self) -> None:
        self.ready = SimpleNamespace()
        self.on_ready()

    def answers(self, code: str = "") -> None:
        """Answer the first outstanding request."""
        request = self.sent.pop(0)
        self.on_message(
            Failed(request.id, code, "") if code else RunResult(request.id, (), {}, 0, True, 0.0, 0.0, (), ())
        )

    def payloads(self, _: Any) -> tuple[Payload, ...]:
        return ()

    def send(self, message: msgspec.Struct) -> None:
        self.sent.append(message)

    def resident_bytes(self) -> int:
        return self.resident

    def state(self) -> EngineState:
        return EngineState(self.ready is not None)

    def ending(self) -> str:
        return "killed"

    def kill(self) -> None:
        self.ended = True

    async def stop(self) -> None:
        self.ended = True


async def start_pool(processes: list[Engine], **settings: Any) -> EnginePool:
    """Start a pool whose engines are ready, spares included."""
    engines = EnginePool(Settings(**settings))
    await engines.start()
    for process in processes:  # the list grows during iteration
        process.becomes_ready()
    return engines


async def turns() -> None:
    """Let the loop run what is due."""
    for _ in range(10):
        await asyncio.sleep(0)


async def submit_request(engines: EnginePool, seed: int = 0) -> asyncio.Task[PendingResult]:
    """Submit a request."""
    task = asyncio.create_task(
        engines.submit(weights_request(ModelSource(b"%d" % seed, None, f"{seed}"), None, Settings()))
    )
    await asyncio.sleep(0)
    return task


async def grow(engines: EnginePool, process: Engine, passing: Callable[[float], Any]) -> None:
    """Let an engine serve a few requests with more memory than allowed."""
    process.resident = 4 * GIB
    for _ in range(SAMPLES):
        await passing(1)
        task = await submit_request(engines)
        process.answers()
        await task
