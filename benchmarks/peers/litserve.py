"""LitServe, in JSON."""

from __future__ import annotations

from benchmarks.peers.peer import JSON, Peer, Request, json_body, own_server
from benchmarks.replies import named
from benchmarks.samples import Sample


def requests(sample: Sample) -> dict[str, Request]:
    """Nested JSON."""
    return {"json": Request("/predict", JSON, json_body(sample), named)}


PEER = Peer(own_server("litserve"), requests, ready="/health", environment="litserve", workloads=("tiny",))
