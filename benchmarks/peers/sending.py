"""What the network alone costs: a server that computes nothing."""

from __future__ import annotations

from benchmarks.peers import floor
from benchmarks.peers.peer import Peer, own_server

PEER = Peer(own_server("sending"), lambda sample: {"binary": floor.requests(sample)["binary"]}, workloads=("mnv2all",))
