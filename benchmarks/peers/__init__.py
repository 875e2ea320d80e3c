"""Who is compared: a module each, with how it is started and asked."""

from __future__ import annotations

from benchmarks.peers import floor, layerscope, litserve, mlserver, sending, triton
from benchmarks.peers.peer import Peer

PEERS: dict[str, Peer] = {
    "layerscope": layerscope.PEER,
    "floor": floor.PEER,
    "triton": triton.PEER,
    "mlserver": mlserver.PEER,
    "litserve": litserve.PEER,
    "sending alone": sending.PEER,
}
