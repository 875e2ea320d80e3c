"""The formats of shards."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

import numpy as np

from models.tensors.dtypes import Array
from service.extracting.job import Column, Job
from service.extracting.npz_files import npz_bytes
from service.extracting.zarr_arrays import ZarrWriter

FILES, INDEX = "files", "index"
"""The names under which the names of the inputs, and their numbers in the data set, stand beside the arrays."""


@dataclass(frozen=True)
class ShardArrays:
    """The results of a shard: its number, the number of its first input, and the names of all; of the inputs with
    results the numbers, and the arrays, whose first axis they are.
    """

    number: int
    first: int
    all_names: Sequence[str]
    indices: Array
    arrays: Mapping[str, Array]

    @property
    def names(self) -> list[str]:
        """The names of the inputs with results."""
        return [self.all_names[index - self.first] for index in self.indices]


class Writer(Protocol):
    """Writer of shards in one format."""

    def prepare(self) -> None:
        """Write what is there before the first shard."""
        ...

    def write(self, shard: ShardArrays) -> dict[str, str]:
        """Write a shard; return the SHA-256 of each file."""
        ...


@dataclass(frozen=True)
class FileWriter:
    """Writer of shards that are a file each: `shard-000000.parquet`."""

    job: Job
    ending: str
    encode: Callable[[ShardArrays, Sequence[Column]], bytes]

    def prepare(self) -> None:
        """Write nothing."""

    def write(self, shard: ShardArrays) -> dict[str, str]:
        """Write the file of a shard; return its SHA-256."""
        name, data = f"shard-{shard.number:06}{self.ending}", self.encode(shard, self.job.columns)
        self.job.out.write(name, data)
        return {name: sha256(data).hexdigest()}


def parquet_bytes(shard: ShardArrays, columns: Sequence[Column]) -> bytes:
    """Return a Parquet file: a row an input, a column of flat lists a tensor, with the `shape` in its metadata."""
    import pyarrow as pa  # noqa: PLC0415 (an extra)
    from pyarrow import parquet  # noqa: PLC0415

    fields, cells = [pa.field(INDEX, pa.int64()), pa.field(FILES, pa.string())], [shard.indices, shard.names]
    for column in columns:
        kind = pa.list_(pa.from_numpy_dtype(column.written), int(np.prod(column.shape, dtype=np.int64)))
        fields.append(pa.field(column.name, kind, metadata={"shape": json.dumps(column.shape)}))
        cells.append(pa.FixedSizeListArray.from_arrays(pa.array(shard.arrays[column.name].reshape(-1)), type=kind))
    file = io.BytesIO()
    table = pa.table([pa.array(cell, one.type) if not isinstance(cell, pa.Array) else cell
                      for cell, one in zip(cells, fields, strict=True)], schema=pa.schema(fields))  # fmt: skip
    parquet.write_table(table, file, use_dictionary=[FILES], write_statistics=[INDEX, FILES])
    return file.getvalue()


def _named(shard: ShardArrays) -> dict[str, Any]:
    return {INDEX: shard.indices, FILES: np.array(shard.names, np.str_), **shard.arrays}


def safetensors_bytes(shard: ShardArrays, _: Sequence[Column]) -> bytes:
    """Return a safetensors file; the names are the metadata `files`, as JSON."""
    from safetensors.numpy import save  # noqa: PLC0415 (only this format needs it)

    arrays = {INDEX: shard.indices, **{name: np.ascontiguousarray(array) for name, array in shard.arrays.items()}}
    return bytes(save(arrays, {FILES: json.dumps(shard.names)}))


WRITERS: Mapping[str, Callable[[Job], Writer]] = {
    "parquet": lambda job: FileWriter(job, ".parquet", parquet_bytes),
    "npz": lambda job: FileWriter(job, ".npz", lambda shard, _: npz_bytes(_named(shard))),
    "safetensors": lambda job: FileWriter(job, ".safetensors", safetensors_bytes),
    "zarr": ZarrWriter,
}
