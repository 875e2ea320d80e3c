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

CODES: Mapping[str, str] = {
    "F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64", "I8": "int8", "I16": "int16",
    "I32": "int32", "I64": "int64", "U8": "uint8", "U16": "uint16", "U32": "uint32", "U64": "uint64", "BOOL": "bool",
}  # fmt: skip
"""The dtype of each name in the format."""
METADATA = "__metadata__"
LENGTH_BYTES = 8


class Tensors(Mapping[str, Array]):
    """The tensors of a safetensors file by name, each a view of its bytes, without a copy (but for bfloat16).

    `facts` is the reply in JSON, without arrays. Raises BrokenReply if the file is none, or not all of it.
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
        if start + max(ends, default=0) != file.size:
            raise BrokenReply(f"ask again: the reply has {file.size:,} bytes, not {start + max(ends, default=0):,}")

    def __getitem__(self, name: str) -> Array:
        row = self._header[name]
        first, last = row["data_offsets"]
        data = self._data[first:last]
        if row["dtype"] not in CODES:
            raise BrokenReply(f"use a newer client: this one knows no dtype {row['dtype']}, that of {name}")
        return _viewed(data, CODES[row["dtype"]], row["shape"], name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._header)

    def __len__(self) -> int:
        return len(self._header)


def _viewed(data: Array, dtype: str, shape: Sequence[int], name: str) -> Array:
    """Return bytes as an array, without a copy; bfloat16, which NumPy lacks, as float32, whose upper half it is."""
    try:
        if dtype == "bfloat16":
            data, dtype = np.left_shift(data.view("<u2"), 16, dtype=np.uint32), "float32"
        array: Array = data.view(np.dtype(np.dtype(dtype).newbyteorder("<").str)).reshape(shape)
        return array
    except (ValueError, TypeError) as error:
        raise BrokenReply(f"ask again: the values of {name} do not fit its shape") from error


def array_of(value: Any) -> Array:
    """Return a value as an array of numbers. (bfloat16 is two opaque bytes in NumPy's files, which the service knows.)

    Raises:
        TypeError: it is none.
    """
    array = np.asarray(value)
    if array.dtype.kind not in "biuf" and array.dtype.name != "bfloat16":
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
    data = np.frombuffer(bytearray(base64.b64decode(row["base64"])), np.uint8)
    return _viewed(data, view["dtype"], view["shape"], row["address"])
