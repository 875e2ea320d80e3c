"""Traces of requests by OpenTelemetry: a span a request, with a child for each thing it spent its time in.

Spans are made when a request has ended, from its record: nothing of this is on a request's way, and without tracing it
costs nothing. Names and attributes are those of OpenTelemetry's semantic conventions for HTTP.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from itertools import accumulate, pairwise
from threading import Thread
from typing import Any, Protocol

from service.observing.metrics import PHASES
from service.observing.records import Record, route_of

PARENT = b"traceparent"
STATE = b"tracestate"
NS = 1_000_000_000
MEMBER = r"[a-z0-9][a-z0-9_*/@-]{0,255}=[!-+\--<>-~]{1,256}"
MEMBERS = re.compile(rf"(?=.{{1,512}}$){MEMBER}(,{MEMBER}){{0,31}}")
"""A `tracestate` (W3C Trace Context, section 3.3)."""
CLOSE_SECONDS = 2.0
"""Time for the last spans to be exported when the service ends."""
ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""Variables of which one turns tracing on."""


class Tracer(Protocol):
    """What OpenTelemetry's tracers do."""

    def start_span(self, name: str, **arguments: Any) -> Any:
        """Begin a span."""


class Tracing:
    """Exports the spans of requests in the background."""

    def __init__(self, provider: Any) -> None:
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415 (an extra)
            TraceContextTextMapPropagator,
        )

        self._provider, self._tracer = provider, provider.get_tracer("layerscope")
        self._propagator = TraceContextTextMapPropagator()

    def observe(self, scope: Mapping[str, Any], record: Record) -> None:
        """Make the spans of a request that has ended."""
        from opentelemetry.trace import SpanKind, StatusCode, set_span_in_context  # noqa: PLC0415 (an extra)

        ended = time.time_ns()
        started = ended - int(record.total_ms * 1e6)
        span = self._tracer.start_span(
            f"{record.method} {record.route}", context=self._propagator.extract(trace_headers(scope["headers"])),
            kind=SpanKind.SERVER, start_time=started, attributes=_attributes(scope, record),
        )  # fmt: skip
        if record.status >= 500:
            span.set_status(StatusCode.ERROR)
        if record.trace is not None and record.trace.has_run:
            self._add_phases(set_span_in_context(span), record, started)
        span.end(end_time=ended)

    def _add_phases(self, context: Any, record: Record, started: int) -> None:
        bounds = accumulate(record.phases(), initial=0.0)
        for name, (begin, end) in zip(PHASES, pairwise(bounds), strict=True):
            child = self._tracer.start_span(name, context=context, start_time=started + int(begin * NS))
            child.end(end_time=started + int(end * NS))

    def close(self) -> None:
        """Export what is left; waits CLOSE_SECONDS at most."""
        closing = Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)


def trace_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the headers of the trace that a request is part of; none where they are sent twice, or are not of the form
    of the standard: OpenTelemetry would write what it cannot read to the log.
    """
    found = [(name.decode(), value.decode("latin-1")) for name, value in headers if name in (PARENT, STATE)]
    state = dict(found).get(STATE.decode(), "")
    return dict(found) if len(dict(found)) == len(found) and (not state or MEMBERS.fullmatch(state)) else {}


def _attributes(scope: Mapping[str, Any], record: Record) -> dict[str, Any]:
    """Return what is known of a request, without names, inputs or values of its query."""
    attributes = {
        "http.request.method": record.method,
        "http.route": route_of(scope),
        "http.response.status_code": record.status,
        "http.request.body.size": record.bytes_in,
        "http.response.body.size": record.bytes_out,
        "url.scheme": scope.get("scheme", "http"),
        "network.protocol.version": scope.get("http_version", "1.1"),
        "layerscope.request_id": record.request_id,
    }
    if record.code is not None:
        attributes["error.type"] = record.code
    trace = record.trace
    if trace is not None and trace.engine is not None:
        attributes |= {"layerscope.engine": trace.engine, "layerscope.cached": trace.is_cached}
    return attributes


def tracing_of(variables: Mapping[str, str]) -> Tracing | None:
    """Return the tracing that OpenTelemetry's own variables ask for; None without any.

    Raises:
        ValueError: they ask for something that is not here; a one-line message.
    """
    variables = {name: value for name, value in variables.items() if value}  # an empty one is as good as none
    exporter = variables.get("OTEL_TRACES_EXPORTER", "otlp" if variables.keys() & set(ENDPOINTS) else "none")
    if exporter == "none" or variables.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if exporter != "otlp":
        raise ValueError(f"OTEL_TRACES_EXPORTER is {exporter[:40]}; write otlp or none")
    protocol = variables.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", variables.get("OTEL_EXPORTER_OTLP_PROTOCOL"))
    if protocol not in (None, "http/protobuf"):
        raise ValueError(f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol[:40]}; write http/protobuf")
    return Tracing(_provider())


def _provider() -> Any:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 (an extra)
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        raise ValueError("traces need the extra otel: pip install layerscope[otel]") from None
    provider = TracerProvider(resource=Resource.create({"service.name": "layerscope"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
