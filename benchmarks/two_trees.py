"""Two trees of Layerscope side by side: `scripts/bench --before TREE`; a ratio over 1 is faster than before.

Four servers run at once, two of each tree, and take turns in an order that is drawn anew each time: what else the
machine does meets both, and a server that happens to be slow has a counterpart.
"""

from __future__ import annotations

import itertools
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, median

from benchmarks.cold import FORMATS, SIDE
from benchmarks.documents import body, six_layers
from benchmarks.peers.layerscope import PEER, register, requests
from benchmarks.peers.peer import Peer, Request
from benchmarks.running import running
from benchmarks.samples import ROOT, Sample
from benchmarks.timings import Client, timed

TURNS = 40
REQUESTS = {"tiny": 60, "mnv2": 8, "mnv2all": 6, "cold": 3, "churn": 12}
"""Requests of one turn."""
ENCODINGS = {"tiny": ("binary", "json"), "mnv2": ("binary",), "mnv2all": ("binary",)}
Send = Callable[[Client], float]
"""Sends one request; returns its milliseconds."""


@dataclass
class Contender:
    """One server, and the mean milliseconds of its turns by cell."""

    tree: str
    client: Client
    turns: dict[str, list[float]]


def ratios(before: Path, folder: Path, workloads: Sequence[str], variables: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each cell: the ratio of the means between the quartiles of the turns, and of the medians."""
    for workload in workloads:
        sample = Sample(folder / workload)
        with ExitStack() as stack:
            contenders = [_contender(stack, before, sample, number, variables) for number in range(4)]
            for name, send in _cells(workload, sample).items():
                for contender in contenders:
                    send(contender.client)
                _take_turns(contenders, name, send, REQUESTS[workload])
                yield _line(f"{workload} {name}", contenders, name)


def _contender(stack: ExitStack, before: Path, sample: Sample, number: int, variables: Mapping[str, str]) -> Contender:
    """Start a server: of the old tree, the new, the new, the old. Those of the new have these variables."""
    tree, root = ("before", before) if number in (0, 3) else ("after", ROOT)
    added = variables if tree == "after" else {}
    own = Sample(sample.folder / f"server{number}")
    peer: Peer = replace(
        PEER,
        command=lambda _, one, port: PEER.command(str(root / ".venv/bin/python"), one, port),
        variables={**PEER.variables, **added},
    )
    server = stack.enter_context(running(peer, own, root))
    if sample.model.exists():
        register(server.url, sample)
    return Contender(tree, stack.enter_context(closing(Client(server.port))), {})


def _cells(workload: str, sample: Sample) -> dict[str, Send]:
    """Return what is sent, by name."""
    if workload in ENCODINGS:
        known = requests(sample)
        return {name: _fixed(known[name]) for name in ENCODINGS[workload]}
    numbers = itertools.count(1)
    formats = FORMATS if workload == "cold" else {"json": "application/json"}
    return {name: _new(numbers, SIDE if workload == "cold" else 8, accept) for name, accept in formats.items()}


def _fixed(request: Request) -> Send:
    headers = request.headers
    accept, kind = headers.get("Accept", "application/json"), headers["Content-Type"]
    return lambda client: timed(client.post, request.path, request.body, accept, kind)


def _new(numbers: Iterator[int], side: int, accept: str) -> Send:
    """Return requests of a network that no server has seen."""

    def send(client: Client) -> float:
        number = next(numbers)
        document = six_layers(side, 1 + number % 7, 1 + number // 7 % 13, 2 + number // 91)
        return timed(client.post, "/v1/activations", body(document, side), accept)

    return send


def _take_turns(contenders: list[Contender], name: str, send: Send, count: int) -> None:
    draw = random.Random(0)  # noqa: S311
    for _ in range(TURNS):
        for contender in draw.sample(contenders, len(contenders)):
            contender.client.close()  # a server may have hung up on a connection that waited
            send(contender.client)
            times = [send(contender.client) for _ in range(count)]
            contender.turns.setdefault(name, []).append(fmean(times))


def _line(title: str, contenders: Sequence[Contender], name: str) -> str:
    before, after = (
        sorted(one for contender in contenders if contender.tree == tree for one in contender.turns[name])
        for tree in ("before", "after")
    )
    quarter = len(before) // 4
    middle = fmean(before[quarter:-quarter]) / fmean(after[quarter:-quarter])
    return (
        f"{title:16} {middle:.3f} (medians {median(before) / median(after):.3f}; "
        f"{median(before):.2f} → {median(after):.2f} ms)\n"
    )


def main(before: Path, folder: Path, workloads: Sequence[str], variables: Mapping[str, str]) -> None:
    """Print the ratios."""
    for line in ratios(before.resolve(), folder, workloads, variables):
        sys.stdout.write(line)
        sys.stdout.flush()
