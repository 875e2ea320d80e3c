"""Encoding of the Open Inference Protocol: JSON, followed by the concatenated bytes of the binary tensors.

Source: Triton's "Binary Tensor Data Extension": little-endian, C order; an element of BYTES is its length in four
bytes, then itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from models.errors import InvalidTensor
from models.ipc.messages import TensorInfo
from models.tensors.dtypes import Array, plain
from models.tensors.json_text import NUMBERS, is_finite, with_words
from models.tensors.widening import widened
from models.views.labels import Names

DATATYPES: Mapping[str, str] = {
    "float16": "FP16", "bfloat16": "BF16", "float32": "FP32", "float64": "FP64", "int8": "INT8", "int16": "INT16",
    "int32": "INT32", "int64": "INT64", "uint8": "UINT8", "uint16": "UINT16", "uint32": "UINT32", "uint64": "UINT64",
    "bool": "BOOL",
}  # fmt: skip
"""The protocol's name of each dtype."""
BYTES = "BYTES"
"""The datatype of elements that are bytes: image files in requests, classes in replies."""
HEADER = "Inference-Header-Content-Length"
"""The header with the length of a body's JSON; without it, all of the body is JSON."""


@dataclass(frozen=True, slots=True)
class Output:
    """One tensor of a reply. `nbytes` is None if its values are in the JSON, as `data`."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    nbytes: int | None
    data: Any = None


def output_of(name: str, info: TensorInfo) -> Output:
    """Return the output of a binary tensor."""
    return Output(name, DATATYPES[info.dtype], info.shape, info.nbytes)


def reply_head(reply: Mapping[str, Any], outputs: Iterable[Output]) -> bytes:
    """Serialize the JSON of a reply: `reply` with its outputs."""
    return orjson.dumps({**reply, "outputs": [_output_json(output) for output in outputs]})


def _output_json(output: Output) -> dict[str, Any]:
    entry = {"name": output.name, "datatype": output.datatype, "shape": output.shape}
    if output.nbytes is None:
        return {**entry, "data": output.data}
    return {**entry, "parameters": {"binary_data_size": output.nbytes}}


def flat_json(array: Array) -> orjson.Fragment:
    """Serialize the values in C order as a JSON array. NaN and infinities are the literals NaN, Infinity and -Infinity:
    not JSON, but what Triton writes and its clients read. float16 is widened to float32, which is exact.
    """
    values = plain(widened(array), "").reshape(-1)
    text = orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY)
    return orjson.Fragment(text if is_finite(values) else with_words(text, values, NUMBERS))


def pack_bytes(elements: Iterable[bytes]) -> bytes:
    """Encode elements of BYTES."""
    return b"".join(len(element).to_bytes(4, "little") + element for element in elements)


def unpack_bytes(data: memoryview, count: int, pointer: str) -> list[bytes]:
    """Decode `count` elements of BYTES, which must use up the data.

    Raises:
        InvalidTensor: with the element that does not fit.
    """
    elements: list[bytes] = []
    rest = data
    while len(elements) < count:
        size = int.from_bytes(rest[:4], "little")
        if len(rest) < 4 + size:
            expected = f"four bytes of length and {size:,} more" if len(rest) >= 4 else "four bytes of length"
            message, received = f"element {len(elements)} of BYTES is cut off", f"{len(rest):,} bytes"
            raise InvalidTensor.at(pointer, message, expected=expected, received=received)
        elements.append(bytes(rest[4 : 4 + size]))
        rest = rest[4 + size :]
    if len(rest):
        message, received = "there are more bytes than elements", f"{len(rest):,} bytes more"
        raise InvalidTensor.at(pointer, message, expected=f"{count} elements", received=received)
    return elements


def class_labels(values: Array, indices: Array, names: Names | None = None) -> list[bytes]:
    """Format Triton's classes, best first: `value:index`, and `:name` where there are names. Parsing a value gives the
    same bits.
    """
    wide = widened(values)
    pairs = zip(wide.reshape(-1), indices.reshape(-1).tolist(), strict=True)
    if names is None:
        return [f"{_number(value)}:{index}".encode() for value, index in pairs]
    return [f"{_number(value)}:{index}:{names[index]}".encode() for value, index in pairs]


def _number(value: np.generic) -> str:
    return str(value.item()) if value.dtype.kind in "iub" else np.format_float_positional(value, trim="0")  # type: ignore[arg-type]
