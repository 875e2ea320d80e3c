"""Who is compared: a module each, with how it is started and asked."""

from __future__ import annotations

from benchmarks.peers import floor, layerscope
from benchmarks.peers.peer import Peer

PEERS: dict[str, Peer] = {
    "layerscope": layerscope.PEER,
    "floor": floor.PEER,
}
