"""Triton, by the Open Inference Protocol, with its batcher where that is faster."""

from __future__ import annotations

from benchmarks.peers import open_inference
from benchmarks.peers.peer import Peer, Request, own_server
from benchmarks.samples import Sample

PATH = "/v2/models/measured/infer"


def requests(sample: Sample) -> dict[str, Request]:
    """Flat JSON, and the protocol's binary tensors."""
    return {"json": open_inference.as_json(PATH, sample), "binary": open_inference.as_bytes(PATH, sample)}


PEER = Peer(own_server("triton"), requests, ready="/v2/models/measured/ready", environment="triton")
