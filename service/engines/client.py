"""Interface of engines, wherever they run: what the rest of the service needs of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from service.engines.engine_request import EngineRequest, ReplyT
from service.engines.pending_result import PendingResult


@dataclass(frozen=True)
class EngineState:
    """State of one engine, as `/readyz` shows it."""

    ready: bool = False
    pid: int | None = None
    devices: tuple[dict[str, str], ...] = ()
    versions: dict[str, str] | None = None
    gpu: str | None = None
    """The GPU that it was given, as CUDA_VISIBLE_DEVICES names it."""


class Engines(Protocol):
    """Engines that take requests."""

    draining: bool
    """Whether they take no more work."""

    async def start(self) -> None:
        """Start them, without waiting until they are ready."""
        ...

    def dismiss(self) -> None:
        """Take no more work, and close every job that is not computed."""
        ...

    async def stop(self) -> None:
        """End them."""
        ...

    async def submit(self, request: EngineRequest[ReplyT]) -> PendingResult[ReplyT]:
        """Queue a request; return its result when the header has arrived."""
        ...

    def seconds_until_ready(self) -> float:
        """Return when the first of them is expected to take work; 0 when one does."""
        ...

    def states(self) -> list[EngineState]:
        """Return the state of each engine."""
        ...

    def spare_states(self) -> list[EngineState]:
        """Return the state of each spare engine."""
        ...
