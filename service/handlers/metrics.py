"""Metrics of the moment, read when they are asked for: engines, queues, memory and the store."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from service.engines.figures import EngineFigures, Figures
from service.state import State


class Gauges(Collector):
    """Figures of the service as they are now."""

    def __init__(self, state: State) -> None:
        self._state = state

    def collect(self) -> Iterator[Metric]:
        """Yield each metric."""
        figures = self._state.engines.figures()
        yield from _engines(figures)
        yield from _queues(figures)
        yield GaugeMetricFamily("layerscope_models", "Registered models.", len(self._state.store.entries()))
        memory = self._state.memory
        decoding = memory.limit - memory.free
        yield GaugeMetricFamily("layerscope_decoding_bytes", "Memory of inputs that are decoded now.", decoding)


def _engines(figures: Figures) -> Iterator[Metric]:
    ready = GaugeMetricFamily("layerscope_engines_ready", "Engines that take requests.", labels=("kind",))
    ready.add_metric(("serving",), sum(engine.is_ready for engine in figures.engines))
    ready.add_metric(("spare",), sum(engine.is_ready for engine in figures.spares))
    yield ready
    restarts = CounterMetricFamily("layerscope_engine_restarts", "Engines that ended.", labels=("cause",))
    for cause, count in figures.restarts.items():
        restarts.add_metric((cause,), count)
    yield restarts
    yield _by_engine("layerscope_engine_resident_bytes", "Resident memory of an engine.", figures, "resident_bytes")
    yield _by_engine("layerscope_reply_bytes", "Reply memory that clients have not read.", figures, "held_bytes")


def _by_engine(name: str, text: str, figures: Figures, field: str) -> Metric:
    family = GaugeMetricFamily(name, text, labels=("engine",))
    engines: tuple[EngineFigures, ...] = figures.engines
    for number, engine in enumerate(engines):
        family.add_metric((str(number),), getattr(engine, field))
    return family


def _queues(figures: Figures) -> Iterator[Metric]:
    yield GaugeMetricFamily("layerscope_queue_length", "Requests that wait for an engine.", figures.queued)
    yield GaugeMetricFamily("layerscope_queue_bytes", "Inputs of requests that wait.", figures.queued_bytes)
    yield GaugeMetricFamily("layerscope_queue_seconds", "Estimated work that waits.", figures.queued_seconds)


def exposition(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """Return the metrics in the format that a scraper accepts, and its media type."""
    encode, media_type = choose_encoder(accept)
    return encode(registry), media_type
