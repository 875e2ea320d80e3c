"""Tensors of messages as NumPy arrays."""

from __future__ import annotations

import numpy as np

from models.ipc.arena import Arena
from models.ipc.messages import Payload, TensorInfo
from models.tensors.dtypes import DTYPES, Array


def array_of(info: TensorInfo, data: bytes | memoryview) -> Array:
    """Return the tensor with this metadata as a view of its bytes."""
    return np.frombuffer(data, DTYPES[info.dtype]).reshape(info.shape)


def read_payload(info: TensorInfo, payload: Payload, arena: Arena) -> Array:
    """Return the tensor with this metadata as a view of its payload, inline or in the sender's arena."""
    return array_of(info, arena.view(payload.span) if payload.span is not None else payload.inline or b"")
