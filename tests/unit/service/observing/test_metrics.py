"""Metrics of requests: histograms like those of prometheus-client, and counts however many come."""

from __future__ import annotations

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, Histogram

from service.observing.engine_trace import EngineTrace
from service.observing.histogram import BOUNDS, TimeHistogram
from service.observing.metrics import BATCH, Metrics
from service.observing.records import Record


def test_times_fall_into_the_buckets_that_prometheus_client_puts_them_in() -> None:
    """Times that equal a bound too, and those over the last."""
    registry, ours, chosen = CollectorRegistry(), TimeHistogram(), np.random.default_rng(0)
    theirs = Histogram("x", "x", buckets=BOUNDS, registry=registry)
    times = [*BOUNDS, 0.0, 31.0, *map(float, chosen.lognormal(-3, 3, 500))]
    for one in times:
        theirs.observe(one)
    ours.add(times[:100])
    ours.add(times[100:])
    (family,) = registry.collect()
    expected = {sample.labels["le"]: sample.value for sample in family.samples if sample.name == "x_bucket"}
    assert dict(ours.buckets()) == expected
    assert ours.seconds == sum(times[:100]) + sum(times[100:])


def test_every_request_is_counted_once() -> None:
    """Those that are counted together, and the last ones, which are counted when somebody asks."""
    metrics, number = Metrics(["known"]), 2 * BATCH + 7
    for index in range(number):
        trace = EngineTrace("client", run_ms=1.0, name="known" if index % 2 else "other", macs=3, is_cached=True)
        metrics.observe({}, Record("id", "GET" if index else "BREW", 0.0, 200, "internal", 5, trace=trace))
    for _ in range(2):
        samples = {(s.name, *sorted(s.labels.values())): s.value for f in metrics.collect() for s in f.samples}
        assert samples["layerscope_requests_total", "-", "200", "GET"] == number - 1
        assert samples["layerscope_requests_total", "-", "200", "other"] == 1
        assert samples["layerscope_errors_total", "internal"] == number
        assert samples["layerscope_sent_bytes_total",] == 5 * number
        assert samples["layerscope_multiply_adds_total",] == 3 * number
        assert samples["layerscope_runs_total", "known", "yes"] == number // 2
        assert samples["layerscope_phase_seconds_count", "run"] == number
        assert samples["layerscope_phase_seconds_sum", "run"] == pytest.approx(0.001 * number)
