"""Command-line arguments of an engine process."""

from __future__ import annotations

from typing import NamedTuple

from service.engines.gpus import Gpu
from service.settings import Settings


class Descriptors(NamedTuple):
    """File descriptors that an engine inherits: its end of the socket, and both arenas."""

    socket: int
    replies: int
    requests: int


def engine_arguments(settings: Settings, gpu: Gpu, inherited: Descriptors, requests_bytes: int) -> list[str]:
    """Return the arguments of an engine; `requests_bytes` is the size of the arena of requests."""
    values: dict[str, float] = {
        "socket": inherited.socket, "replies": inherited.replies, "replies-bytes": int(settings.reply_memory),
        "requests": inherited.requests, "requests-bytes": requests_bytes, "cache-bytes": int(settings.cache_bytes),
        "max-working-bytes": int(settings.max_working_bytes), "max-model-bytes": int(settings.max_model_bytes),
        "deadline": settings.deadline,
        "gpu-percent": round(100 * gpu.share), "require-gpu": int(settings.require_gpu),
    }  # fmt: skip
    return [f"--{name}={value}" for name, value in values.items()]
