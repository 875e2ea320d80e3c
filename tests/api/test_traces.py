"""Traces, exported by OpenTelemetry's own exporter to a collector that the test is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.api.collector import Collector, collecting

if TYPE_CHECKING:
    from tests.conftest import Server

NETWORK = {"input": [4], "layers": [{"type": "Dense", "units": 2, "name": "out"}]}
RUN = {"model": NETWORK, "inputs": [[1.0, 2.0, 3.0, 4.0]]}
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PHASES = ["read", "admit", "queue", "build", "run", "encode", "send"]


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector on a port of its own."""
    with collecting() as server:
        yield server


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
