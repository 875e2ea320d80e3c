"""Assignment of GPUs to engines by `CUDA_VISIBLE_DEVICES`, which is set before TensorFlow is imported."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from service.environment import VISIBLE_GPUS, cuda_visible_devices
from service.settings import Settings

DRIVER = Path("/proc/driver/nvidia/gpus")
"""Folder with an entry for each GPU of the driver."""
LIST_SECONDS = 20.0
"""Timeout of nvidia-smi, which wakes up sleeping GPUs."""


@dataclass(frozen=True)
class Gpu:
    """GPU of one engine: its name in CUDA, and the engine's share of its memory."""

    name: str | None = None
    """None: the GPUs that TensorFlow finds, if any."""
    share: float = 1.0

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that restrict an engine to it."""
        return {} if self.name is None else {VISIBLE_GPUS: self.name}


def visible_gpus(visible_devices: str | None) -> tuple[str, ...]:
    """Return all GPUs, or those in CUDA_VISIBLE_DEVICES, which CUDA reads up to the first -1."""
    if visible_devices is None:
        return tuple(map(str, range(_count())))
    names = [name.strip() for name in visible_devices.split(",")]
    invisible = [index for index, name in enumerate(names) if name in {"", "-1"}]
    return tuple(names[: min(invisible, default=len(names))])


def _count() -> int:
    """Count the GPUs that nvidia-smi lists, which respects containers; without it, those of the driver."""
    if (tool := shutil.which("nvidia-smi")) is not None:
        try:
            listing = subprocess.run([tool, "-L"], capture_output=True, text=True, timeout=LIST_SECONDS, check=True)  # noqa: S603
        except (OSError, subprocess.SubprocessError):
            pass  # a tool without a driver
        else:
            return sum(line.startswith("GPU ") for line in listing.stdout.splitlines())
    return len(list(DRIVER.iterdir())) if DRIVER.is_dir() else 0


def engine_count(setting: int | str, gpus: tuple[str, ...]) -> int:
    """Return the number of engines to start; `auto` is one per GPU, and one without a GPU."""
    return int(setting) if setting != "auto" else max(1, len(gpus))


def assign_gpus(gpus: tuple[str, ...], engines: int) -> list[Gpu]:
    """Assign GPU n mod the number of GPUs to engine n. Engines on the same GPU share its memory equally."""
    if not gpus:
        return [Gpu()] * engines
    indices = [number % len(gpus) for number in range(engines)]
    return [Gpu(gpus[index], 1 / indices.count(index)) for index in indices]


def assigned_gpus(settings: Settings) -> tuple[list[Gpu], list[Gpu]]:
    """Return the GPUs of engines and of spare engines. Those of a cluster are assigned by Ray."""
    gpus = () if settings.ray else visible_gpus(cuda_visible_devices())
    count = engine_count(settings.engines, gpus)
    assigned = assign_gpus(gpus, count + settings.spare_engines)
    return assigned[:count], assigned[count:]
