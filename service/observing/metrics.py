"""Metrics of requests, in a registry of Prometheus; written when a request ends, from its record.

Labels have a closed set of values: route templates, methods, statuses and codes. Names of models come from clients, so
that only those that the operator lists are labels.
"""

from __future__ import annotations

from collections.abc import Collection
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Histogram, Info
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.types import Scope

from service.observing.records import Record

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"))
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the buckets of times."""
PHASES = ("read", "queue", "build", "run", "encode", "send")
"""What a request spends its time in, in this order: until it is queued, until it is run, …, until its last byte is
handed to the network.
"""


class Gauges(Collector):
    """Figures that are read when they are asked for."""

    async def refresh(self) -> None:
        """Measure what takes longer than a moment."""


class Metrics:
    """Counters and histograms of the requests of one application."""

    def __init__(self, models: Collection[str] = ()) -> None:
        self.registry = CollectorRegistry()
        self._models = frozenset(models)
        self._gauges: Gauges | None = None
        labels = ("route", "method", "status")
        self._requests = Counter("layerscope_requests", "Requests that have ended.", labels, registry=self.registry)
        self._refused = Counter(
            "layerscope_errors", "Requests that ended in an error.", ("code",), registry=self.registry
        )
        self._total = Histogram(
            "layerscope_request_seconds", "Time from the head of a request to the end of its response.", ("route",),
            buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        self._phases = Histogram(
            "layerscope_phase_seconds", "Time of requests that ran something, by what it was spent in.", ("phase",),
            buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        self._in = Counter("layerscope_received_bytes", "Bytes of the bodies of requests.", registry=self.registry)
        self._out = Counter("layerscope_sent_bytes", "Bytes of the bodies of responses.", registry=self.registry)
        self._runs = Counter(
            "layerscope_runs", "Runs, by whether the model was built already.", ("model", "cached"),
            registry=self.registry,
        )  # fmt: skip
        self._macs = Counter("layerscope_multiply_adds", "Multiply-adds done.", registry=self.registry)
        info = Info("layerscope_build", "What runs.", registry=self.registry)
        info.info({name: version(name) for name in ("layerscope", "tensorflow", "keras")})

    def watch(self, gauges: Gauges) -> None:
        """Add figures that are read when they are asked for, in place of those of an earlier start."""
        if self._gauges is not None:
            self.registry.unregister(self._gauges)
        self.registry.register(gauges)
        self._gauges = gauges

    async def exposition(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics in the format that a scraper accepts, and its media type."""
        if self._gauges is not None:
            await self._gauges.refresh()
        encode, media_type = choose_encoder(accept)
        return encode(self.registry), media_type

    def observe(self, _: Scope, record: Record) -> None:
        """Count a request that has ended."""
        method = record.method if record.method in METHODS else "other"
        self._requests.labels(record.route, method, str(record.status)).inc()
        if record.code is not None:
            self._refused.labels(record.code).inc()
        self._total.labels(record.route).observe(record.total_ms / 1e3)
        self._in.inc(record.bytes_in)
        self._out.inc(record.bytes_out)
        if record.trace is not None and record.trace.run_ms is not None:
            self._observe_run(record)

    def _observe_run(self, record: Record) -> None:
        for phase, seconds in zip(PHASES, record.phases(), strict=True):
            self._phases.labels(phase).observe(seconds)
        trace = record.trace
        assert trace is not None  # noqa: S101 (asked for by the caller)
        model = trace.name if trace.name is not None and trace.name in self._models else ""
        self._runs.labels(model, "yes" if trace.is_cached else "no").inc()
        self._macs.inc(trace.macs)
