"""Where and with what a run was made."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

from benchmarks.environments import REQUIREMENTS

OWN = ("layerscope", "tensorflow", "keras", "starlette", "uvicorn", "orjson")
PEERS = {"triton": "nvidia-pytriton", **{name: name for name in ("litserve", "mlserver", "bentoml", "ray")}}


def machine() -> dict[str, str]:
    """Processor, cores, Python, and the versions of what is compared."""
    model = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name"))
    own = {name: version(name) for name in OWN}
    peers = {package: _pinned(file, package) for file, package in PEERS.items()}
    cores = str(len(os.sched_getaffinity(0)))
    return {"processor": model.partition(": ")[2], "cores": cores, "python": platform.python_version(), **own, **peers}


def _pinned(file: str, package: str) -> str:
    lines = (REQUIREMENTS / f"{file}.txt").read_text().splitlines()
    return next(line.partition("==")[2] for line in lines if line.startswith(f"{package}=="))
