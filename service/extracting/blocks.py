"""Decoded inputs of a shard as a block of Ray Data: an Arrow table with a row for each input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.tensors.dtypes import DTYPES, Array, name_of
from service.extracting.decoding import Refusal

BYTES, SHAPE, DTYPE = "bytes", "shape", "dtype"
"""Prefixes of the columns of an input of the network: `bytes:input`, …"""


@dataclass(frozen=True)
class Row:
    """An input: its number and name in the data set, and its arrays or why there are none."""

    index: int
    name: str
    arrays: tuple[Array, ...] | Refusal


def block_of(shard: int, rows: Sequence[Row], names: Sequence[str], digest: str) -> Any:
    """Return the block of a shard; `digest` is that of its inputs."""
    import pyarrow as pa  # noqa: PLC0415 (an extra)

    refusals = [row.arrays if isinstance(row.arrays, Refusal) else None for row in rows]
    columns = {
        "shard": pa.array([shard] * len(rows), pa.int64()),
        "digest": pa.array([digest] * len(rows), pa.string()),
        "index": pa.array([row.index for row in rows], pa.int64()),
        "name": pa.array([row.name for row in rows], pa.string()),
        "code": pa.array([refusal and refusal.code for refusal in refusals], pa.string()),
        "message": pa.array([refusal and refusal.message for refusal in refusals], pa.string()),
    }
    for at, name in enumerate(names):
        arrays = [None if isinstance(row.arrays, Refusal) else row.arrays[at] for row in rows]
        columns[f"{BYTES}:{name}"] = _joined(arrays)
        columns[f"{SHAPE}:{name}"] = pa.array(
            [one if one is None else one.shape for one in arrays], pa.list_(pa.int64())
        )
        columns[f"{DTYPE}:{name}"] = pa.array(
            [one if one is None else name_of(one.dtype) for one in arrays], pa.string()
        )
    return pa.table(columns)


def _joined(arrays: Sequence[Array | None]) -> Any:
    """Return the bytes of arrays as an Arrow array, copied once."""
    import pyarrow as pa  # noqa: PLC0415 (an extra)

    nothing = memoryview(b"")
    pieces = [nothing if one is None else np.ascontiguousarray(one).reshape(-1).view(np.uint8).data for one in arrays]
    offsets = np.cumsum([0, *map(len, pieces)], dtype=np.int64)
    return pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(pieces), [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(pieces))]
    )


def rows_of(block: Any, names: Sequence[str]) -> list[Row]:
    """Return the rows of a block; their arrays are views of it."""
    block = block.combine_chunks()
    heads = block.select(["index", "name", "code", "message"]).to_pylist()
    arrays = [_arrays(block, name) for name in names]
    return [
        Row(
            head["index"], head["name"],
            tuple(column[at] for column in arrays) if head["code"] is None
            else Refusal(head["index"], head["name"], head["code"], head["message"]),
        )
        for at, head in enumerate(heads)
    ]  # fmt: skip


def _arrays(block: Any, name: str) -> list[Any]:
    """Return the arrays of one input of the network; None where there is none."""
    (cells,) = block.column(f"{BYTES}:{name}").chunks
    shapes, dtypes = (block.column(f"{kind}:{name}").to_pylist() for kind in (SHAPE, DTYPE))
    _, offsets, data = cells.buffers()
    ends = np.frombuffer(offsets, np.int64)[cells.offset : cells.offset + len(cells) + 1].tolist()
    whole = np.frombuffer(data if data is not None else b"", np.uint8)
    return [
        None if shape is None else whole[ends[at] : ends[at + 1]].view(DTYPES[dtype]).reshape(shape)
        for at, (shape, dtype) in enumerate(zip(shapes, dtypes, strict=True))
    ]
