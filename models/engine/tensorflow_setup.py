"""Configuration of TensorFlow, and what it runs on."""

from __future__ import annotations

import keras
import tensorflow as tf
from tensorflow.python.eager import context  # private: pinned; TensorFlow 2 has no other way to its configuration

from models.engine.gpu import enable_memory_growth, gpu_options


def devices() -> tuple[dict[str, str], ...]:
    """Return the devices TensorFlow computes on: `{"type": "GPU", "name": …, "model": …}`."""
    rows = []
    for device in tf.config.list_physical_devices():
        details = tf.config.experimental.get_device_details(device)
        rows.append({"type": device.device_type, "name": device.name, "model": details.get("device_name", "")})
    return tuple(rows)


def prepare(gpu_percent: int = 100) -> None:
    """Configure TensorFlow before any operation runs: GPU memory grows on demand, functions are not rewritten, and idle
    threads sleep.

    TensorFlow's optimiser fuses operations whose results are not requested, so that the bits of a layer would depend
    on which others are requested, and takes longer than tracing (decision 0008). Its idle threads busy-wait: a quarter
    of the processor time of six small layers, which the front needs.
    """
    context.context()._config = tf.compat.v1.ConfigProto(
        gpu_options=gpu_options(gpu_percent),
        experimental=tf.compat.v1.ConfigProto.Experimental(disable_thread_spinning=True),
    )
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    enable_memory_growth()


def versions() -> dict[str, str]:
    """Return the versions that results depend on."""
    return {"tensorflow": tf.__version__, "keras": keras.__version__}
