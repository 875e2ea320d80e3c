"""GPUs as TensorFlow has them: how much of their memory is taken, and what is said when it is not enough."""

from __future__ import annotations

import re
from collections.abc import Iterator

import tensorflow as tf

from models.errors import DeviceMemory, LayerscopeError, NoGpu

FULL = re.compile(r"device:GPU|\bGPU_\d+_bfc\b|CUDA_ERROR_OUT_OF_MEMORY|cudaErrorMemoryAllocation|device ordinal")
"""What names the memory that is full as a GPU's; that of the machine is another matter."""


def options(percent: int) -> tf.compat.v1.GPUOptions:
    """Of all GPUs: memory is taken as it is needed, up to a part of it where several engines share one."""
    return tf.compat.v1.GPUOptions(per_process_gpu_memory_fraction=percent / 100 if percent < 100 else 0.0)


def take_as_needed() -> None:
    """Not all at once. Before any operation runs."""
    for device in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(device, True)


def require() -> None:
    """Raises NoGpu."""
    if not tf.config.list_physical_devices("GPU"):
        raise NoGpu("LAYERSCOPE_REQUIRE_GPU is set, and the engine of this model sees no GPU.")


def told(error: LayerscopeError) -> LayerscopeError:
    """An error as it is answered: a GPU without memory is no fault of a document, whatever was made of it."""
    if any(isinstance(cause, tf.errors.ResourceExhaustedError) and FULL.search(str(cause)) for cause in causes(error)):
        return DeviceMemory("The GPU has no memory left for this request; a smaller batch or fewer layers may fit.")
    return error


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it was made of. One that was raised again while it was handled leads back to itself."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
