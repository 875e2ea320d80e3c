"""Sources that name their tensors freely: safetensors and npz."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from mmap import mmap
from pathlib import Path

from models.errors import TooLarge, Unparsable
from models.files.archive import Archive
from models.tensors.dtypes import Array
from models.tensors.npy import HEADER_BYTES, NpyHeader, read_npy, read_npy_header
from models.tensors.npz import SUFFIX, member_pointer, open_npz
from models.tensors.safetensors import read_layout, tensor_at
from models.weights.source import MAX_EXPANSION, MEBIBYTE, Declared, FileLimits, expands_too_much, map_file

MAX_FORTRAN = 64 * MEBIBYTE
"""Largest array in Fortran order."""


class SafetensorsSource:
    """A .safetensors file; its tensors are views of the file."""

    names_are_paths = False
    names: Mapping[str, str] = {}
    saved = None

    def __init__(self, path: Path, pointer: str) -> None:
        entries, self._body = read_layout(map_file(path, pointer), pointer)
        self._entries = {entry.name: entry for entry in entries}
        self._pointer = pointer
        self.tensors: Mapping[str, Declared] = {e.name: Declared(e.dtype, e.shape) for e in entries}

    def read(self, names: Sequence[str]) -> Iterator[Array]:
        """Return views; values are read on access."""
        return (tensor_at(self._body, self._entries[name], self._pointer) for name in names)


class NpzSource:
    """A .npz file; one tensor at a time is extracted into `scratch`, a folder of the caller's."""

    names_are_paths = False
    names: Mapping[str, str] = {}
    saved = None

    def __init__(self, path: Path, scratch: Path, limits: FileLimits, pointer: str) -> None:
        self._path, self._scratch, self._limits, self._pointer = path, scratch, limits, pointer
        with path.open("rb") as file:
            archive = open_npz(file, limits.max_bytes, pointer)
            self.tensors: Mapping[str, Declared] = {
                name.removesuffix(SUFFIX): self._declare(archive, name) for name in archive.members
            }

    def read(self, names: Sequence[str]) -> Iterator[Array]:
        """Yield each tensor as `read_npy` returns it, over a file that is deleted with the array."""
        with self._path.open("rb") as file:
            archive = open_npz(file, self._limits.max_bytes, self._pointer)
            for name in names:
                yield read_npy(self._extract(archive, name + SUFFIX), member_pointer(self._pointer, name))

    def _extract(self, archive: Archive, member: str) -> mmap:
        target = self._scratch / "member"
        with target.open("wb") as file:
            archive.copy(member, file)
        try:
            return map_file(target, self._pointer)
        finally:
            target.unlink()

    def _declare(self, archive: Archive, member: str) -> Declared:
        """Return the declaration in a member's header, once its size agrees: it is what is decompressed later."""
        pointer = member_pointer(self._pointer, member)
        header = read_npy_header(archive.read(member, HEADER_BYTES), pointer)
        size = archive.members[member]
        _check_size(header, size, pointer)
        _check_cost(header, size, archive.stored_bytes(member), pointer)
        return Declared(header.dtype.name, header.shape)


def _check_size(header: NpyHeader, size: int, pointer: str) -> None:
    needed = header.start + prod(header.shape) * header.dtype.itemsize
    if needed != size:
        message = "the .npy file is cut short or too long"
        raise Unparsable.at(pointer, message, expected=f"{needed} bytes", received=f"{size} bytes")


def _check_cost(header: NpyHeader, size: int, stored: int, pointer: str) -> None:
    """Check the memory it costs: numbers compress little, and transposing Fortran order takes as much memory again."""
    if expands_too_much(size, stored):
        message, expected = "the .npy file is too large", f"at most {MAX_EXPANSION} times its compressed bytes"
        raise TooLarge.at(pointer, message, expected=expected, received=f"{size} bytes of {stored}")
    if header.fortran_order and len(header.shape) > 1 and size > MAX_FORTRAN:
        message, expected = "a large array is in Fortran's order", f"C order, or at most {MAX_FORTRAN} bytes"
        advice = "save numpy.ascontiguousarray(array)"
        raise TooLarge.at(pointer, message, expected=expected, received=f"{size} bytes", suggestion=advice)
