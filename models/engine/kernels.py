"""Availability of TensorFlow kernels on this machine, read from the kernel registry."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import kernels  # private: pinned, and covered by tests

from models.engine import gpu

UNSUPPORTED = {"Tile": ("uint16",)}
"""Dtypes that a kernel is registered for but does not compute."""
CHANNELS_LAST = ("Conv2D", "Conv2DBackpropInput", "Conv3DBackpropInputV2")
"""Operations that CPUs compute with channels last only, whatever their kernels are registered for."""
ANYWHERE = ("CPU", "DEFAULT")
"""Devices that every machine has, by the names that kernels are registered for."""


def missing_kernel(graph: tf.Graph) -> str | None:
    """Describe the first operation of a graph, or of the functions it calls, that no device of this machine computes in
    its dtypes; None if there is none.
    """
    graph_def = graph.as_graph_def()
    functions = {function.signature.name for function in graph_def.library.function}
    operations = (operation for operation in _operations(graph_def) if operation.op not in functions)
    return next(filter(None, map(_problem, operations)), None)


def _problem(operation: Any) -> str | None:
    """Return why an operation cannot be computed; None if it can."""
    dtypes = tuple((name, value.type) for name, value in sorted(operation.attr.items()) if value.type)
    if not _has_kernel(operation.op, dtypes):
        names = ", ".join(dict.fromkeys(tf.as_dtype(dtype).name for _, dtype in dtypes))
        return f"TensorFlow does not compute {operation.op} in {names}"
    channels_first = operation.attr["data_format"].s.startswith(b"NC") if "data_format" in operation.attr else False
    if channels_first and operation.op in CHANNELS_LAST and "GPU" not in _devices():
        return f"TensorFlow computes {operation.op} with the channels first on a GPU alone: put them last"
    return None


def _operations(graph_def: Any) -> Iterator[Any]:
    yield from graph_def.node
    for function in graph_def.library.function:
        yield from function.node_def


@lru_cache(maxsize=4096)
def _has_kernel(operation: str, dtypes: tuple[tuple[str, int], ...]) -> bool:
    """Whether a kernel is registered for an operation with these attributes."""
    types = dict(dtypes)
    if any(tf.as_dtype(dtype).name in UNSUPPORTED.get(operation, ()) for dtype in types.values()):
        return False
    registered = kernels.get_registered_kernels_for_op(operation).kernel
    return any(
        kernel.device_type in _devices()
        and all(
            types.get(constraint.name, 0) in (0, *constraint.allowed_values.list.type)
            for constraint in kernel.constraint
        )
        for kernel in registered
    )


def _devices() -> tuple[str, ...]:
    return (*ANYWHERE, "GPU") if gpu.is_present() else ANYWHERE
