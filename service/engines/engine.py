"""Interface of one engine to its slot and its supervisor: a process of this machine, or an actor of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec
import numpy as np

from models.ipc.messages import Payload, Ready, Reply
from service.engines.client import EngineState
from service.engines.figures import EngineFigures
from service.engines.gpus import Gpu
from service.settings import Settings


class Engine(Protocol):
    """One engine, from its start to its end. Its owner sets the callbacks."""

    ready: Ready | None
    """What it said when it had warmed up."""
    bytes_at_start: int
    cause: str
    """Why it ends, if it ends now."""
    on_message: Callable[[Reply], None]
    on_memory_free: Callable[[], None]
    on_ready: Callable[[], None]
    on_exit: Callable[[], None]

    @property
    def held(self) -> Mapping[str, int]:
        """Bytes of replies that clients have not read yet, by client."""
        ...

    def start(self) -> None:
        """Start it, without waiting until it is ready."""
        ...

    def state(self) -> EngineState:
        """Return its state."""
        ...

    def resident_bytes(self) -> int:
        """Return its resident memory; 0 if unknown."""
        ...

    def figures(self) -> EngineFigures:
        """Return its figures for the metrics."""
        ...

    def send(self, message: msgspec.Struct) -> None:
        """Send a message; it is lost when the engine has died, which `on_exit` reports."""
        ...

    def payloads(self, arrays: Sequence[np.ndarray]) -> tuple[Payload, ...] | None:
        """Build payloads of arrays; None while there is no room for the large ones."""
        ...

    def take(self, payload: Payload, client: str = "") -> memoryview:
        """Return the bytes of tensors, which count for the client until the last view of them is dropped."""
        ...

    def kill(self) -> None:
        """End it at once; `on_exit` follows."""
        ...

    async def stop(self) -> None:
        """End it; `on_exit` does not follow."""
        ...

    def ending(self) -> str:
        """Describe how it ended."""
        ...


MakeEngine = Callable[[Settings, Gpu, str], Engine]
"""Makes an engine that runs a program on a GPU."""
