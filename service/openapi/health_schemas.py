"""Response models of the state of the service."""

from __future__ import annotations

from pydantic import BaseModel, Field


class EngineReply(BaseModel):
    """One engine."""

    ready: bool
    pid: int | None
    devices: list[dict[str, str]]
    gpu: str | None = Field(None, description="The GPU that it was given, as `CUDA_VISIBLE_DEVICES` names it.")
    node: str | None = Field(None, description="Its node of a Ray cluster: address and start of the id.")


class Readiness(BaseModel):
    """Whether requests are served, and on what."""

    ready: bool
    draining: bool
    reason: str | None = None
    engines: list[EngineReply]
    spares: list[EngineReply] = Field([], description="Engines in reserve (`LAYERSCOPE_SPARE_ENGINES`).")


class Liveness(BaseModel):
    """The front answers."""

    live: bool = True


class Version(BaseModel):
    """What is running."""

    layerscope: str
    python: str
    tensorflow: str
    keras: str
