"""Interface of the engines to the rest of the service, wherever they run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from service.engines.engine_request import EngineRequest, ReplyT
from service.engines.figures import Figures
from service.engines.pending_result import PendingResult


@dataclass(frozen=True)
class EngineState:
    """State of one engine, as `/readyz` shows it."""

    ready: bool = False
    pid: int | None = None
    devices: tuple[dict[str, str], ...] = ()
    versions: dict[str, str] | None = None
    gpu: str | None = None
    """Its assigned GPU, as CUDA_VISIBLE_DEVICES names it."""
    node: str = ""
    """The address of its node of a cluster, and how its id in Ray begins; empty: this machine."""


class Engines(Protocol):
    """Engines that take requests."""

    draining: bool
    """Whether new requests are rejected."""

    async def start(self) -> None:
        """Start the engines, without waiting until they are ready."""
        ...

    def dismiss(self) -> None:
        """Reject new requests, and close every job that is not computed."""
        ...

    async def stop(self) -> None:
        """End the engines."""
        ...

    async def submit(self, request: EngineRequest[ReplyT]) -> PendingResult[ReplyT]:
        """Queue a request; return its result when the header has arrived."""
        ...

    def seconds_until_ready(self) -> float:
        """Return the seconds until the first engine is expected to be ready; 0 if one is."""
        ...

    def states(self) -> list[EngineState]:
        """Return the state of each engine."""
        ...

    def figures(self) -> Figures:
        """Return the figures of all engines and queues, for the metrics."""
        ...

    def spare_states(self) -> list[EngineState]:
        """Return the state of each spare engine."""
        ...
