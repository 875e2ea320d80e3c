"""What is noted of a request on its way through the service, for the log."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Scope

from service.access.arrivals import arrival_of
from service.observing.engine_trace import EngineTrace

SCOPE_KEY = "layerscope.record"
BODY = "layerscope.body"
"""Where the body's limit counts what has come of it."""
HANG_UPS = "layerscope.hang_ups"
"""Where the protocol of the connection finds what to call when its client hangs up."""


@dataclass(slots=True)
class Record:
    """One request and its reply. Nothing of it is an input, a weight, a query's value or a path of this machine."""

    request_id: str
    method: str
    started: float = field(default_factory=time.perf_counter)
    status: int = 0
    """0 until the reply begins."""
    code: str | None = None
    """Of the error, if there is one."""
    bytes_out: int = 0
    complete: bool = False
    """Whether all of the reply was sent."""
    trace: EngineTrace | None = None
    """How its question went through an engine, if there was one."""
    ended: float = 0.0
    """When, since the epoch."""
    total_ms: float = 0.0
    route: str = "-"
    bytes_in: int = 0

    def end(self, scope: Scope) -> None:
        """Nothing more comes; the rest is noted."""
        self.ended, self.total_ms = time.time(), (time.perf_counter() - self.started) * 1e3
        self.route, self.bytes_in = route_of(scope), bytes_in(scope)


def record_of(scope: Mapping[str, Any]) -> Record | None:
    """The record of a request; None of one that did not come through the edge."""
    record: Record | None = scope.get(SCOPE_KEY)
    return record


def follow(scope: Scope, trace: EngineTrace, model: str) -> None:
    """Notes the question that a request asks of an engine, about the model of this id."""
    trace.model, trace.hang_ups = model, scope.setdefault(HANG_UPS, [])
    trace.arrival = arrival_of(scope)
    if (record := record_of(scope)) is not None:
        record.trace = trace


def end(scope: Mapping[str, Any]) -> None:
    """A request is answered: nobody is told any more if its client hangs up. What would be told leads back here, and
    all that was sent would wait for a collection of garbage.
    """
    if (arrival := arrival_of(scope)) is not None:
        arrival.end()
    scope.get(HANG_UPS, []).clear()


def route_of(scope: Mapping[str, Any]) -> str:
    """The template of a request's path, without what its client filled in; "-" where there is none."""
    path: str | None = getattr(scope.get("route"), "path", None)
    return path or "-"


def bytes_in(scope: Mapping[str, Any]) -> int:
    """What has come of the body."""
    body = scope.get(BODY)
    return body.size if body is not None else 0


def named(scope: Mapping[str, Any]) -> str:
    """A request as a line of the log names it."""
    return f"request {scope.get('request_id', '-')} ({scope['method']} {route_of(scope)})"


def about(scope: Mapping[str, Any]) -> dict[str, str]:
    """What a line of the log that is about a request has besides, as `extra`."""
    return {"request_id": scope.get("request_id", "-")}
