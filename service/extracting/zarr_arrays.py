"""The format Zarr, version 3: an array for each tensor, with a row for each input and a chunk for each shard."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from service.extracting.job import Column, Job

if TYPE_CHECKING:
    from service.extracting.formats import ShardArrays

VALID, FILES = "valid", "files"
"""The arrays that say which inputs have results, and what they are called."""


@dataclass(frozen=True)
class ZarrWriter:
    """Writer of the chunks of a shard. Rows without results are NaN, zero or false."""

    job: Job

    def prepare(self) -> None:
        """Create the arrays, unless they are there."""
        group, count, rows = self._group("a"), self.job.count, self.job.rows
        for column in self.job.columns:
            if array_name(column) in group:
                continue
            group.create_array(
                array_name(column), shape=(count, *column.shape), dtype=column.written, chunks=(rows, *column.shape),
                fill_value=_fill(column), dimension_names=("input", *_axes(column)),
                attributes={"address": column.address, "tensor": column.name},
            )  # fmt: skip
        for name, dtype in ((VALID, "bool"), (FILES, "str")):
            if name not in group:
                group.create_array(name, shape=(count,), dtype=dtype, chunks=(rows,), dimension_names=("input",))

    def write(self, shard: ShardArrays) -> dict[str, str]:
        """Write the chunks of a shard; return the SHA-256 of those that are files: one of zeros alone is none."""
        group, span = self._group("r+"), slice(shard.first, shard.first + len(shard.all_names))
        count, places = len(shard.all_names), shard.indices - shard.first
        digests: dict[str, str] = {}
        for column in self.job.columns:
            rows = np.full((count, *column.shape), _fill(column), column.written)
            rows[places] = shard.arrays[column.name]
            digests |= self._write(group, array_name(column), span, rows)
        valid = np.zeros(count, np.bool_)
        valid[places] = True
        names = np.array(shard.all_names, object)
        return digests | self._write(group, VALID, span, valid) | self._write(group, FILES, span, names)

    def _write(self, group: Any, name: str, span: slice, rows: Any) -> dict[str, str]:
        group[name][span] = rows
        zeros = "/0" * (group[name].ndim - 1)
        chunk = f"{name}/c/{span.start // self.job.rows}{zeros}"
        data = self.job.out.read(chunk)
        return {} if data is None else {chunk: sha256(data).hexdigest()}

    def _group(self, mode: str) -> Any:
        import zarr  # noqa: PLC0415 (an extra)

        return zarr.open_group(self.job.out.location, mode=mode, zarr_format=3)


def array_name(column: Column) -> str:
    """Return the name of an array: that of the tensor, without the slashes that would make groups."""
    return column.name.replace("/", ".")


def _axes(column: Column) -> list[str]:
    """Return a name for each axis of a row."""
    return [f"{array_name(column)}.{axis}" for axis in range(len(column.shape))]


def _fill(column: Column) -> Any:
    return column.written.type(np.nan if column.written.kind == "f" else 0)
