"""Statistics of inferences, in the shape of Triton's statistics extension. Times are in nanoseconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

VERSION = "1"
"""The only version of every model: another network is another model."""
STEPS = ("queue", "compute_input", "compute_infer", "compute_output")
MAX_BATCH_SIZES = 64
"""Batch sizes with statistics of their own in one model; later sizes are counted in its totals only."""


@dataclass
class Duration:
    """A count, and the total time."""

    count: int = 0
    ns: int = 0

    def add(self, ns: int) -> None:
        """Add one duration."""
        self.count += 1
        self.ns += ns

    def json(self) -> dict[str, int]:
        """Return the form of the protocol."""
        return {"count": self.count, "ns": self.ns}


def _durations(*names: str) -> dict[str, Duration]:
    return {name: Duration() for name in names}


@dataclass
class Stopwatch:
    """The batch of one inference, and the time of each step so far."""

    batch: int = 0
    steps: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STEPS, 0))
    _last: int = field(default_factory=time.perf_counter_ns)

    def start(self) -> None:
        """Start at the arrival of the request."""
        self._last = time.perf_counter_ns()

    def lap(self, step: str) -> None:
        """Add the time since the last lap to a step."""
        now = time.perf_counter_ns()
        self.steps[step] += now - self._last
        self._last = now

    def add_run(self, batch: int, ns: int) -> None:
        """Add a run of `ns` on an engine; the rest of the time since the last lap was queueing."""
        self.lap("queue")
        self.batch = batch
        self.steps["compute_infer"] = ns
        self.steps["queue"] = max(0, self.steps["queue"] - ns)


@dataclass
class Statistics:
    """Statistics of one model since the service started."""

    last: int = 0
    """Time of the last inference, in milliseconds since 1970."""
    inferences: int = 0
    executions: int = 0
    totals: dict[str, Duration] = field(default_factory=lambda: _durations("success", "fail", *STEPS))
    batches: dict[int, dict[str, Duration]] = field(default_factory=dict)

    @contextmanager
    def measure(self) -> Iterator[Stopwatch]:
        """Count the block as one inference, failed if it raises."""
        watch, started = Stopwatch(), time.perf_counter_ns()
        try:
            yield watch
        except BaseException:
            self.totals["fail"].add(time.perf_counter_ns() - started)
            raise
        self.totals["success"].add(time.perf_counter_ns() - started)
        self._count(watch)

    def _count(self, watch: Stopwatch) -> None:
        self.last = time.time_ns() // 10**6
        self.inferences += watch.batch
        self.executions += 1
        if watch.batch in self.batches or len(self.batches) < MAX_BATCH_SIZES:
            self.batches.setdefault(watch.batch, _durations(*STEPS[1:]))
        for step, ns in watch.steps.items():
            self.totals[step].add(ns)
            if step in self.batches.get(watch.batch, ()):
                self.batches[watch.batch][step].add(ns)

    def json(self, name: str) -> dict[str, Any]:
        """Return the form of the protocol. There is no cache of replies."""
        no_cache = {kind: Duration().json() for kind in ("cache_hit", "cache_miss")}
        sizes = sorted(self.batches.items())
        return {
            "name": name,
            "version": VERSION,
            "last_inference": self.last,
            "inference_count": self.inferences,
            "execution_count": self.executions,
            "inference_stats": {**{step: total.json() for step, total in self.totals.items()}, **no_cache},
            "response_stats": {},
            "batch_stats": [
                {"batch_size": size, **{step: total.json() for step, total in steps.items()}} for size, steps in sizes
            ],
            "memory_usage": [],
        }
