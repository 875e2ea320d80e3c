"""Readiness of the service, and the reason if it is not ready."""

from __future__ import annotations

from service.engines.client import EngineState
from service.state import State


def is_draining(state: State) -> bool:
    """Whether the service is shutting down."""
    return state.drain.begun or state.engines.draining


def not_ready_reason(state: State, engines: list[EngineState]) -> str | None:
    """Return why requests are not served now; None if they are."""
    if is_draining(state):
        return "the service is stopping"
    ready = [engine for engine in engines if engine.ready]
    if not ready:
        return "no engine has warmed up yet"
    if state.settings.require_gpu and not any(device["type"] == "GPU" for engine in ready for device in engine.devices):
        return "LAYERSCOPE_REQUIRE_GPU is set and no engine sees a GPU"
    if not state.store.is_read:
        return "the models of LAYERSCOPE_MODELS are being read"
    return None
