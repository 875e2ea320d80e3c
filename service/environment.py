"""Variables of other programs in the environment of this process and of engines: CUDA's, OpenTelemetry's, Ray's and
TensorFlow's.
"""

from __future__ import annotations

import os

from service.settings import PREFIX, Settings

SECRET = (f"{PREFIX}KEY", "OTEL_")
"""How variables begin that processes for files and networks of clients do without: keys, and tokens of collectors."""
VISIBLE_GPUS = "CUDA_VISIBLE_DEVICES"


def cuda_visible_devices() -> str | None:
    """Return `CUDA_VISIBLE_DEVICES` of this process; None: all GPUs."""
    return os.environ.get(VISIBLE_GPUS)


def otel_variables() -> dict[str, str]:
    """Return OpenTelemetry's variables of this process, which its SDK reads itself."""
    return {name: value for name, value in os.environ.items() if name.startswith("OTEL_")}


def set_ray_environment() -> None:
    """Have Ray, which this process is about to import, report nothing to its makers, and its C++ code log no advice."""
    for name, value in (("RAY_USAGE_STATS_ENABLED", "0"), ("RAY_BACKEND_LOG_LEVEL", "fatal")):
        os.environ.setdefault(name, value)


def engine_environment() -> dict[str, str]:
    """Return the environment of an engine process: this one's without keys and tokens; TensorFlow is quiet, and Keras
    on TensorFlow.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(SECRET)}
    return {**kept, "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow", "PYTHONHASHSEED": "0"}


def fetch_environment(settings: Settings) -> dict[str, str]:
    """Return the environment of a process that downloads weights: an engine's, without GPU, with the Keras folder."""
    home = {"KERAS_HOME": settings.keras_home} if settings.keras_home else {}
    return {**engine_environment(), VISIBLE_GPUS: "-1", **home}
