"""What the service needs of engines, wherever they run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from models.views.view import View
from service.engines.jobs import EngineRequest, PendingResult
from service.engines.process import EngineState


class Engines(Protocol):
    """What the service needs of engines."""

    draining: bool
    """Whether they take no more work."""

    async def start(self) -> None:
        """Starts them, without waiting until they are ready."""
        ...

    def dismiss(self) -> None:
        """Takes no more work, and gives up what is not computed yet."""
        ...

    async def stop(self) -> None:
        """Ends them."""
        ...

    async def plan(
        self,
        document: bytes,
        shapes: Mapping[str, tuple[int | None, ...]],
        outputs: tuple[str, ...],
        views: Mapping[str, View] | None = None,
    ) -> bytes:
        """The plan of a document as JSON."""
        ...

    async def submit(self, question: EngineRequest) -> PendingResult:
        """Puts a question in line; the answer is complete up to its head."""
        ...

    def seconds_until_ready(self) -> float:
        """When the first of them is expected to take work; 0 when one does."""
        ...

    def states(self) -> list[EngineState]:
        """What each engine is doing."""
        ...

    def spare_states(self) -> list[EngineState]:
        """What each engine in reserve is doing."""
        ...
