"""Markdown of the figures: medians over the rounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import Any

from benchmarks.measure import Record

COLUMNS: dict[str, Callable[[Record], str]] = {
    "req/s": lambda cell: f"{cell['requests_per_second']:,.1f}",
    "p50 ms": lambda cell: f"{cell['p50_ms']:,.2f}",
    "p99 ms": lambda cell: f"{cell['p99_ms']:,.2f}",
    "CPU ms": lambda cell: f"{cell['cpu_ms']:,.2f}",
    "errors": lambda cell: f"{cell['errors']:.0f}",
    "reply bytes": lambda cell: f"{cell['reply_bytes']:,.0f}",
}


def row(values: Iterable[object]) -> str:
    """One line of a table."""
    return f"| {' | '.join(map(str, values))} |\n"


def header(names: Sequence[str], texts: int = 1) -> str:
    """The first two lines; the first `texts` columns are text, the others numbers."""
    return row(names) + row(["---"] * texts + ["---:"] * (len(names) - texts))


def medians(records: Sequence[Any]) -> Any:
    """The median of each number in records of the same form."""
    first = records[0]
    if not isinstance(first, dict):
        return median(records)
    return {key: medians([one[key] for one in records if key in one]) for key in first}


def tables(rounds: Sequence[Record]) -> str:
    """Of each workload the cells, then the servers' start and memory."""
    return "\n".join(_workload(name, [one[name] for one in rounds if name in one]) for name in rounds[0])


def _workload(name: str, rounds: Sequence[Record]) -> str:
    good = {peer: [one[peer] for one in rounds if "failed" not in one[peer]] for peer in rounds[0]}
    middle = {peer: medians(records) for peer, records in good.items() if records}
    failed = {peer: rounds[-1][peer]["failed"] for peer, records in good.items() if not records}
    return (
        f"## {name}\n\n"
        + header(["", "server", *COLUMNS], 2)
        + "".join(_cells(middle))
        + "\n"
        + header(["server", "start s", "MiB idle", "MiB after load", "of these, first process"])
        + "".join(_server(peer, record) for peer, record in middle.items())
        + "".join(row([peer, f"not measured: {reason.splitlines()[0]}", "", "", ""]) for peer, reason in failed.items())
    )


def _cells(middle: Record) -> Iterable[str]:
    """Sorted by cell, so that servers stand below each other."""
    names = dict.fromkeys(cell for record in middle.values() for cell in record["cells"])
    for cell in names:
        for peer, record in middle.items():
            if cell in record["cells"]:
                yield row([cell, peer, *(show(record["cells"][cell]) for show in COLUMNS.values())])


def _server(peer: str, record: Record) -> str:
    idle, loaded = (sum(record[key].values()) for key in ("idle_mib", "loaded_mib"))
    return row(
        [peer, f"{record['start_s']:.1f}", f"{idle:.0f}", f"{loaded:.0f}", f"{record['loaded_mib']['first']:.0f}"]
    )
