"""Liveness, readiness and version endpoints."""

from __future__ import annotations

import platform
from importlib.metadata import version

from fastapi import APIRouter, Response

from service.engines.client import EngineState
from service.errors.handlers import whole_seconds
from service.handlers.readiness import is_draining, not_ready_reason
from service.openapi.health_schemas import EngineReply, Liveness, Readiness, Version
from service.state import StateOf

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="The front answers")
async def get_health() -> Liveness:
    """Says nothing of the engines: restarting the front would not help them."""
    return Liveness()


@router.get(
    "/readyz", summary="An engine is warmed up", responses={503: {"model": Readiness, "description": "Not ready."}}
)
async def get_readiness(state: StateOf, response: Response) -> Readiness:
    """200 once an engine has imported TensorFlow and run a network; shows the devices it computes on."""
    engines = state.engines.states()
    reason = not_ready_reason(state, engines)
    if reason is not None:
        response.status_code = 503
        response.headers["Retry-After"] = whole_seconds(state.engines.seconds_until_ready())
    shown, spares = map(_engine_reply, engines), map(_engine_reply, state.engines.spare_states())
    return Readiness(
        ready=reason is None, draining=is_draining(state), reason=reason, engines=list(shown), spares=list(spares)
    )


def _engine_reply(engine: EngineState) -> EngineReply:
    devices, node = list(engine.devices), engine.node or None
    return EngineReply(ready=engine.ready, pid=engine.pid, devices=devices, gpu=engine.gpu, node=node)


@router.get("/version", summary="What is running")
async def get_version() -> Version:
    """Versions of the service and of what computes."""
    return Version(
        layerscope=version("layerscope"),
        python=platform.python_version(),
        tensorflow=version("tensorflow"),
        keras=version("keras"),
    )
