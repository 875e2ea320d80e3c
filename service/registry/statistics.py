"""What is counted of inferences, in the shape of Triton's statistics extension. Times are in nanoseconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

STEPS = ("queue", "compute_input", "compute_infer", "compute_output")
MAX_BATCH_SIZES = 64
"""Batch sizes told apart in one model's statistics; those that come later are in its sums alone."""


@dataclass
class Duration:
    """How often something was done, and how long it took in all."""

    count: int = 0
    ns: int = 0

    def add(self, ns: int) -> None:
        """Once more."""
        self.count += 1
        self.ns += ns

    def json(self) -> dict[str, int]:
        """As the protocol has it."""
        return {"count": self.count, "ns": self.ns}


def _durations(*names: str) -> dict[str, Duration]:
    return {name: Duration() for name in names}


@dataclass
class Stopwatch:
    """One inference: its batch and the time of each step so far."""

    batch: int = 0
    steps: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STEPS, 0))
    _last: int = field(default_factory=time.perf_counter_ns)

    def start(self) -> None:
        """The request has arrived."""
        self._last = time.perf_counter_ns()

    def lap(self, step: str) -> None:
        """The time since the last lap was spent on this step."""
        now = time.perf_counter_ns()
        self.steps[step] += now - self._last
        self._last = now

    def ran(self, batch: int, ns: int) -> None:
        """An engine has computed for `ns`; the rest since the last lap was spent waiting for it."""
        self.lap("queue")
        self.batch = batch
        self.steps["compute_infer"] = ns
        self.steps["queue"] = max(0, self.steps["queue"] - ns)


@dataclass
class Statistics:
    """Of one model, since the service started."""

    last: int = 0
    """Milliseconds since 1970."""
    inferences: int = 0
    executions: int = 0
    totals: dict[str, Duration] = field(default_factory=lambda: _durations("success", "fail", *STEPS))
    batches: dict[int, dict[str, Duration]] = field(default_factory=dict)

    @contextmanager
    def counting(self) -> Iterator[Stopwatch]:
        """Counts what happens inside as an inference that succeeds or fails."""
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
        """As the protocol has it. There is no cache of replies."""
        nothing = {kind: Duration().json() for kind in ("cache_hit", "cache_miss")}
        sizes = sorted(self.batches.items())
        return {
            "name": name,
            "version": "1",
            "last_inference": self.last,
            "inference_count": self.inferences,
            "execution_count": self.executions,
            "inference_stats": {**{step: total.json() for step, total in self.totals.items()}, **nothing},
            "response_stats": {},
            "batch_stats": [
                {"batch_size": size, **{step: one.json() for step, one in steps.items()}} for size, steps in sizes
            ],
            "memory_usage": [],
        }
