"""Inputs of a shard as they are in their files, and a digest of their bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from math import prod
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
from fsspec.implementations.local import LocalFileSystem

from models.tensors import read_npy
from models.tensors.dtypes import Array
from models.tensors.npy import NpyHeader
from service.extracting.parquet_rows import parquet_rows
from service.extracting.shards import Part, Shard
from service.extracting.sources import FILE, NPY, NPZ, PARQUET, header_of

Content = bytes | Mapping[str, Array]
"""An input: a file, or its arrays by name with the batch of one; the name of a single array is not used."""


@dataclass(frozen=True)
class ReadInput:
    """An input, or why it cannot be read."""

    index: int
    name: str
    content: Content | Exception


@dataclass(frozen=True)
class Reader:
    """Reader of shards. `names` are those of the network's inputs; `column` of a Parquet file is used, if given."""

    names: tuple[str, ...]
    column: str | None = None

    def read(self, shard: Shard) -> Iterator[ReadInput]:
        """Yield every input of a shard, in order. What cannot be read is an exception in place of its content."""
        index = shard.first
        for part in shard.parts:
            for row, content in zip(range(part.start, part.stop), self._contents(part), strict=True):
                yield ReadInput(index, part.source.name_of(row), content)
                index += 1

    def _contents(self, part: Part) -> Iterator[Content | Exception]:
        missing = part.stop - part.start
        try:
            for content in self._rows(part):
                yield content
                missing -= 1
        except Exception as error:  # libraries raise what they like on damaged files; the reason is reported
            yield from [error] * missing

    def _rows(self, part: Part) -> Iterator[Content]:
        fs, path = fsspec.url_to_fs(part.source.url)
        if part.source.kind == FILE or (part.source.is_whole and part.source.kind != PARQUET):
            yield Path(path).read_bytes() if isinstance(fs, LocalFileSystem) else fs.cat_file(path)
            return
        with fs.open(path, "rb") as file:
            yield from self._readers()[part.source.kind](file, part.start, part.stop)

    def _readers(self) -> Mapping[str, Callable[[Any, int, int], Iterator[Content]]]:
        return {NPY: self._npy, NPZ: self._npz, PARQUET: self._parquet}

    def _npy(self, file: Any, start: int, stop: int) -> Iterator[Content]:
        header = header_of(file)
        file.seek(header.start)
        for row in _sliced(file, header, start, stop):
            yield {"": row}

    def _npz(self, file: Any, start: int, stop: int) -> Iterator[Content]:
        arrays = {}
        with zipfile.ZipFile(file) as archive:
            members = [name.removesuffix(".npy") for name in archive.namelist()]
            for name in members if len(members) == 1 else self.names:
                with archive.open(f"{name}.npy") as member:
                    header = header_of(member)
                    member.seek(header.start)
                    arrays[name] = _sliced(member, header, start, stop)
        for row in range(stop - start):
            yield {name: rows[row] for name, rows in arrays.items()}

    def _parquet(self, file: Any, start: int, stop: int) -> Iterator[Content]:
        return parquet_rows(file, start, stop, self.names, self.column)


def _sliced(file: Any, header: NpyHeader, start: int, stop: int) -> list[Array]:
    """Return rows of an .npy, each as a batch of one, from a file at the beginning of its data.

    Raises:
        Unparsable, InvalidTensor: as `read_npy`.
    """
    row_bytes = prod(header.shape[1:]) * header.dtype.itemsize
    if header.fortran_order:
        data, shape, first = file.read(), header.shape, start
    else:
        file.seek(start * row_bytes, io.SEEK_CUR)
        data, shape, first = file.read((stop - start) * row_bytes), (stop - start, *header.shape[1:]), 0
    head = io.BytesIO()
    layout = {"descr": header.dtype.str, "fortran_order": header.fortran_order, "shape": shape}
    np.lib.format.write_array_header_1_0(head, layout)
    rows = read_npy(head.getvalue() + data)
    return [rows[row : row + 1] for row in range(first, first + stop - start)]


def digest_of_content(content: Content) -> bytes:
    """Return a digest of the bytes of an input."""
    if isinstance(content, bytes):
        return sha256(content).digest()
    whole = sha256()
    for name, array in content.items():
        whole.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        whole.update(np.ascontiguousarray(array).data.cast("B"))
    return whole.digest()
