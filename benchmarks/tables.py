"""Markdown of the figures: medians over the rounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.ratios import table

Record = dict[str, Any]
COLUMNS = {
    "req/s": ("requests_per_second", "{:,.1f}"),
    "p50 ms": ("p50_ms", "{:,.2f}"),
    "p99 ms": ("p99_ms", "{:,.2f}"),
    "CPU ms a request": ("cpu_ms", "{:,.2f}"),
    "errors": ("errors", "{:,.0f}"),
    "reply bytes": ("reply_bytes", "{:,.0f}"),
}
LEGEND = (
    "Bars are medians over the rounds: blue Layerscope's, grey its peers', faint the floor's and those of parts alone. "
    "Whiskers go from the lowest round to the highest. Dashed lines are goals, from the median of what each names.\n"
)
SERVER: dict[str, Callable[[Record], str]] = {
    "start s": lambda one: f"{one['start_s']:.1f}",
    "MiB idle": lambda one: f"{sum(one['idle_mib'].values()):,.0f}",
    "MiB after load": lambda one: f"{sum(one['loaded_mib'].values()):,.0f}",
    "first process": lambda one: f"{one['loaded_mib']['first']:,.0f}",
    "others": lambda one: f"{one['loaded_mib']['others']:,.0f}",
}


def report(run: Mapping[str, Any], pictures: Mapping[str, str] | None = None) -> str:
    """The ratios, then of each workload its picture, if there is one, the cells and what the servers take."""
    rounds, about = run["rounds"], ", ".join(f"{name} {value}" for name, value in run["machine"].items())
    parts = [
        _workload(name, [one[name] for one in rounds if name in one], (pictures or {}).get(name)) for name in rounds[0]
    ]
    goals = header(["", "ratio", "goal", "median", "", "rounds"], 2) + "".join(map(row, table(rounds)))
    legend = [LEGEND] if pictures else []
    return "\n".join([f"{about}; {len(rounds)} rounds\n", *legend, goals, *parts])


def row(values: Iterable[object]) -> str:
    """One line of a table."""
    return f"| {' | '.join(map(str, values))} |\n"


def header(names: Sequence[str], texts: int = 1) -> str:
    """The first two lines; the first `texts` columns are text, the others numbers."""
    return row(names) + row(["---"] * texts + ["---:"] * (len(names) - texts))


def medians(records: Sequence[Any]) -> Any:
    """The median of each number in records of the same form; of errors the sum."""
    if not isinstance(records[0], dict):
        return median(records)
    return {
        key: (sum if key == "errors" else medians)([one[key] for one in records if key in one]) for key in records[0]
    }


def _workload(name: str, rounds: Sequence[Record], picture: str | None) -> str:
    good = {peer: [one[peer] for one in rounds if "failed" not in one[peer]] for peer in rounds[0]}
    middle = {peer: medians(records) for peer, records in good.items() if records}
    failed = {peer: rounds[-1][peer]["failed"] for peer, records in good.items() if not records}
    served = {peer: record for peer, record in middle.items() if "start_s" in record}
    return "".join(
        [
            f"## {name}\n\n",
            f"{picture}\n\n" if picture else "",
            header(["", "server", *COLUMNS], 2),
            *_cells(middle),
            *[f"\n{header(['server', *SERVER])}" if served else ""],
            *[row([peer, *(show(record) for show in SERVER.values())]) for peer, record in served.items()],
            *[_kept(record) for record in middle.values() if "engine_mib" in record],
            *[f"\n{peer} was not measured: {reason.splitlines()[0]}\n" for peer, reason in failed.items()],
        ]
    )


def _cells(middle: Record) -> Iterable[str]:
    """Sorted by cell, so that servers stand below each other."""
    for cell in dict.fromkeys(cell for record in middle.values() for cell in record["cells"]):
        for peer, record in middle.items():
            if found := record["cells"].get(cell):
                figures = [form.format(found[key]) if key in found else "" for key, form in COLUMNS.values()]
                yield row([cell, peer, *figures])


def _kept(record: Record) -> str:
    """The engine's memory as the documents come."""
    lines = "".join(row([documents, f"{mib:,.0f}"]) for documents, mib in record["engine_mib"].items())
    return f"\nBudget of the cache: {record['budget_mib']:,.0f} MiB.\n\n{header(['documents', 'engine MiB'])}{lines}"
