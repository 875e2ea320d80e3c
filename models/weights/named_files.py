"""Sources that name their tensors freely: safetensors and npz."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from pathlib import Path

from models.errors import Problem, Unparsable
from models.tensors.archive import Archive
from models.tensors.dtypes import Array
from models.tensors.npy import HEADER_BYTES, read_npy, read_npy_header
from models.tensors.npz import SUFFIX, member_pointer, open_npz
from models.tensors.safetensors import read_layout, tensor_at
from models.weights.source import Declared, Limits, mapped


class SafetensorsSource:
    """A .safetensors file; its tensors are views of the file."""

    places = False

    def __init__(self, path: Path, pointer: str) -> None:
        entries, self._body = read_layout(mapped(path, pointer), pointer)
        self._entries = {entry.name: entry for entry in entries}
        self._pointer = pointer
        self.tensors: Mapping[str, Declared] = {e.name: Declared(e.dtype, e.shape) for e in entries}

    def read(self, names: Sequence[str]) -> Iterator[Array]:
        """Views; a value is read when it is looked at."""
        return (tensor_at(self._body, self._entries[name], self._pointer) for name in names)


class NpzSource:
    """A .npz file; one tensor at a time is decompressed."""

    places = False

    def __init__(self, path: Path, limits: Limits, pointer: str) -> None:
        self._path, self._limits, self._pointer = path, limits, pointer
        with path.open("rb") as file:
            archive = open_npz(file, limits.max_bytes, pointer)
            self.tensors: Mapping[str, Declared] = {
                name.removesuffix(SUFFIX): self._declared(archive, name) for name in archive.members
            }

    def read(self, names: Sequence[str]) -> Iterator[Array]:
        """Each as `read_npy` gives it."""
        with self._path.open("rb") as file:
            archive = open_npz(file, self._limits.max_bytes, self._pointer)
            for name in names:
                yield read_npy(archive.read(name + SUFFIX), member_pointer(self._pointer, name))

    def _declared(self, archive: Archive, member: str) -> Declared:
        """What a member's header says, once its size agrees: what is decompressed later is what is declared here."""
        pointer = member_pointer(self._pointer, member)
        header = read_npy_header(archive.read(member, HEADER_BYTES), pointer)
        needed, size = header.start + prod(header.shape) * header.dtype.itemsize, archive.members[member]
        if needed != size:
            message = "the .npy file is cut short or too long"
            raise Unparsable(problems=[Problem(pointer, message, f"{needed} bytes", f"{size} bytes")])
        return Declared(header.dtype.name, header.shape)
