"""Whether the service lives, is ready, and what it is."""

from __future__ import annotations

import platform
from importlib.metadata import version

from fastapi import APIRouter, Response

from service.engine_process import EngineState
from service.errors import whole_seconds
from service.schemas import EngineReply, Liveness, Readiness, Version
from service.state import State, StateOf

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
    shown, spares = map(_shown, engines), map(_shown, state.engines.spare_states())
    return Readiness(
        ready=reason is None, draining=_is_draining(state), reason=reason, engines=list(shown), spares=list(spares)
    )


def _is_draining(state: State) -> bool:
    return state.drain.begun or state.engines.draining


def _shown(engine: EngineState) -> EngineReply:
    return EngineReply(ready=engine.ready, pid=engine.pid, devices=list(engine.devices), gpu=engine.gpu)


def not_ready_reason(state: State, engines: list[EngineState]) -> str | None:
    """Why requests are not served now; None when they are."""
    if _is_draining(state):
        return "the service is stopping"
    ready = [engine for engine in engines if engine.ready]
    if not ready:
        return "no engine has warmed up yet"
    if state.settings.require_gpu and not any(device["type"] == "GPU" for engine in ready for device in engine.devices):
        return "LAYERSCOPE_REQUIRE_GPU is set and no engine sees a GPU"
    return None


@router.get("/version", summary="What is running")
async def get_version() -> Version:
    """Versions of the service and of what computes."""
    return Version(
        layerscope=version("layerscope"),
        python=platform.python_version(),
        tensorflow=version("tensorflow"),
        keras=version("keras"),
    )
