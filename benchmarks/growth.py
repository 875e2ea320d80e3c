"""How Layerscope's time grows with layers, channels, batch and clients; what a second engine and batches bring."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, replace
from typing import Any

import httpx
import numpy as np

from benchmarks.documents import six_layers
from benchmarks.load import Load
from benchmarks.peers.layerscope import NPY, PEER, TOGETHER
from benchmarks.running import Server, running
from benchmarks.samples import Sample
from benchmarks.timings import Client, cell, timed

SIDE = 28
RUNS, WARM = 150, 20
CLIENTS = (1, 4, 16, 64)
TWO_ENGINES = replace(PEER, variables={"LAYERSCOPE_ENGINES": "2"})
SIX = six_layers(SIDE, 3, 3, 10)


def convolutions(layers: int, filters: int) -> dict[str, Any]:
    """A chain of 3×3 convolutions over 28×28 positions."""
    one = {"type": "Conv2D", "filters": filters, "kernel_size": 3, "padding": "same"}
    return {"input": [SIDE, SIDE, 1], "layers": [one] * layers}


def cases() -> Iterator[tuple[str, dict[str, Any], int]]:
    """Name, document and batch of what is timed over one connection."""
    yield from ((f"layers {n}, 8 channels", convolutions(n, 8), 1) for n in (1, 4, 16, 64))
    yield from ((f"channels {n}, 4 layers", convolutions(4, n), 1) for n in (4, 16, 64, 256))
    yield from ((f"batch {n}, six layers", SIX, n) for n in (1, 4, 16, 64))


def measured(sample: Sample, seconds: float) -> dict[str, Any]:
    """A cell for each case, all activations as bytes; then several clients, of one engine and of two."""
    with running(PEER, sample) as server:
        cells = {name: _alone(server, document, batch) for name, document, batch in cases()}
        cells |= {f"clients {n}, six layers": _loaded(server, sample, n, seconds) for n in CLIENTS}
    for name, peer in {"two engines": TWO_ENGINES, "sixteen together": TOGETHER}.items():
        with running(peer, sample) as server:
            cells |= {f"clients {n}, {name}": _loaded(server, sample, n, seconds) for n in CLIENTS}
    return {"cells": cells}


def _alone(server: Server, document: dict[str, Any], batch: int) -> dict[str, Any]:
    path, body = _registered(server, document), _picture(batch)
    with closing(Client(server.port)) as client:
        times = [timed(client.post, path, body, NPY["Accept"], NPY["Content-Type"]) for _ in range(WARM + RUNS)]
    return cell(times[WARM:])


def _loaded(server: Server, sample: Sample, connections: int, seconds: float) -> dict[str, Any]:
    file = sample.folder / "body"
    file.write_bytes(_picture(1))
    load = Load(server.url + _registered(server, SIX), NPY, file, connections)
    load.run(1)
    return asdict(load.run(seconds))


def _registered(server: Server, document: dict[str, Any]) -> str:
    """Where the document is run."""
    httpx.put(f"{server.url}/v1/models/growing", json=document, timeout=120).raise_for_status()
    return "/v1/models/growing/activations"


def _picture(batch: int) -> bytes:
    file = io.BytesIO()
    np.save(file, np.random.default_rng(0).random((batch, SIDE, SIDE, 1), np.float32))
    return file.getvalue()
