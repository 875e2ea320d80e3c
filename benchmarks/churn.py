"""Thousands of small networks, each new: how fast they are answered, and what the engine keeps of them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

from benchmarks.documents import body, six_layers
from benchmarks.peers.layerscope import PEER
from benchmarks.processes import memories
from benchmarks.running import running
from benchmarks.samples import Sample
from benchmarks.timings import Client, cell, timed
from service.settings import MIB, Settings

CONNECTIONS = 8
STEP = 2000
SIDE = 8


def measured(sample: Sample, documents: int) -> dict[str, Any]:
    """The cell of each 2,000 documents, and the engine's MiB after them."""
    with running(PEER, sample) as server:
        memory, cells = {"0": memories(server.pid)["others"]}, {}
        for first in range(0, documents, STEP):
            last = min(first + STEP, documents)
            cells[f"{first:,} to {last:,}"] = _posted(server.port, range(first, last))
            memory[str(last)] = memories(server.pid)["others"]
        return {"cells": cells, "engine_mib": memory, "budget_mib": Settings.model_fields["cache_bytes"].default / MIB}


def _posted(port: int, numbers: range) -> dict[str, Any]:
    """The cell of these documents, over eight connections."""
    begun = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        parts = pool.map(_times, [port] * CONNECTIONS, [numbers[start::CONNECTIONS] for start in range(CONNECTIONS)])
        times = [milliseconds for part in parts for milliseconds in part]
    return {**cell(times), "requests_per_second": len(times) / (time.perf_counter() - begun)}


def _times(port: int, numbers: Iterable[int]) -> list[float]:
    """Milliseconds of each document, one after the other over one connection."""
    with closing(Client(port)) as client:
        return [timed(client.post, "/v1/activations", body(_document(number), SIDE)) for number in numbers]


def _document(number: int) -> dict[str, Any]:
    """Filters, kernel size and units are those of no other number."""
    return six_layers(SIDE, 1 + number // 4 % 3, 1 + number % 4, 2 + number // 12)
