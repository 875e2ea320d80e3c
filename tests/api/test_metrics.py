"""`/metrics` of a real service: what the client counted, in formats that a public parser reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from service.access.keys import new_key

if TYPE_CHECKING:
    from tests.conftest import Server

NETWORK = {"input": [4], "layers": [{"type": "Dense", "units": 2, "name": "out"}]}
RUN = {"inputs": [[1.0, 2.0, 3.0, 4.0]]}
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture(scope="module")
def measured(
    tmp_path_factory: pytest.TempPathFactory, start_server: Callable[..., AbstractContextManager[Server]]
) -> Iterator[Server]:
    """A service that tells one model apart; only the first test of this file counts what it was sent."""
    with start_server(tmp_path_factory.mktemp("measured"), METRICS_MODELS="known") as server:
        yield server


def scraped(server: Server, accept: str = "text/plain") -> Samples:
    """Return every sample by its name and labels."""
    reply = server.client.get("/metrics", headers={"Accept": accept})
    assert reply.status_code == 200
    parse = parse_openmetrics if accept == OPENMETRICS else parse_text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parse(reply.text)
        for sample in family.samples
    }


def test_requests_runs_bytes_and_times_are_those_that_the_client_counted(measured: Server) -> None:
    """Every counter, against a client that kept count."""
    sent = received = 0
    for name in ("known", "other"):
        measured.client.put(f"/v1/models/{name}", json=NETWORK).raise_for_status()
        for number in range(3):
            inputs = {"inputs": [[float(number), 2.0, 3.0, 4.0]]}
            reply = measured.post(f"/v1/models/{name}/activations", json=inputs)
            sent, received = sent + len(reply.request.content), received + len(reply.content)
    assert measured.client.get("/v1/models/nothing").status_code == 404
    assert measured.client.get("/nowhere").status_code == 404
    samples = scraped(measured)

    route = "/v1/models/{name}/activations"
    assert samples["layerscope_requests_total", (("method", "POST"), ("route", route), ("status", "200"))] == 6
    assert samples["layerscope_requests_total", (("method", "GET"), ("route", "-"), ("status", "404"))] == 1
    assert samples["layerscope_errors_total", (("code", "not_found"),)] == 2
    assert samples["layerscope_request_seconds_count", (("route", route),)] == 6
    assert samples["layerscope_runs_total", (("cached", "yes"), ("model", "known"))] == 2 + 1 * (
        ("layerscope_runs_total", (("cached", "no"), ("model", "known"))) not in samples
    )
    assert sum(value for (name, _), value in samples.items() if name == "layerscope_runs_total") == 6
    assert ("layerscope_runs_total", (("cached", "yes"), ("model", "other"))) not in samples
    assert samples["layerscope_multiply_adds_total", ()] == 6 * 4 * 2
    assert samples["layerscope_received_bytes_total", ()] >= sent
    assert samples["layerscope_sent_bytes_total", ()] >= received
    assert samples["layerscope_engines_ready", (("kind", "serving"),)] == 1
    assert samples["layerscope_models", ()] == 2
    assert samples["layerscope_queue_length", ()] == 0
    assert samples["layerscope_engine_resident_bytes", (("engine", "0"),)] > 100e6
    for phase in ("read", "admit", "queue", "build", "run", "encode", "send"):
        assert samples["layerscope_phase_seconds_count", (("phase", phase),)] == 6
        assert 0 <= samples["layerscope_phase_seconds_sum", (("phase", phase),)] < 60
    phases = sum(value for (name, _), value in samples.items() if name == "layerscope_phase_seconds_sum")
    assert phases == pytest.approx(samples["layerscope_request_seconds_sum", (("route", route),)], rel=0.05)


def test_both_formats_have_the_same_metrics(measured: Server) -> None:
    """Text and OpenMetrics, each read by the parser of prometheus-client."""
    assert measured.client.get("/metrics", headers={"Accept": OPENMETRICS}).text.endswith("# EOF\n")
    text, openmetrics = ({name for name, _ in scraped(measured, accept)} for accept in ("text/plain", OPENMETRICS))
    assert {name.removesuffix("_created") for name in openmetrics} <= {name.removesuffix("_created") for name in text}


@pytest.mark.parametrize("accept", ["application/openmetrics-text; version=abc", "text/plain; version=x", ",;=", "*/*"])
def test_any_accept_is_answered(measured: Server, accept: str) -> None:
    """In the format of text where it makes no sense."""
    reply = measured.client.get("/metrics", headers={"Accept": accept})
    assert (reply.status_code, reply.headers["content-type"].partition(";")[0]) == (200, "text/plain")


def test_names_of_models_and_unknown_methods_make_no_series(measured: Server) -> None:
    """What clients choose makes no new series."""
    measured.client.get("/v1/models/warm-up")
    measured.client.request("PATCH", "/healthz")
    before = len(scraped(measured))
    for number in range(200):
        measured.client.get(f"/v1/models/model-{number}")
        measured.client.request("PATCH", f"/strange/{number}")
    assert len(scraped(measured)) <= before + 40


def test_refused_requests_are_counted_at_their_route(
    tmp_path: Path, start_stub_server: Callable[..., AbstractContextManager[Server]]
) -> None:
    """Though keys, and pages of other sites, are refused before a request is routed."""
    file = tmp_path / "keys"
    file.write_text(f"{new_key('one')[1]}\n")
    with start_stub_server(tmp_path / "a", KEYS=str(file), METRICS_OPEN="true") as server:
        server.client.post("/v1/models/secret/activations", json={})
        server.client.get("/v2/models/secret", headers={"X-API-Key": "wrong"})
        server.client.post("/v1/plan", headers={"Origin": "http://other.example"})
        samples = scraped(server)
        for route, method, status in (
            ("/v1/models/{name}/activations", "POST", "401"),
            ("/v2/models/{name}", "GET", "401"),
            ("/v1/plan", "POST", "403"),
        ):
            assert samples["layerscope_requests_total", (("method", method), ("route", route), ("status", status))] == 1


def test_only_an_admin_reads_them(
    tmp_path: Path, start_stub_server: Callable[..., AbstractContextManager[Server]]
) -> None:
    """Unless the operator opens them."""
    made = {role: new_key(role) for role in ("use", "register", "admin")}
    file = tmp_path / "keys"
    file.write_text("".join(f"{line} role={role}\n" for role, (_, line) in made.items()))
    with start_stub_server(tmp_path / "a", KEYS=str(file)) as server:
        statuses = {
            role: server.client.get("/metrics", headers={"X-API-Key": secret}).status_code
            for role, (secret, _) in made.items()
        }
        assert statuses == {"use": 403, "register": 403, "admin": 200}
        assert server.client.get("/metrics").status_code == 401
        text = server.client.get("/metrics", headers={"X-API-Key": made["admin"][0]}).text
        assert not any(secret in text for secret, _ in made.values())
    with start_stub_server(tmp_path / "b", KEYS=str(file), METRICS_OPEN="true") as server:
        assert server.client.get("/metrics").status_code == 200
