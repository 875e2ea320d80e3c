"""MLServer, by the Open Inference Protocol in JSON."""

from __future__ import annotations

from benchmarks.peers import open_inference
from benchmarks.peers.peer import Peer, Request, own_server
from benchmarks.samples import Sample


def requests(sample: Sample) -> dict[str, Request]:
    """Flat JSON."""
    return {"json": open_inference.as_json("/v2/models/measured/infer", sample)}


PEER = Peer(own_server("mlserver"), requests, ready="/v2/models/measured/ready", environment="mlserver",
            workloads=("tiny",))  # fmt: skip
