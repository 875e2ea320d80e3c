"""Replies as .npy files: one tensor, as numpy.save writes it.

Source: numpy/lib/format.py, format version 1.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from math import prod

import ml_dtypes
import numpy as np

from models.errors import Unacceptable
from models.ipc.messages import TensorInfo
from models.tensors.dtypes import DTYPES
from service.wire.stream import Buffer, check_length

ONE_TENSOR = "a .npy file holds one tensor"


class NpyStream:
    """Encoder of a reply's only tensor.

    Raises:
        Unacceptable: there is not exactly one tensor.
    """

    def __init__(self, tensors: Sequence[TensorInfo]) -> None:
        if len(tensors) != 1:
            names = ", ".join(tensor.name for tensor in tensors[:5])
            received = f"{len(tensors)} tensors: {names}{', …' * (len(tensors) > 5)}"
            raise Unacceptable.at(
                "", ONE_TENSOR, expected="a reply of one tensor", received=received, suggestion="ask for npz"
            )
        self._tensor = tensors[0]
        self.length = npy_bytes(self._tensor)

    def head(self) -> bytes:
        return npy_header(self._tensor)

    def member(self, index: int, data: Buffer) -> tuple[Buffer]:  # noqa: ARG002 - there is one
        return (npy_data(self._tensor, data),)

    def tail(self) -> bytes:
        return b""


def check_one_tensor(addresses: Sequence[str], weights: bool) -> None:
    """Check that a request for these activations selects a single tensor.

    Raises:
        Unacceptable: it does not; suggests a selection that would.
    """
    if len(addresses) > 1:
        advice = f'write "layers": ["{addresses[-1]}"], or ask for npz'
        raise Unacceptable.at(
            "/layers", ONE_TENSOR, expected="one layer", received=f"{len(addresses)} layers", suggestion=advice
        )
    if weights:
        advice = "leave them out, or ask for npz"
        raise Unacceptable.at("/weights", ONE_TENSOR, expected="false", received="true", suggestion=advice)


def npy_header(tensor: TensorInfo) -> bytes:
    """Return magic, version and header of the tensor's file; bfloat16, which NumPy lacks, is declared float32."""
    dtype = np.dtype("<f4") if tensor.dtype == "bfloat16" else DTYPES[tensor.dtype]
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": tuple(tensor.shape)}
    buffer = BytesIO()
    np.lib.format.write_array_header_1_0(buffer, header)
    return buffer.getvalue()


def npy_data(tensor: TensorInfo, data: Buffer) -> memoryview:
    """Return the tensor's bytes in the file: unchanged, or bfloat16 widened exactly to float32."""
    view = check_length(data, tensor.nbytes, tensor.name)
    if tensor.dtype != "bfloat16":
        return view
    return np.frombuffer(view, ml_dtypes.bfloat16).astype("<f4").view(np.uint8).data


def npy_bytes(tensor: TensorInfo) -> int:
    """Return the length of the tensor's file."""
    itemsize = 4 if tensor.dtype == "bfloat16" else DTYPES[tensor.dtype].itemsize
    return len(npy_header(tensor)) + prod(tensor.shape) * itemsize
