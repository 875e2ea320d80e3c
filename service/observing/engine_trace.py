"""How a question goes through an engine, for the log."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from models.ipc.messages import Reply, RunResult
from service.access.arrivals import Arrival
from service.access.clients import CLIENT

ID_DIGITS = 12
"""What the log has of a model's id."""


@dataclass(slots=True)
class EngineTrace:
    """Noted while it goes; None is what is not known, or not yet."""

    client: str = field(default_factory=CLIENT.get)
    """Who asks."""
    hang_ups: list[Callable[[], None]] | None = None
    """Called when who asks hangs up before the reply is complete; None where nobody would notice."""
    arrival: Arrival | None = None
    """Of the request, which ends when its question is put in line."""
    model: str | None = None
    """The id of the model that it is about."""
    engine: int | None = None
    """The number of the engine that had it last."""
    asked: float = field(default_factory=time.perf_counter)
    queue_ms: float | None = None
    """Until the answer begins, less building and running."""
    build_ms: float | None = None
    run_ms: float | None = None

    def end(self, head: Reply | None = None) -> None:
        """Takes the head of the answer; None stands for an error."""
        waited = (time.perf_counter() - self.asked) * 1e3
        if isinstance(head, RunResult):
            self.build_ms, self.run_ms = head.build_ms, head.run_ms
            waited -= head.build_ms + head.run_ms
        self.queue_ms = waited

    def told(self) -> dict[str, Any]:
        """As the log has it."""
        return {
            "queue_ms": _rounded(self.queue_ms),
            "build_ms": _rounded(self.build_ms),
            "run_ms": _rounded(self.run_ms),
            "engine": self.engine,
            "model": self.model.removeprefix("sha256:")[:ID_DIGITS] if self.model is not None else None,
        }

    def text(self) -> str:
        """What of it is known."""
        return "".join(f" {name}={value}" for name, value in self.told().items() if value is not None)


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 3)
