"""Tensors as bytes: safetensors files (huggingface/safetensors, README "Format"), NumPy's own, and JSON."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

import numpy as np

from layerscope_client.calls import Array
from layerscope_client.failures import BrokenReply

DTYPES: Mapping[str, str] = {
    "F16": "<f2", "F32": "<f4", "F64": "<f8", "I8": "|i1", "I16": "<i2", "I32": "<i4", "I64": "<i8",
    "U8": "|u1", "U16": "<u2", "U32": "<u4", "U64": "<u8", "BOOL": "|b1",
}  # fmt: skip
"""NumPy's dtype by its name in the format. BF16, which NumPy lacks, becomes float32 with the same value."""
METADATA = "__metadata__"
LENGTH_BYTES = 8


class Tensors(Mapping[str, Array]):
    """The tensors of a safetensors file by name, each a view of its bytes, without a copy (but for bfloat16).

    `facts` is the reply in JSON, without arrays. Raises BrokenReply if the file's header does not fit its bytes.
    """

    def __init__(self, file: Array) -> None:
        try:
            length = int.from_bytes(file[:LENGTH_BYTES].tobytes(), "little")
            start = LENGTH_BYTES + length
            header = json.loads(file[LENGTH_BYTES:start].tobytes())
            self.facts: Any = json.loads(header.pop(METADATA, {}).get("layerscope", "{}"))
            ends = [row["data_offsets"][1] for row in header.values()]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BrokenReply("ask again: the reply is no safetensors file") from error
        self._header, self._data = header, file[start:]
        if max(ends, default=0) != self._data.size:
            raise BrokenReply(f"ask again: the tensors have {max(ends, default=0):,} bytes, not {self._data.size:,}")

    def __getitem__(self, name: str) -> Array:
        row = self._header[name]
        first, last = row["data_offsets"]
        data = self._data[first:last]
        if row["dtype"] == "BF16":
            data = _widened(data)
        elif row["dtype"] not in DTYPES:
            raise BrokenReply(f"use a newer client: this one knows no dtype {row['dtype']}, that of {name}")
        else:
            data = data.view(DTYPES[row["dtype"]])
        array: Array = data.reshape(row["shape"])
        return array

    def __iter__(self) -> Iterator[str]:
        return iter(self._header)

    def __len__(self) -> int:
        return len(self._header)


def _widened(data: Array) -> Array:
    """Return bfloat16 as float32, whose upper half it is."""
    return np.left_shift(data.view("<u2"), 16, dtype=np.uint32).view(np.float32)


def array_of(value: Any) -> Array:
    """Return a value as an array of numbers; bfloat16, which no file of NumPy's holds, as float32.

    Raises:
        TypeError: it is none.
    """
    array = np.asarray(value)
    if array.dtype.name == "bfloat16":
        return array.astype(np.float32)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"send numbers, or a picture as a path, bytes or PIL image: {type(value).__name__} is neither")
    return array


def npy(value: Any) -> IO[bytes]:
    """Return the .npy file of an array: as it is, in its own dtype."""
    file = io.BytesIO()
    np.save(file, array_of(value), allow_pickle=False)
    return file


def npz(arrays: Sequence[Any] | Mapping[str, Any], file: IO[bytes]) -> IO[bytes]:
    """Write arrays to an .npz file, in order or by name, without compression, and return it."""
    named: Any = {name: array_of(array) for name, array in arrays.items()} if isinstance(arrays, Mapping) else {}
    np.savez(file, *(() if named else map(array_of, arrays)), **named)
    return file


def json_tensor(value: Any) -> dict[str, Any]:
    """Return an array as `{"shape", "dtype", "base64"}`."""
    array = array_of(value)
    array = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return {"shape": list(array.shape), "dtype": array.dtype.name, "base64": base64.b64encode(array.tobytes()).decode()}


def array_from_json(row: Mapping[str, Any]) -> Array:
    """Return the array of an entry with `base64`. Raises BrokenReply for another number of bytes than its shape has."""
    view = row.get("view") or row
    try:
        data = np.frombuffer(bytearray(base64.b64decode(row["base64"])), np.uint8)
        if view["dtype"] == "bfloat16":
            return _widened(data).reshape(view["shape"])
        array: Array = data.view(np.dtype(view["dtype"]).newbyteorder("<")).reshape(view["shape"])
        return array
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenReply(f"ask again: the values of {row.get('address')} do not fit its shape") from error
