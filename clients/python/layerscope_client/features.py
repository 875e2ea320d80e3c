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

FILES = "files"
"""The name under which the names of the files stand, in the order of the rows."""


@dataclass(frozen=True)
class Features:
    """What was written to `out`: arrays by address with a row for each of `files`; why others `failed`."""

    out: Path
    files: list[str]
    failed: dict[str, str]


@dataclass(frozen=True)
class Part:
    """The arrays of one batch, and what is known of them: written last, so that it is there when all is."""

    path: Path

    @property
    def is_done(self) -> bool:
        """Whether it is all there."""
        return self.path.with_suffix(".json").exists()

    def write(self, arrays: Mapping[str, Array], files: Sequence[str], failed: Mapping[str, str]) -> None:
        """Keep the arrays of a batch."""
        with zipfile.ZipFile(self.path.with_suffix(".npz"), "w") as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                    np.lib.format.write_array(file, array, allow_pickle=False)
        shapes = {name: [array.shape, array.dtype.str] for name, array in arrays.items()}
        temporary = self.path.with_suffix(".new")
        temporary.write_text(json.dumps({"files": files, "failed": failed, "arrays": shapes}))
        os.replace(temporary, self.path.with_suffix(".json"))

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Its files, those that failed, and the shape and dtype of each array."""
        return json.loads(self.path.with_suffix(".json").read_text())  # type: ignore[no-any-return]

    def array(self, name: str) -> Array:
        """Read one array."""
        with np.load(self.path.with_suffix(".npz"), allow_pickle=False) as arrays:
            return arrays[name]  # type: ignore[no-any-return]


class Parts:
    """All batches: `arrays` has the shape and dtype of each array. Raises LayerscopeError if rows differ in shape."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = [part for part in parts if part.facts["files"]]
        self.files = [file for part in self.parts for file in part.facts["files"]]
        self.failed = {file: why for part in parts for file, why in part.facts["failed"].items()}
        self.arrays: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {}
        for name, (shape, dtype) in (self.parts[0].facts["arrays"] if self.parts else {}).items():
            rows = {tuple(part.facts["arrays"][name][0][1:]) for part in self.parts}
            if len(rows) > 1 or name == FILES:
                advice = "name layers of one shape, or reduce them (reduce='mean@h,w'); none may be called files"
                raise LayerscopeError(f"{advice}: {name} has {', '.join(map(str, sorted(rows)))}")
            self.arrays[name] = ((len(self.files), *shape[1:]), np.dtype(dtype))

    def pieces(self, name: str) -> Iterator[Array]:
        """Yield the arrays of one layer, batch by batch."""
        return (part.array(name) for part in self.parts)

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
        for name, (shape, dtype) in parts.arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                header = {"descr": dtype.str, "fortran_order": False, "shape": shape}
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
    for name, (shape, dtype) in parts.arrays.items():
        flat = pa.list_(pa.from_numpy_dtype(dtype), prod(shape[1:]))
        fields.append(pa.field(name, flat, metadata={"shape": json.dumps(shape[1:])}))
    schema = pa.schema(fields)
    with parquet.ParquetWriter(path, schema) as writer:
        for part in parts.parts:
            columns = [pa.array(part.facts["files"], pa.string())]
            columns += [pa.FixedSizeListArray.from_arrays(pa.array(part.array(field.name).reshape(-1)), type=field.type)
                        for field in fields[1:]]  # fmt: skip
            writer.write_table(pa.table(columns, schema=schema))


def write_zarr(path: Path, parts: Parts) -> None:
    """Write a .zarr group with an array for each layer, in chunks of a batch, and the attribute `files`."""
    import zarr

    group = zarr.open_group(path, mode="w")
    group.attrs[FILES] = parts.files
    for name, (shape, dtype) in parts.arrays.items():
        rows = len(parts.parts[0].facts["files"])
        array = group.create_array(name, shape=shape, dtype=dtype, chunks=(rows, *shape[1:]))
        row = 0
        for piece in parts.pieces(name):
            array[row : row + len(piece)] = piece
            row += len(piece)


WRITERS: dict[str, Callable[[Path, Parts], None]] = {".npz": write_npz, ".parquet": write_parquet, ".zarr": write_zarr}
