"""Trace of an engine request, for the log."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from models.ipc.messages import Reply, RunResult
from service.access.arrivals import Arrival
from service.access.clients import CLIENT, SHARE

ID_DIGITS = 12
"""Digits of a model's ID in the log."""


@dataclass(slots=True)
class EngineTrace:
    """Timings and attributes of one engine request; None if unknown, or not known yet."""

    client: str = field(default_factory=CLIENT.get)
    """Client identity of the request."""
    share: float = field(default_factory=SHARE.get)
    """What the client may hold of queues and reply memory."""
    disconnect_callbacks: list[Callable[[], None]] | None = None
    """Called if the client disconnects before the response is complete; None if disconnects are not monitored."""
    arrival: Arrival | None = None
    """The arrival of the HTTP request, which ends when the engine request is queued."""
    model: str | None = None
    """The model's ID."""
    engine: int | None = None
    """The number of the engine that it was last dispatched to."""
    submitted: float = field(default_factory=time.perf_counter)
    queue_ms: float | None = None
    """Time until the result begins, without building and running."""
    build_ms: float | None = None
    run_ms: float | None = None
    name: str | None = None
    """The name that the model was asked for by, if any."""
    is_cached: bool = False
    """Whether the engine had built the model before."""
    macs: int = 0
    """Multiply-adds by the plan."""
    finished: float = 0.0
    """When the result began to arrive."""

    @property
    def has_run(self) -> bool:
        """Whether something was computed: weights are only read."""
        return bool(self.run_ms)

    def end(self, header: Reply | None = None) -> None:
        """Record the timings in the header of a result; None for an error."""
        self.finished = time.perf_counter()
        queue_ms = (self.finished - self.submitted) * 1e3
        if isinstance(header, RunResult):
            self.build_ms, self.run_ms = header.build_ms, header.run_ms
            self.is_cached, self.macs = header.cached, header.macs
            queue_ms -= header.build_ms + header.run_ms
        self.queue_ms = queue_ms

    def fields(self) -> dict[str, Any]:
        """Return the fields of the log record."""
        return {
            "queue_ms": _rounded(self.queue_ms),
            "build_ms": _rounded(self.build_ms),
            "run_ms": _rounded(self.run_ms),
            "engine": self.engine,
            "model": self.model.removeprefix("sha256:")[:ID_DIGITS] if self.model is not None else None,
        }

    def text(self) -> str:
        """Return the known fields as ` name=value`."""
        return "".join(f" {name}={value}" for name, value in self.fields().items() if value is not None)


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 3)
