"""Which GPU each engine computes on: told to it by `CUDA_VISIBLE_DEVICES`, which is read before TensorFlow is."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from service.settings import VISIBLE_GPUS, cuda_visible_devices

DRIVER = Path("/proc/driver/nvidia/gpus")
"""A folder for each GPU that the driver has."""
LIST_SECONDS = 20.0
"""For nvidia-smi, which wakes up GPUs that sleep."""


@dataclass(frozen=True)
class Gpu:
    """What one engine may use of GPUs: the name of one, as CUDA knows it, and a part of its memory."""

    name: str | None = None
    """None: whatever TensorFlow finds, which is nothing where there is no GPU."""
    share: float = 1.0

    @property
    def environment(self) -> dict[str, str]:
        """What the engine's environment says of it."""
        return {} if self.name is None else {VISIBLE_GPUS: self.name}


def visible_gpus(given: str | None) -> tuple[str, ...]:
    """The GPUs of this machine, or those that are left of them, as CUDA reads it: up to the first -1."""
    if given is None:
        return tuple(map(str, range(_count())))
    names = [name.strip() for name in given.split(",")]
    invisible = [index for index, name in enumerate(names) if name in {"", "-1"}]
    return tuple(names[: min(invisible, default=len(names))])


def _count() -> int:
    """As nvidia-smi says, which sees what a container does; else as the driver says."""
    if (tool := shutil.which("nvidia-smi")) is not None:
        try:
            listed = subprocess.run([tool, "-L"], capture_output=True, text=True, timeout=LIST_SECONDS, check=True)  # noqa: S603
        except (OSError, subprocess.SubprocessError):
            pass  # a tool without a driver
        else:
            return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())
    return len(list(DRIVER.iterdir())) if DRIVER.is_dir() else 0


def engine_count(wanted: int | str, gpus: tuple[str, ...]) -> int:
    """Engines to start: as many as are wanted; `auto` is one a GPU, and one where there is none."""
    return int(wanted) if wanted != "auto" else max(1, len(gpus))


def shared_out(gpus: tuple[str, ...], engines: int) -> list[Gpu]:
    """The GPU of each engine: that of engine n is n mod the number of GPUs. Those that meet on one share its memory."""
    if not gpus:
        return [Gpu()] * engines
    on = [number % len(gpus) for number in range(engines)]
    return [Gpu(gpus[index], 1 / on.count(index)) for index in on]


def gpus_of_engines(engines: int | str, spares: int) -> tuple[list[Gpu], list[Gpu]]:
    """The GPUs of engines and of those in reserve."""
    gpus = visible_gpus(cuda_visible_devices())
    count = engine_count(engines, gpus)
    shared = shared_out(gpus, count + spares)
    return shared[:count], shared[count:]
