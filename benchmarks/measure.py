"""One server on one workload: started, checked against Keras, loaded in every cell, weighed, ended."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import httpx
import numpy as np

from benchmarks.load import Load
from benchmarks.peers.peer import Peer, Request
from benchmarks.processes import cpu_seconds, memories
from benchmarks.running import running
from benchmarks.samples import Sample, Workload

TOLERANCE = 1e-4
WARM_SECONDS = 1
Record = dict[str, Any]


class WrongReply(Exception):
    """A server answers something else than Keras."""


def measured(peer: Peer, workload: Workload, sample: Sample, seconds: float) -> Record:
    """Start in seconds, MiB before and after load, and the cells by name: `binary 16`.

    Raises:
        NotInstalled: its environment could not be made.
        NotStarted: it ended, or was never ready.
        WrongReply: it answers something else than Keras.
    """
    with running(peer, sample) as server:
        peer.prepare(server.url, sample)
        requests = {name: one for name, one in peer.requests(sample).items() if name in workload.encodings}
        sizes = {name: checked(server.url, request, sample) for name, request in requests.items()}
        idle, cells = memories(server.pid), {}
        for name, request in requests.items():
            body = sample.folder / "body"
            body.write_bytes(request.body)
            for connections in workload.connections:
                cell = _cell(Load(server.url + request.path, request.headers, body, connections), seconds, server.pid)
                cells[f"{name} {connections}"] = {**cell, "reply_bytes": sizes[name]}
        return {"start_s": server.start_s, "idle_mib": idle, "loaded_mib": memories(server.pid), "cells": cells}


def checked(url: str, request: Request, sample: Sample) -> int:
    """The bytes of a reply that agrees with Keras to 1e-4."""
    reply = httpx.post(url + request.path, headers=dict(request.headers), content=request.body, timeout=120)
    if reply.status_code != httpx.codes.OK:
        raise WrongReply(f"{reply.status_code}: {reply.text[:300]}")
    values = request.reader(reply.content, reply.headers)
    for name, expected in sample.expected.items():
        received = values[name]
        difference = 0.0 if request.own_weights else float(np.abs(received - expected).max())
        if received.shape != expected.shape or not difference <= TOLERANCE * max(1.0, float(np.abs(expected).max())):
            raise WrongReply(f"{request.path}: {name} differs from Keras by {difference}")
    return len(reply.content)


def _cell(load: Load, seconds: float, pid: int) -> Record:
    """What wrk saw after a warm-up, and the server's processor time for one request in milliseconds."""
    load.run(WARM_SECONDS)
    before = cpu_seconds(pid)
    seen = load.run(seconds)
    return {**asdict(seen), "cpu_ms": (cpu_seconds(pid) - before) * 1000 / max(seen.requests, 1)}
