"""Traces, exported by OpenTelemetry's own exporter to a collector that the test is."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from tests.conftest import Server

NETWORK = {"input": [4], "layers": [{"type": "Dense", "units": 2, "name": "out"}]}
RUN = {"model": NETWORK, "inputs": [[1.0, 2.0, 3.0, 4.0]]}
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PHASES = ["read", "queue", "build", "run", "encode", "send"]


class Collector(ThreadingHTTPServer):
    """Keeps the spans that are sent to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.spans: list[Any] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """Receives OTLP over HTTP."""

    server: Collector

    def do_POST(self) -> None:
        """Keep the spans of one export."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        packed = self.headers.get("Content-Encoding") == "gzip"
        message = ExportTraceServiceRequest.FromString(gzip.decompress(body) if packed else body)
        for resource in message.resource_spans:
            for scope in resource.scope_spans:
                self.server.spans.extend(scope.spans)
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector on a port of its own."""
    with Collector() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_a_cold_and_a_warm_request_have_their_phases_as_children(
    tmp_path: Path,
    collector: Collector,
    start_server: Callable[..., AbstractContextManager[Server]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The phases follow one another without gaps, in the trace of the client."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    with start_server(tmp_path) as server:
        for _ in range(2):
            headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
            server.client.post("/v1/activations", json=RUN, headers=headers).raise_for_status()
        assert server.client.get("/v1/models/secret?as=keras").status_code == 404
    spans = {span.span_id: span for span in collector.spans}
    runs = [span for span in spans.values() if span.name == "POST /v1/activations"]
    assert [(span.trace_id.hex(), span.parent_span_id.hex()) for span in runs] == [(TRACE, PARENT)] * 2
    for span in runs:
        children = sorted(
            (child for child in spans.values() if child.parent_span_id == span.span_id),
            key=lambda child: PHASES.index(child.name),
        )
        assert [child.name for child in children] == PHASES
        assert children[0].start_time_unix_nano == span.start_time_unix_nano
        for before, after in pairwise(children):
            assert abs(before.end_time_unix_nano - after.start_time_unix_nano) < 1000
        assert abs(children[-1].end_time_unix_nano - span.end_time_unix_nano) < 50_000_000
    seconds = [
        {
            child.name: child.end_time_unix_nano - child.start_time_unix_nano
            for child in spans.values()
            if child.parent_span_id == span.span_id
        }
        for span in sorted(runs, key=lambda span: span.start_time_unix_nano)
    ]
    assert seconds[0]["build"] > 5 * seconds[1]["build"]
    (missing,) = (span for span in spans.values() if span.name == "GET /v1/models/{name}")
    attributes = {pair.key: pair.value.string_value or pair.value.int_value for pair in missing.attributes}
    assert attributes["http.response.status_code"] == 404
    assert attributes["error.type"] == "not_found"
    assert not any("secret" in str(value) or "keras" in str(value) for value in attributes.values())
