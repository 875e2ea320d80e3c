"""Records of requests, for the access log."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Scope

from service.access.arrivals import arrival_of
from service.observing.engine_trace import EngineTrace
from service.observing.route_templates import NONE

SCOPE_KEY = "layerscope.record"
BODY = "layerscope.body"
"""Scope key of the body's state, which counts the received bytes."""
DISCONNECT_CALLBACKS = "layerscope.disconnect_callbacks"
"""Scope key of the callbacks for the connection's protocol to call when the client disconnects."""


@dataclass(slots=True)
class Record:
    """One request and its response. It never holds inputs, weights, query values or local paths."""

    request_id: str
    method: str
    started: float = field(default_factory=time.perf_counter)
    status: int = 0
    """0 until the response starts."""
    code: str | None = None
    """Error code, if any."""
    bytes_out: int = 0
    complete: bool = False
    """Whether the whole response was sent."""
    trace: EngineTrace | None = None
    """Trace of its engine request, if any."""
    ended: float = 0.0
    """Seconds since the epoch."""
    total_ms: float = 0.0
    route: str = NONE
    bytes_in: int = 0
    key: str | None = None
    """The name of the client's key, if it has one."""
    received: float = 0.0
    """When the end of the body was read, by the clock of `started`; 0 without one."""
    responded: float = 0.0
    """When the response began, by the clock of `started`."""

    def phases(self) -> tuple[float, ...]:
        """Return the seconds of a request with an engine run: read, admit, queue, build, run, encode, send."""
        trace = self.trace or EngineTrace()
        inside = ((ms or 0.0) / 1e3 for ms in (trace.queue_ms, trace.build_ms, trace.run_ms))
        received, responded = self.received or self.started, self.responded or trace.finished
        ended = self.started + self.total_ms / 1e3
        before = (received - self.started, trace.submitted - received)
        return (*before, *inside, responded - trace.finished, ended - responded)

    def end(self, scope: Scope) -> None:
        """Complete the record at the end of the request."""
        self.ended, self.total_ms = time.time(), (time.perf_counter() - self.started) * 1e3
        self.route, body = route_of(scope), scope.get(BODY)
        if body is not None:
            self.bytes_in, self.received = body.size, body.received


def record_of(scope: Mapping[str, Any]) -> Record | None:
    """Return the record of a request; None if it did not pass through `EdgeMiddleware`."""
    record: Record | None = scope.get(SCOPE_KEY)
    return record


def follow(scope: Scope, trace: EngineTrace, model: str, name: str | None = None) -> None:
    """Connect the trace of an engine request to its HTTP request; `model` is the model's ID, and `name` its name."""
    trace.model, trace.name, trace.disconnect_callbacks = model, name, scope.setdefault(DISCONNECT_CALLBACKS, [])
    trace.arrival = arrival_of(scope)
    if (record := record_of(scope)) is not None:
        record.trace = trace


def end(scope: Mapping[str, Any]) -> None:
    """Clear the disconnect callbacks of a completed request. They refer back to its scope, and the cycle would hold all
    of the request in memory until a garbage collection.
    """
    if (arrival := arrival_of(scope)) is not None:
        arrival.end()
    scope.get(DISCONNECT_CALLBACKS, []).clear()


def route_of(scope: Mapping[str, Any]) -> str:
    """Return the path template of a request's route, without parameter values; `NONE` without a route."""
    path: str | None = getattr(scope.get("route"), "path", None)
    return path or NONE


def label_of(scope: Mapping[str, Any]) -> str:
    """Return a request's ID, method and route, for log messages."""
    return f"request {scope.get('request_id', '-')} ({scope['method']} {route_of(scope)})"


def extra_of(scope: Mapping[str, Any]) -> dict[str, str]:
    """Return the `extra` of log messages about a request."""
    return {"request_id": scope.get("request_id", "-")}
