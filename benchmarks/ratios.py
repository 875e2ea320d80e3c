"""The goals: ratios formed within each round, of which the median counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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

    @property
    def bound(self) -> tuple[str, float]:
        """The sign and the number that a ratio is compared with."""
        return ("≥", self.least) if self.least is not None else ("≤", self.most or 0)

    def reached(self, ratio: float) -> bool:
        """Whether a ratio is good enough."""
        return (self.least is None or ratio >= self.least) and (self.most is None or ratio <= self.most)


class TooManyErrors(Exception):
    """What was measured is how fast a server refuses."""


def figure(name: str, cell: str, key: str) -> Callable[[Round], float]:
    """One figure of a cell in which at least 99 of 100 requests were answered."""

    def value(one: Round) -> float:
        seen = one[name]["cells"][cell]
        if seen["errors"] > seen["requests"] / 100:
            raise TooManyErrors
        return float(seen[key])

    return value


@dataclass(frozen=True)
class Comparison:
    """A ratio: one of Layerscope's figures by the same of `other`, which `reference` reads."""

    cell: str
    figure: str
    other: str
    reference: Callable[[Round], float]

    def __call__(self, one: Round) -> float:
        """The ratio of a round."""
        return figure("layerscope", self.cell, self.figure)(one) / self.reference(one)


def _times(cell: str, other: str, key: str = RATE) -> Comparison:
    """Layerscope's figure by another's."""
    return Comparison(cell, key, other, figure(other, cell, key))


PARTS = ("compute alone", "sending alone")
"""What serves nobody."""
NO_PEERS = ("layerscope", "layerscope together", "floor", "keras", *PARTS)


def _best_peer(cell: str) -> Comparison:
    """Layerscope's rate by that of the fastest server that anyone can install."""

    def rate(name: str, one: Round) -> float:
        try:
            return figure(name, cell, RATE)(one)
        except (KeyError, TooManyErrors):
            return 0

    def best(one: Round) -> float:
        return max((rate(name, one) for name in one if name not in NO_PEERS), default=0)

    return Comparison(cell, RATE, "the best peer", best)


def _parts(cell: str) -> Comparison:
    """Layerscope by what computing and sending take when each is done alone."""
    parts = [figure(name, cell, P50) for name in PARTS]
    return Comparison(cell, P50, "computing + sending", lambda one: sum(part(one) for part in parts))


def _own(cell: str) -> Callable[[Round], float]:
    return lambda one: figure("layerscope", cell, P99)(one) / figure("layerscope", cell, P50)(one)


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
    Goal("mnv2all", "1: p50 by computing alone + sending alone", _parts("binary 1"), most=1.25),
    Goal("hd", "float32, 1: p50 by the floor's", _times("binary 1", "floor", P50), most=1.2),
    Goal("hd", "uint8, 1: p50 by the floor's", _times("uint8 1", "floor", P50), most=1.2),
    Goal("cold", "binary: p50 by Keras in process", _times("binary 1", "keras", P50), most=1.5),
    Goal("cold", "JSON: p50 by Keras in process", _times("json 1", "keras", P50), most=1.5),
    Goal("churn", "MiB that the engine grew by, over its budget", _kept, most=LARGEST_OVERDRAFT_MIB),
)


def read(rounds: Iterable[Round], reader: Callable[[Round], float]) -> list[float]:
    """What the rounds have of it."""
    values = []
    for one in rounds:
        try:
            values.append(reader(one))
        except (KeyError, ZeroDivisionError, TooManyErrors):  # a server that was not measured, or did not work
            continue
    return values


def measured(goal: Goal, rounds: Sequence[Mapping[str, Round]]) -> list[float]:
    """The ratio of each round that has the figures for it."""
    return read(rounds, lambda one: goal.ratio(one[goal.workload]))


def table(rounds: Sequence[Mapping[str, Round]]) -> Iterator[tuple[str, ...]]:
    """Workload, what is compared, goal, median, each round, verdict, for the workloads that were run."""
    for goal in GOALS:
        if any(goal.workload in one for one in rounds):
            values = measured(goal, rounds)
            sign, bound = goal.bound
            each = " · ".join(f"{value:.2f}" for value in values)
            yield goal.workload, goal.text, f"{sign} {bound:g}", *_judged(goal, values), each


def _judged(goal: Goal, values: Sequence[float]) -> tuple[str, str]:
    """The median and whether it will do."""
    if not values:
        return "", "not measured"
    middle = median(values)
    return f"{middle:.2f}", "reached" if goal.reached(middle) else "**missed**"
