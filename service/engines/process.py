"""Engine process from the front's side: its socket, its two shared-memory arenas, its start and its end."""

from __future__ import annotations

import asyncio
import logging
import socket
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec
import numpy as np

from models.ipc.arena import Span
from models.ipc.channel import FrameReader, frame
from models.ipc.messages import (
    INLINE_BYTES,
    CacheFigures,
    FromEngine,
    Payload,
    Ready,
    Release,
    Reply,
    RunResult,
)
from models.resident_memory import resident_bytes
from service.engines.client import EngineState
from service.engines.figures import CRASH, EngineFigures
from service.engines.gpus import Gpu
from service.engines.launch import PROGRAM, Launched, environment_of, launch
from service.engines.reply_memory import ReplyMemory
from service.settings import Settings

log = logging.getLogger("layerscope.engines")
STOP_SECONDS = 5.0


class EngineProcess(asyncio.Protocol):
    """Engine process and its connection; spawned with `python -m`, never forked. Its owner sets the callbacks."""

    def __init__(
        self,
        settings: Settings,
        gpu: Gpu | None = None,
        program: str = PROGRAM,
        launched: Launched | None = None,
    ) -> None:
        self.ready: Ready | None = None
        self.gpu = gpu or Gpu()
        self.bytes_at_start = 0
        self.cause = CRASH
        """Why it ends, if it ends now."""
        self._cache = CacheFigures()
        """Its cache after its last run."""
        self.on_message: Callable[[Reply], None] = lambda _: None
        self.on_memory_free: Callable[[], None] = lambda: None
        self.on_ready: Callable[[], None] = lambda: None
        self.on_exit: Callable[[], None] = lambda: None
        self._settings, self._program, self._launched = settings, program, launched
        self._reader = FrameReader[Any](FromEngine)
        self._transport: asyncio.Transport | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._loop = asyncio.get_running_loop()
        self._stopping = False
        self._reply_memory = ReplyMemory(self.send)
        self._connecting: asyncio.Task[Any] | None = None

    def start(self) -> None:
        """Start the process, unless it was launched before, and connect to it.

        Raises:
            OSError, MemoryError: the machine has no descriptor, memory or process left; nothing stays open.
        """
        launched = self._launched or launch(self._settings, self.gpu, self._program, self.environment())
        self._process, self._replies, self._requests = launched.process, launched.replies, launched.requests
        self._connecting = self._loop.create_task(self._connect(launched.connection))

    def environment(self) -> dict[str, str]:
        """Return the environment of the process."""
        return environment_of(self.gpu)

    async def _connect(self, ours: socket.socket) -> None:
        """Connect to the engine, which is ended if that fails."""
        try:
            await self._loop.create_connection(lambda: self, sock=ours)
        except OSError as error:
            ours.close()
            self.connection_lost(error)

    def state(self) -> EngineState:
        """Return the state of this engine."""
        pid = self._process.pid if self._process is not None else None
        if self.ready is None:
            return EngineState(pid=pid, gpu=self.gpu.name)
        return EngineState(True, pid, self.ready.devices, self.ready.versions, self.gpu.name)

    def resident_bytes(self) -> int:
        """Return its resident memory without that shared with the front; 0 if unknown."""
        return resident_bytes(self._process.pid) if self._process is not None else 0

    def figures(self) -> EngineFigures:
        """Return its figures for the metrics."""
        resident, held = self.resident_bytes(), sum(self.held.values())
        return EngineFigures(self.ready is not None, resident, held, self._requests.used, self._cache)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class; a stream socket has no other kind

    def data_received(self, data: bytes) -> None:
        try:
            for message in self._reader.feed(data):
                self._handle(message)
        except msgspec.DecodeError:
            log.exception("malformed message from engine")
            self.kill()

    def _handle(self, message: Any) -> None:
        if isinstance(message, Release):
            self._requests.free(message.spans)
            self.on_memory_free()
        elif isinstance(message, Ready):
            self.ready, self.bytes_at_start = message, self.resident_bytes()
            self.on_ready()
        else:
            if isinstance(message, RunResult):
                self._cache = message.cache
            self.on_message(message)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio's signature)
        self._transport = None
        if not self._stopping:
            self.kill()
        self.on_exit()
        self._replies.close()
        self._requests.close()

    def send(self, message: msgspec.Struct) -> None:
        """Write a message; it is lost when the engine has died, which `on_exit` reports."""
        if self._transport is not None:
            self._transport.write(frame(message))

    def payloads(self, arrays: Sequence[np.ndarray]) -> tuple[Payload, ...] | None:
        """Build payloads, with large arrays copied to shared memory; None while that has no room."""
        spans: list[Span | None] = []
        for array in arrays:
            span = self._requests.allocate(array.nbytes) if array.nbytes > INLINE_BYTES else None
            if span is None and array.nbytes > INLINE_BYTES:
                self._requests.free([allocated for allocated in spans if allocated is not None])
                return None
            spans.append(span)
        return tuple(self._payload(array, span) for array, span in zip(arrays, spans, strict=True))

    def _payload(self, array: np.ndarray, span: Span | None) -> Payload:
        if span is None:
            return Payload(array.tobytes())
        np.copyto(np.frombuffer(self._requests.view(span), array.dtype).reshape(array.shape), array)
        return Payload(None, span)

    @property
    def held(self) -> Mapping[str, int]:
        """Bytes of replies that clients have not read yet, by client."""
        return self._reply_memory.held

    def take(self, payload: Payload, client: str = "") -> memoryview:
        """Return the bytes of a tensor. Shared memory is released when the last view of it is dropped; until then it
        counts for the client that reads it.
        """
        if payload.span is None:
            return memoryview(payload.inline or b"")
        return self._reply_memory.lend(self._replies.view(payload.span), payload.span, client)

    def kill(self) -> None:
        """End the process at once; `on_exit` follows."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    async def stop(self) -> None:
        """Close the socket, and kill the engine if it does not end by itself within STOP_SECONDS."""
        self.on_exit = lambda: None
        self._stopping = True
        if self._connecting is not None:
            await asyncio.wait([self._connecting])
        if self._transport is not None:
            self._transport.abort()
        if self._process is not None:
            try:
                await asyncio.to_thread(self._process.wait, STOP_SECONDS if self.ready else 0.1)
            except subprocess.TimeoutExpired:
                self.kill()

    def ending(self) -> str:
        """Describe how the process ended."""
        code = self._process.poll() if self._process is not None else None
        return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


class LaunchedFirst:
    """Makes the engines of this machine: first of processes that were launched before there was a pool."""

    def __init__(self, launched: Iterable[Launched]) -> None:
        self._launched = list(launched)

    def __call__(self, settings: Settings, gpu: Gpu, program: str) -> EngineProcess:
        """Return an engine on a GPU, whose process may run already."""
        launched = next((one for one in self._launched if one.gpu == gpu), None)
        if launched is not None:
            self._launched.remove(launched)
        return EngineProcess(settings, gpu, program, launched)
