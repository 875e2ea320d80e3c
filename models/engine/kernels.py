"""Which operations TensorFlow can compute on this machine, asked of its registry and not tried."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import kernels  # private: pinned, and covered by tests

UNTOLD = {"Tile": ("uint16",)}
"""Dtypes that a kernel is registered for, as for all, and does not compute."""
CHANNELS_LAST = ("Conv2D", "Conv2DBackpropInput", "Conv3DBackpropInputV2")
"""Operations that processors compute with the channels last only, whatever their kernels are registered for."""
ANYWHERE = ("CPU", "DEFAULT")
"""The devices that every machine has, by the names that kernels are registered for."""


def missing_kernel(graph: tf.Graph) -> str | None:
    """What no device of this machine computes of a graph, or of the functions that it calls, in the dtypes that it has
    there: the first such operation in words. None where there is none.
    """
    written = graph.as_graph_def()
    functions = {function.signature.name for function in written.library.function}
    operations = (operation for operation in _operations(written) if operation.op not in functions)
    return next(filter(None, map(_lack, operations)), None)


def _lack(operation: Any) -> str | None:
    """Why an operation cannot be computed."""
    dtypes = tuple((name, value.type) for name, value in sorted(operation.attr.items()) if value.type)
    if not _is_there(operation.op, dtypes):
        names = ", ".join(dict.fromkeys(tf.as_dtype(dtype).name for _, dtype in dtypes))
        return f"TensorFlow does not compute {operation.op} in {names}"
    channels_first = operation.attr["data_format"].s.startswith(b"NC") if "data_format" in operation.attr else False
    if channels_first and operation.op in CHANNELS_LAST and "GPU" not in _devices():
        return f"TensorFlow computes {operation.op} with the channels first on a GPU alone: put them last"
    return None


def _operations(written: Any) -> Iterator[Any]:
    yield from written.node
    for function in written.library.function:
        yield from function.node_def


@lru_cache(maxsize=4096)
def _is_there(operation: str, dtypes: tuple[tuple[str, int], ...]) -> bool:
    """Whether a kernel is registered for an operation with these attributes."""
    given = dict(dtypes)
    if any(tf.as_dtype(dtype).name in UNTOLD.get(operation, ()) for dtype in given.values()):
        return False
    registered = kernels.get_registered_kernels_for_op(operation).kernel
    return any(
        kernel.device_type in _devices()
        and all(given.get(one.name, 0) in (0, *one.allowed_values.list.type) for one in kernel.constraint)
        for kernel in registered
    )


def _devices() -> tuple[str, ...]:
    return (*ANYWHERE, "GPU") if tf.config.list_physical_devices("GPU") else ANYWHERE
