"""The goals: ratios formed within each round, of which the median counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

Round = Mapping[str, Any]
"""Records by server, of one workload."""
RATE, P50, P99 = "requests_per_second", "p50_ms", "p99_ms"
LARGEST_OVERDRAFT_MIB = 64


@dataclass(frozen=True)
class Goal:
    """A ratio of one workload that is to be at least, or at most, so much."""

    workload: str
    text: str
    ratio: Callable[[Round], float]
    least: float | None = None
    most: float | None = None

    def reached(self, ratio: float) -> bool:
        """Whether a ratio is good enough."""
        return (self.least is None or ratio >= self.least) and (self.most is None or ratio <= self.most)


def _figure(name: str, cell: str, figure: str) -> Callable[[Round], float]:
    return lambda one: float(one[name]["cells"][cell][figure])


def _times(cell: str, other: str, figure: str = RATE) -> Callable[[Round], float]:
    """Layerscope's figure by another's."""
    ours, theirs = _figure("layerscope", cell, figure), _figure(other, cell, figure)
    return lambda one: ours(one) / theirs(one)


NO_PEERS = ("layerscope", "floor", "sending alone", "compute alone", "keras")


def _best_peer(cell: str) -> Callable[[Round], float]:
    """Layerscope's rate by that of the fastest server that anyone can install."""

    def ratio(one: Round) -> float:
        rates = [record["cells"][cell][RATE] for name, record in one.items()
                 if name not in NO_PEERS and cell in record.get("cells", {})]  # fmt: skip
        return _figure("layerscope", cell, RATE)(one) / max(rates)

    return ratio


def _own(cell: str) -> Callable[[Round], float]:
    return lambda one: _figure("layerscope", cell, P99)(one) / _figure("layerscope", cell, P50)(one)


def _parts(one: Round) -> float:
    """Layerscope by what computing and sending take when each is done alone."""
    cell = "binary 1"
    alone = sum(_figure(name, cell, P50)(one) for name in ("compute alone", "sending alone"))
    return _figure("layerscope", cell, P50)(one) / alone


def _kept(one: Round) -> float:
    """MiB that the engine has grown by, over the budget of its cache."""
    memory = list(one["layerscope"]["engine_mib"].values())
    return float(memory[-1] - memory[0] - one["layerscope"]["budget_mib"])


GOALS = (
    Goal("tiny", "JSON, 16 connections: req/s by the best peer's", _best_peer("json 16"), least=3),
    Goal("tiny", "binary, 16: req/s by Triton's", _times("binary 16", "triton"), least=1.6),
    Goal("tiny", "JSON, 16: req/s by the floor's", _times("json 16", "floor"), least=1.5),
    Goal("tiny", "binary, 16: req/s by the floor's", _times("binary 16", "floor"), least=1.3),
    Goal("tiny", "binary, 1: p50 by the floor's", _times("binary 1", "floor", P50), most=1.2),
    Goal("tiny", "JSON, 16: p99 by p50", _own("json 16"), most=2.5),
    Goal("tiny", "binary, 16: p99 by p50", _own("binary 16"), most=2.5),
    Goal("mnv2", "binary, 4: req/s by Triton's", _times("binary 4", "triton"), least=1.5),
    Goal("mnv2all", "1: req/s by Triton's", _times("binary 1", "triton"), least=2.5),
    Goal("mnv2all", "1: p50 by computing alone + sending alone", _parts, most=1.25),
    Goal("hd", "float32, 1: p50 by the floor's", _times("binary 1", "floor", P50), most=1.2),
    Goal("hd", "uint8, 1: p50 by the floor's", _times("uint8 1", "floor", P50), most=1.2),
    Goal("cold", "binary: p50 by Keras in process", _times("binary 1", "keras", P50), most=1.5),
    Goal("cold", "JSON: p50 by Keras in process", _times("json 1", "keras", P50), most=1.5),
    Goal("churn", "MiB that the engine grew by, over its budget", _kept, most=LARGEST_OVERDRAFT_MIB),
)


def measured(goal: Goal, rounds: Sequence[Mapping[str, Round]]) -> list[float]:
    """The ratio of each round that has the figures for it."""
    values = []
    for one in rounds:
        try:
            values.append(goal.ratio(one[goal.workload]))
        except (KeyError, ValueError):  # a server that was not measured
            continue
    return values


def table(rounds: Sequence[Mapping[str, Round]]) -> Iterator[tuple[str, ...]]:
    """Workload, what is compared, goal, median, each round, verdict; goals without figures are left out."""
    for goal in GOALS:
        if values := measured(goal, rounds):
            middle = median(values)
            bound = f"≥ {goal.least:g}" if goal.least is not None else f"≤ {goal.most:g}"
            each = " · ".join(f"{value:.2f}" for value in values)
            verdict = "reached" if goal.reached(middle) else "**missed**"
            yield goal.workload, goal.text, bound, f"{middle:.2f}", each, verdict
