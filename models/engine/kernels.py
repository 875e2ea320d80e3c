"""Which operations TensorFlow can compute on this machine, asked of its registry and not tried."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import kernels  # private: pinned, and covered by tests

UNTOLD = {"Tile": ("uint16",)}
"""Dtypes that a kernel is registered for, as for all, and does not compute."""
ANYWHERE = ("CPU", "DEFAULT")
"""The devices that every machine has, by the names that kernels are registered for."""


def missing_kernel(graph: tf.Graph) -> str | None:
    """The first operation of a graph, or of the functions that it calls, that no device of this machine computes in
    the dtypes that it has there: its name and those dtypes. None where there is none.
    """
    written = graph.as_graph_def()
    functions = {function.signature.name for function in written.library.function}
    for operation in _operations(written):
        dtypes = tuple((name, value.type) for name, value in sorted(operation.attr.items()) if value.type)
        if operation.op not in functions and not _is_there(operation.op, dtypes):
            names = ", ".join(dict.fromkeys(tf.as_dtype(dtype).name for _, dtype in dtypes))
            return f"TensorFlow does not compute {operation.op} in {names}"
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
