"""What the chart of a workload shows: Layerscope beside its peers, in the figures that its goals are about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from benchmarks.ratios import (
    GOALS,
    LARGEST_OVERDRAFT_MIB,
    NO_PEERS,
    P50,
    PARTS,
    RATE,
    Comparison,
    Round,
    figure,
    read,
)

Kind = Literal["own", "peer", "reference"]
UNITS = {RATE: "requests a second", P50: "milliseconds, median"}
GROWTH = {"layers": P50, "channels": P50, "batch": P50, "clients": RATE}
"""The figure of growth's cells, by the first word of their names."""


@dataclass(frozen=True)
class Bar:
    """A figure of each round that has it: Layerscope's own, a peer's, or of what nobody installs."""

    name: str
    kind: Kind
    values: Sequence[float]


@dataclass(frozen=True)
class Line:
    """Where a goal is among the bars."""

    name: str
    value: float


@dataclass(frozen=True)
class Panel:
    """Bars over one axis."""

    title: str
    bars: Sequence[Bar]
    lines: Sequence[Line] = ()


def panels(workload: str, rounds: Sequence[Mapping[str, Round]]) -> list[Panel]:
    """The panels of a workload's chart that have bars."""
    ones = [one[workload] for one in rounds if workload in one]
    if workload == "growth":
        found = _growth(ones)
    else:
        found = _churn(ones) if workload == "churn" else _compared(workload, ones)
    return [panel for panel in found if panel.bars]


def _compared(workload: str, ones: Sequence[Round]) -> Iterator[Panel]:
    """A panel for each cell and figure in which goals compare servers."""
    goals: dict[tuple[str, str], list[Line]] = {}
    for goal in GOALS:
        if goal.workload == workload and isinstance(goal.ratio, Comparison):
            lines = goals.setdefault((goal.ratio.cell, goal.ratio.figure), [])
            lines.extend(_line(*goal.bound, goal.ratio, ones))
    for (cell, key), lines in goals.items():
        names = [name for name in ones[0] if key != RATE or name not in PARTS]
        bars = _bars(ones, {name: figure(name, cell, key) for name in names}, _kind)
        yield Panel(f"{_connections(cell)}: {UNITS[key]}", bars, lines)


def _line(sign: str, bound: float, ratio: Comparison, ones: Sequence[Round]) -> Iterator[Line]:
    """The figure with which the goal is just reached, if what it is compared with was measured."""
    if others := [value for value in read(ones, ratio.reference) if value]:
        yield Line(f"goal: {sign} {bound:g} × {ratio.other}", bound * median(others))


def _growth(ones: Sequence[Round]) -> Iterator[Panel]:
    """A panel for each thing that grows."""
    cells = dict.fromkeys(cell for one in ones for cell in one.get("layerscope", {}).get("cells", ()))
    for word, key in GROWTH.items():
        readers = {cell: figure("layerscope", cell, key) for cell in cells if cell.startswith(f"{word} ")}
        yield Panel(f"{word}: {UNITS[key]}", _bars(ones, readers))


def _churn(ones: Sequence[Round]) -> Iterator[Panel]:
    """The engine's memory as documents come."""

    def memory(documents: str) -> Callable[[Round], float]:
        return lambda one: float(one["layerscope"]["engine_mib"][documents])

    counts = dict.fromkeys(count for one in ones for count in one.get("layerscope", {}).get("engine_mib", ()))
    most = read(ones, lambda one: memory("0")(one) + one["layerscope"]["budget_mib"] + LARGEST_OVERDRAFT_MIB)
    lines = [Line(f"goal: ≤ start + budget + {LARGEST_OVERDRAFT_MIB}", median(most))] if most else []
    bars = _bars(ones, {f"{int(count):,} documents": memory(count) for count in counts})
    yield Panel("memory of the engine: MiB", bars, lines)


def _bars(
    ones: Sequence[Round],
    readers: Mapping[str, Callable[[Round], float]],
    kind: Callable[[str], Kind] = lambda _: "own",
) -> list[Bar]:
    """Those that were measured in any round."""
    values = {name: read(ones, reader) for name, reader in readers.items()}
    return [Bar(name, kind(name), some) for name, some in values.items() if some]


def _kind(server: str) -> Kind:
    if server.startswith("layerscope"):
        return "own"
    return "reference" if server in NO_PEERS else "peer"


def _connections(cell: str) -> str:
    """The words for `json 16`."""
    encoding, _, number = cell.rpartition(" ")
    return f"{encoding}, {number} connection{'' if number == '1' else 's'}"
