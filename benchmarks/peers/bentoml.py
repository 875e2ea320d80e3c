"""BentoML, in JSON."""

from __future__ import annotations

from benchmarks.peers import litserve
from benchmarks.peers.peer import Peer
from benchmarks.samples import Sample

SERVICE = "benchmarks.servers.bentoml:Network"
QUIET = {"BENTOML_DO_NOT_TRACK": "True"}


def command(python: str, sample: Sample, port: int) -> list[str]:
    """Its own command line."""
    address = ["--host", "127.0.0.1", "--port", str(port)]
    return [python, "-m", "bentoml", "serve", SERVICE, *address, "--arg", f"folder={sample.folder}"]


PEER = Peer(command, litserve.requests, ready="/readyz", environment="bentoml", variables=QUIET,
            workloads=("tiny",))  # fmt: skip
