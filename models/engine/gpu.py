"""GPUs in TensorFlow: memory growth, and the error when GPU memory runs out."""

from __future__ import annotations

import re
from collections.abc import Iterator

import tensorflow as tf

from models.errors import DeviceMemory, LayerscopeError, NoGpu

FULL = re.compile(r"device:GPU|\bGPU_\d+_bfc\b|CUDA_ERROR_OUT_OF_MEMORY|cudaErrorMemoryAllocation|device ordinal")
"""Matches an error about GPU memory, as opposed to the memory of the machine."""


def gpu_options(percent: int) -> tf.compat.v1.GPUOptions:
    """Return options for all GPUs: memory grows on demand, up to a fraction where several engines share one."""
    return tf.compat.v1.GPUOptions(per_process_gpu_memory_fraction=percent / 100 if percent < 100 else 0.0)


def is_present() -> bool:
    """Whether TensorFlow sees a GPU."""
    return bool(tf.config.list_physical_devices("GPU"))


def enable_memory_growth() -> None:
    """Enable memory growth. Call before any operation runs."""
    for device in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(device, True)


def require_gpu() -> None:
    """Raise NoGpu unless TensorFlow sees a GPU."""
    if not is_present():
        raise NoGpu("LAYERSCOPE_REQUIRE_GPU is set, and the engine of this model sees no GPU.")


def client_error(error: LayerscopeError) -> LayerscopeError:
    """Return the error as sent to the client: a full GPU is not a fault of the document, however it was wrapped."""
    if any(isinstance(cause, tf.errors.ResourceExhaustedError) and FULL.search(str(cause)) for cause in causes(error)):
        return DeviceMemory("The GPU has no memory left for this request; a smaller batch or fewer layers may fit.")
    return error


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and its causes. One that was raised again while it was handled leads back to itself."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
