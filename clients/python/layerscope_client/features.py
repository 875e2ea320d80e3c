"""Files of features: the arrays of batches, and all of them in one .npz, .parquet or .zarr."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from layerscope_client.calls import Array
from layerscope_client.errors import LayerscopeError

FILES, FACTS = "files", "facts"
"""The names under which the names of the files stand, in the order of the rows; and what is known of a batch."""


@dataclass(frozen=True)
class Features:
    """What was written to `out`: arrays by address with a row for each of `files`; why others `failed`."""

    out: Path
    files: list[str]
    failed: dict[str, str]


@dataclass(frozen=True)
class Part:
    """The arrays of one batch in an .npz, which is there when it is complete."""

    path: Path

    def write(self, arrays: Mapping[str, Array], files: Sequence[str], failed: Mapping[str, str]) -> None:
        """Keep the arrays of a batch, by name with a mark that no other name begins with."""
        facts = json.dumps({FILES: files, "failed": failed, "names": list(arrays)})
        members: dict[str, Any] = {FACTS: np.array(facts), **{f"={name}": array for name, array in arrays.items()}}
        temporary = self.path.with_suffix(".new")
        with temporary.open("wb") as file:
            np.savez(file, **members)
        os.replace(temporary, self.path)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Its files, those that failed, and the names of the arrays."""
        return json.loads(str(self._read(FACTS)))  # type: ignore[no-any-return]

    def array(self, name: str) -> Array:
        """Read one array."""
        return self._read(f"={name}")

    def _read(self, member: str) -> Array:
        with np.load(self.path, allow_pickle=False) as arrays:
            array: Array = arrays[member]
        return array


class Parts:
    """All batches, those without a good file left out."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = [part for part in parts if part.facts[FILES]]
        self.files = [file for part in self.parts for file in part.facts[FILES]]
        self.failed = {file: why for part in parts for file, why in part.facts["failed"].items()}
        self.firsts = {name: self.parts[0].array(name) for name in (self.parts[0].facts["names"] if self.parts else ())}
        """The first array of each name."""

    def pieces(self, name: str) -> Iterator[Array]:
        """Yield the arrays of one name. Raises LayerscopeError if rows differ in shape, or if it is `files`."""
        row = self.firsts[name].shape[1:]
        for part in self.parts:
            array = part.array(name)
            if array.shape[1:] != row or name == FILES:
                advice = "name layers of one shape, or reduce them (reduce='mean@h,w'); none may be called files"
                raise LayerscopeError(f"{advice}: {name} has rows of {row} and of {array.shape[1:]}")
            yield array

    def written(self, out: Path) -> Features:
        """Write all of it to `out`, which is there only when it is complete."""
        temporary = out.with_name(f"{out.name}.new")
        WRITERS[out.suffix](temporary, self)
        if out.is_dir():
            shutil.rmtree(out)
        os.replace(temporary, out)
        return Features(out, self.files, self.failed)


def write_npz(path: Path, parts: Parts) -> None:
    """Write an .npz with an array for each layer, and `files`."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, first in parts.firsts.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                shape = (len(parts.files), *first.shape[1:])
                header = {"descr": first.dtype.str, "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_2_0(file, header)
                for piece in parts.pieces(name):
                    file.write(np.ascontiguousarray(piece).data)
        with archive.open(f"{FILES}.npy", "w") as file:
            np.lib.format.write_array(file, np.array(parts.files, np.str_), allow_pickle=False)


def write_parquet(path: Path, parts: Parts) -> None:
    """Write a .parquet: a row a file, a column of flat lists a layer, whose field's metadata has the `shape`."""
    import pyarrow as pa
    from pyarrow import parquet

    fields = [pa.field(FILES, pa.string())]
    for name, first in parts.firsts.items():
        flat = pa.list_(pa.from_numpy_dtype(first.dtype), prod(first.shape[1:]))
        fields.append(pa.field(name, flat, metadata={"shape": json.dumps(first.shape[1:])}))
    pieces = {field.name: parts.pieces(field.name) for field in fields[1:]}
    with parquet.ParquetWriter(path, schema := pa.schema(fields)) as writer:
        for part in parts.parts:
            flats = [pa.FixedSizeListArray.from_arrays(pa.array(next(pieces[field.name]).reshape(-1)), type=field.type)
                     for field in fields[1:]]  # fmt: skip
            writer.write_table(pa.table([pa.array(part.facts[FILES], pa.string()), *flats], schema=schema))


def write_zarr(path: Path, parts: Parts) -> None:
    """Write a .zarr group with an array for each layer, in chunks of a batch, and the attribute `files`."""
    import zarr

    group = zarr.open_group(path, mode="w")
    group.attrs[FILES] = parts.files
    for name, first in parts.firsts.items():
        shape = (len(parts.files), *first.shape[1:])
        array, row = group.create_array(name, shape=shape, dtype=first.dtype, chunks=first.shape), 0
        for piece in parts.pieces(name):
            array[row : row + len(piece)] = piece
            row += len(piece)


WRITERS: dict[str, Callable[[Path, Parts], None]] = {".npz": write_npz, ".parquet": write_parquet, ".zarr": write_zarr}
