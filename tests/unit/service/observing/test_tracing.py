"""What of OpenTelemetry is turned on, and which headers of a trace are read."""

from __future__ import annotations

import pytest

from service.observing.tracing import Tracing, trace_headers, tracing_of

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://a"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_SDK_DISABLED": "TRUE"},
    ],
)
def test_nothing_is_traced_unless_it_is_asked_for(variables: dict[str, str]) -> None:
    """A variable that is empty is as good as none."""
    assert tracing_of(variables) is None


@pytest.mark.parametrize(
    "variables",
    [{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}, {"OTEL_TRACES_EXPORTER": "otlp"},
     {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_PROTOCOL": ""}],
)  # fmt: skip
def test_an_endpoint_turns_tracing_on(variables: dict[str, str]) -> None:
    """That of all signals, or of traces."""
    tracing = tracing_of(variables)
    assert isinstance(tracing, Tracing)
    tracing.close()


GRPC = {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}


@pytest.mark.parametrize("variables", [{"OTEL_TRACES_EXPORTER": "zipkin"}, GRPC])
def test_what_is_not_here_is_refused(variables: dict[str, str]) -> None:
    """In one line."""
    with pytest.raises(ValueError, match="write"):
        tracing_of(variables)


@pytest.mark.parametrize(
    ("state", "is_read"),
    [
        ("congo=t61rcWkgMzE", True), ("a@b=1,c=2", True), ("", True), ("ls_secret bad member", False),
        ("a=1,a b", False), ("a=" + "x" * 600, False), (",".join(["a=1"] * 40), False), ("a=\u00e9", False),
    ],
)  # fmt: skip
def test_the_state_of_a_trace_is_read_if_it_is_one(state: str, is_read: bool) -> None:
    """What the propagator cannot read it would write to the log."""
    headers = [(b"traceparent", PARENT.encode()), (b"tracestate", state.encode("latin-1")), (b"host", b"a")]
    read = trace_headers(headers)
    assert read == ({"traceparent": PARENT, "tracestate": state} if is_read else {})


def test_a_trace_that_is_sent_twice_is_none() -> None:
    """Neither of the two is taken."""
    assert trace_headers([(b"traceparent", PARENT.encode())] * 2) == {}
