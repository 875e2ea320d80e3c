"""Who is compared: a module each, with how it is started and asked."""

from __future__ import annotations

from benchmarks.peers import bentoml, floor, layerscope, litserve, mlserver, ray, sending, triton, tutorial
from benchmarks.peers.peer import Peer

PEERS: dict[str, Peer] = {
    "layerscope": layerscope.PEER,
    "layerscope together": layerscope.TOGETHER,
    "floor": floor.PEER,
    "triton": triton.PEER,
    "mlserver": mlserver.PEER,
    "litserve": litserve.PEER,
    "bentoml": bentoml.PEER,
    "ray serve": ray.PEER,
    "tutorial": tutorial.PEER,
    "sending alone": sending.PEER,
}
