"""Settings that engines on other machines are told."""

from __future__ import annotations

from typing import Any

from service.settings import Settings

ENGINE_SETTINGS = ("reply_memory", "max_input_bytes", "cache_bytes", "max_working_bytes", "max_model_bytes", "deadline",
                   "require_gpu", "ray_gpus", "ray_folder")  # fmt: skip


def settings_of_engines(settings: Settings) -> dict[str, Any]:
    """Return what engines on other machines are told: no keys, and the store if they can reach it, too."""
    store = settings.data_dir if "://" in settings.data_dir else ""
    return {name: getattr(settings, name) for name in ENGINE_SETTINGS} | {"data_dir": store}
