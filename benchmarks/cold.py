"""A network that nobody has seen, until its first answer: posted to Layerscope, and built and called in Keras."""

from __future__ import annotations

from contextlib import closing
from itertools import product
from typing import Any

from benchmarks.documents import body, six_layers
from benchmarks.peers.layerscope import PEER
from benchmarks.running import running
from benchmarks.samples import Sample
from benchmarks.timings import Client, cell, printed, timed

SIDE = 28
WARM = 6
"""How many of the 36 documents are not counted."""
FORMATS = {"binary": "application/vnd.safetensors", "json": "application/json"}


def sizes() -> dict[str, list[tuple[int, int, int]]]:
    """Kernel sizes, filters and units by format: no document is ever sent twice."""
    return {
        name: [(kernel_size, filters, units) for kernel_size, filters in product((3, 5, 7), range(3, 15))]
        for units, name in enumerate(FORMATS, 10)
    }


def layerscope(sample: Sample, _: float) -> dict[str, Any]:
    """One request for each document, over one connection."""
    with running(PEER, sample) as server, closing(Client(server.port)) as client:
        cells = {}
        for name, ones in sizes().items():
            bodies = [body(six_layers(SIDE, *one), SIDE) for one in ones]
            times = [timed(client.post, "/v1/activations", one, FORMATS[name]) for one in bodies]
            cells[f"{name} 1"] = cell(times[WARM:])
        return {"cells": cells}


def keras(_: Sample, __: float) -> dict[str, Any]:
    """The same in a process that has nothing else to do."""
    return printed("cold_keras")
