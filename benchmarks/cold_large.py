"""Large networks that nobody has seen: registered by name and asked for the first time, and asked again while they are
compiled; beside Keras, which builds and calls them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from typing import Any

from benchmarks.peers.layerscope import PEER
from benchmarks.processes import cpu_seconds
from benchmarks.running import Server, running
from benchmarks.samples import ROOT, Sample
from benchmarks.timings import Client, cell, printed, timed

NETWORKS = ("ResNet152", "EfficientNetB4", "NASNetLarge")
FIRST, NEXT, BETWEEN, STEADY = "registered and first", "2 to 10", "11 to 15", "16 to 20"
"""The requests of a network, in order."""
LAYER = "predictions"
PICTURE = ROOT / "examples" / "digit.png"
BYTES = "application/vnd.safetensors"


def layerscope(sample: Sample, _: float) -> dict[str, Any]:
    """Each network in turn, over one connection to a service that has just started."""
    with running(PEER, sample) as server:
        return {"cells": {key: value for name in NETWORKS for key, value in _asked(server, name).items()}}


def _asked(server: Server, name: str) -> dict[str, Any]:
    document = json.dumps({"application": name, "weights": None}).encode()
    path, picture = f"/v1/models/{name}/activations?layers={LAYER}", PICTURE.read_bytes()
    with closing(Client(server.port)) as client:

        def request() -> None:
            client.post(path, picture, BYTES, "image/png")

        def first() -> None:
            client.send("PUT", f"/v1/models/{name}", document)
            request()

        calls = {FIRST: [first], NEXT: [request] * 9, BETWEEN: [request] * 5, STEADY: [request] * 5}
        return {f"{name}: {what}": _cell(server, several) for what, several in calls.items()}


def _cell(server: Server, calls: list[Callable[[], None]]) -> dict[str, Any]:
    """The cell of calls, with the processor time of the server."""
    before = cpu_seconds(server.pid)
    times = [timed(call) for call in calls]
    return {**cell(times), "cpu_ms": (cpu_seconds(server.pid) - before) * 1000 / len(calls)}


def keras(_: Sample, __: float) -> dict[str, Any]:
    """The same in a process that has imported Keras."""
    return printed("cold_large_keras")
