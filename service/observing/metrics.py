"""Metrics of requests for Prometheus, counted from their records.

Labels have a closed set of values: route templates, methods, statuses and codes. Names of models come from clients, so
that only those that the operator lists are labels.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from importlib.metadata import version

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.types import Scope

from models.errors import all_errors
from service.observing.engine_trace import EngineTrace
from service.observing.histogram import TimeHistogram
from service.observing.records import Record

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"))
PHASES = ("read", "admit", "queue", "build", "run", "encode", "send")
"""What a request spends its time in, in this order: until its body is read, until it is queued, until it is run, …,
until its last byte is handed to the network.
"""
BATCH = 256
"""Requests that are counted together: one by one they would take 30 µs each, together 3."""


class Gauges(Collector):
    """Figures that are read when they are asked for."""

    async def refresh(self) -> None:
        """Measure what takes longer than a moment."""


class Metrics(Collector):
    """Counters and histograms of the requests of one application. Used on the event loop alone."""

    def __init__(self, models: Collection[str] = ()) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(self)
        self._models = frozenset(models)
        self._gauges: Gauges | None = None
        self._ended: list[Record] = []
        """Requests that are not counted yet."""
        self._requests = Counter[tuple[str, ...]]()
        self._errors = Counter[tuple[str, ...]]({(error.code,): 0 for error in all_errors()})
        """By code; all are there from the start, so that the first of a code is seen as an increase."""
        self._runs = Counter[tuple[str, ...]]()
        self._received = self._sent = self._macs = 0
        self._times: defaultdict[str, TimeHistogram] = defaultdict(TimeHistogram)
        self._phases = {phase: TimeHistogram() for phase in PHASES}

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
        encode, media_type = _encoder(accept)
        return encode(self.registry), media_type

    def observe(self, _: Scope, record: Record) -> None:
        """Count a request that has ended."""
        self._ended.append(record)
        if len(self._ended) >= BATCH:
            self._count()

    def _count(self) -> None:
        """Count the requests that have ended since the last time."""
        ended, self._ended = self._ended, []
        times = defaultdict(list)
        for record in ended:
            method = record.method if record.method in METHODS else "other"
            self._requests[record.route, method, str(record.status)] += 1
            if record.code is not None:
                self._errors[(record.code,)] += 1
            self._received += record.bytes_in
            self._sent += record.bytes_out
            times[record.route].append(record.total_ms / 1e3)
        for route, seconds in times.items():
            self._times[route].add(seconds)
        self._count_runs([record for record in ended if record.trace is not None and record.trace.has_run])

    def _count_runs(self, records: Sequence[Record]) -> None:
        by_phase = zip(*(record.phases() for record in records), strict=True)
        for phase, seconds in zip(PHASES, by_phase, strict=bool(records)):
            self._phases[phase].add(seconds)
        for record in records:
            trace = record.trace or EngineTrace()
            name = trace.name or ""
            self._runs[name if name in self._models else "", "yes" if trace.is_cached else "no"] += 1
            self._macs += trace.macs

    def collect(self) -> Iterator[Metric]:
        """Yield each metric."""
        self._count()
        by_route = ("route", "method", "status")
        yield _counter("requests", "Requests that have ended.", self._requests, by_route)
        yield _counter("errors", "Requests that ended in an error.", self._errors, ("code",))
        text = "Time from the head of a request to the end of its response."
        yield _histogram("request_seconds", text, self._times, "route")
        text = "Time of requests that ran something, by what it was spent in."
        yield _histogram("phase_seconds", text, self._phases, "phase")
        yield _counter("received_bytes", "Bytes of the bodies of requests, as far as read.", {(): self._received})
        yield _counter("sent_bytes", "Bytes of the bodies of responses.", {(): self._sent})
        yield _counter("runs", "Runs, by whether the model was built already.", self._runs, ("model", "cached"))
        yield _counter("multiply_adds", "Multiply-adds done.", {(): self._macs})
        versions = {name: version(name) for name in ("layerscope", "tensorflow", "keras")}
        yield InfoMetricFamily("layerscope_build", "What runs.", versions)


def _encoder(accept: str) -> tuple[Callable[[CollectorRegistry], bytes], str]:
    """Return the encoder of the format that is accepted; that of text where the header makes no sense."""
    try:
        return choose_encoder(accept)
    except (TypeError, ValueError):
        return choose_encoder("")


def _counter(name: str, text: str, counts: Mapping[tuple[str, ...], int], labels: Sequence[str] = ()) -> Metric:
    family = CounterMetricFamily(f"layerscope_{name}", text, labels=labels)
    for values, count in counts.items():
        family.add_metric(values, count)
    return family


def _histogram(name: str, text: str, histograms: Mapping[str, TimeHistogram], label: str) -> Metric:
    family = HistogramMetricFamily(f"layerscope_{name}", text, labels=(label,))
    for value, histogram in histograms.items():
        family.add_metric((value,), histogram.buckets(), histogram.seconds)
    return family
