"""Ray Serve, asked as the floor is."""

from __future__ import annotations

from benchmarks.peers import floor
from benchmarks.peers.peer import Peer, own_server

FAST = {"RAY_SERVE_THROUGHPUT_OPTIMIZED": "1", "RAY_USAGE_STATS_ENABLED": "0"}
"""As its page on performance advises."""
PEER = Peer(own_server("ray"), floor.requests, environment="ray", variables=FAST, workloads=("tiny", "mnv2", "mnv2all"))
