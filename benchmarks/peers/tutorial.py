"""What one finds on the first page of results."""

from __future__ import annotations

from benchmarks.peers import litserve
from benchmarks.peers.peer import Peer, own_server

PEER = Peer(own_server("tutorial"), litserve.requests, workloads=("tiny",))
