"""Metrics of the moment, read when they are asked for: engines, queues, memory and the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from starlette.concurrency import run_in_threadpool

from models.store.refresher import RefreshFigures
from service.engines.client import EngineState
from service.engines.figures import CAUSES, EngineFigures, Figures
from service.observing.metrics import Gauges
from service.state import State

Family = TypeVar("Family", GaugeMetricFamily, CounterMetricFamily)


class ServiceGauges(Gauges):
    """Figures of the service as they are now."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._store_bytes: int | None = None

    async def refresh(self) -> None:
        """Measure what takes longer than a moment."""
        try:
            self._store_bytes = await run_in_threadpool(self._state.store.nbytes)
        except OSError:  # a folder that cannot be read takes no other figure away
            self._store_bytes = None

    def collect(self) -> Iterator[Metric]:
        """Yield each metric."""
        figures = self._state.engines.figures()
        yield from _engines(figures)
        yield _places(self._state.engines.states())
        yield from _queues(figures)
        yield GaugeMetricFamily("layerscope_models", "Registered models.", self._state.store.model_count())
        if self._store_bytes is not None:
            yield GaugeMetricFamily("layerscope_store_bytes", "Files of the store.", self._store_bytes)
        yield from _refreshes(self._state.store.refreshed)
        memory = self._state.memory
        decoding = memory.limit - memory.free
        yield GaugeMetricFamily("layerscope_decoding_bytes", "Memory of inputs that are decoded now.", decoding)


def _refreshes(figures: RefreshFigures | None) -> Iterator[Metric]:
    """Yield how the changes of other instances are followed, if there may be others."""
    if figures is not None:
        prefix = "layerscope_store_refresh"
        yield GaugeMetricFamily(f"{prefix}_age_seconds", "Since what is known of the store was read.", figures.age())
        yield GaugeMetricFamily(f"{prefix}_duration_seconds", "How long reading its names took.", figures.seconds)
        yield CounterMetricFamily(f"{prefix}_failures", "How often it could not be read.", figures.failures)


def _engines(figures: Figures) -> Iterator[Metric]:
    ready = GaugeMetricFamily("layerscope_engines_ready", "Engines that take requests.", labels=("kind",))
    ready.add_metric(("serving",), sum(engine.is_ready for engine in figures.engines))
    ready.add_metric(("spare",), sum(engine.is_ready for engine in figures.spares))
    yield ready
    restarts = CounterMetricFamily("layerscope_engine_restarts", "Engines that ended.", labels=("cause",))
    for cause in CAUSES:
        restarts.add_metric((cause,), figures.restarts.get(cause, 0))
    yield restarts
    for name, (text, value) in BY_ENGINE.items():
        gauge = GaugeMetricFamily(f"layerscope_{name}", text, labels=("engine",))
        yield _by_engine(gauge, figures, value)
    evictions = CounterMetricFamily(
        "layerscope_model_cache_evictions", "Built models dropped to make room.", labels=("engine",)
    )
    yield _by_engine(evictions, figures, lambda engine: engine.cache.evictions)


BY_ENGINE: Mapping[str, tuple[str, Callable[[EngineFigures], int]]] = {
    "engine_resident_bytes": ("Resident memory of an engine.", lambda engine: engine.resident_bytes),
    "reply_bytes": ("Reply memory that clients have not read.", lambda engine: engine.held_bytes),
    "input_bytes": ("Input memory that an engine has not read.", lambda engine: engine.input_bytes),
    "model_cache_bytes": ("Estimated memory of built models.", lambda engine: engine.cache.nbytes),
    "model_cache_models": ("Built models.", lambda engine: engine.cache.models),
}


def _places(states: Sequence[EngineState]) -> Metric:
    """Return where each engine is; nodes are those of a cluster."""
    family = GaugeMetricFamily("layerscope_engine_info", "Where an engine is.", labels=("engine", "node", "pid"))
    for number, engine in enumerate(states):
        family.add_metric((str(number), engine.node, str(engine.pid or "")), 1)
    return family


def _by_engine(family: Family, figures: Figures, value: Callable[[EngineFigures], int]) -> Family:
    """Add a value of each engine."""
    for number, engine in enumerate(figures.engines):
        family.add_metric((str(number),), value(engine))
    return family


def _queues(figures: Figures) -> Iterator[Metric]:
    yield GaugeMetricFamily("layerscope_queue_length", "Requests that wait for an engine.", figures.queued)
    yield GaugeMetricFamily("layerscope_queue_bytes", "Inputs of requests that wait.", figures.queued_bytes)
    yield GaugeMetricFamily("layerscope_queue_seconds", "Estimated work that waits.", figures.queued_seconds)
