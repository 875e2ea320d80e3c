"""Reader of NumPy's .npz format: a ZIP archive of .npy members."""

from __future__ import annotations

import io
from typing import BinaryIO

from models.errors.problem import pointer_to
from models.files.archive import Archive, Kind
from models.tensors.dtypes import Array
from models.tensors.npy import read_npy

SUFFIX = ".npy"
NPZ = Kind(".npz", SUFFIX, "a ZIP archive of .npy members, as numpy.savez writes it")


def read_npz(data: bytes, max_bytes: int, pointer: str = "") -> dict[str, Array]:
    """Read the arrays of a .npz file by name, in its order, as `read_npy` returns them.

    `max_bytes` bounds the total size of the members once decompressed.

    Raises:
        Unparsable: it is not a ZIP archive of stored or deflated .npy members with distinct, plain names.
        TooLarge: more than `max_bytes`, or too many members.
        InvalidTensor: as `read_npy`, for a member.
    """
    archive = open_npz(io.BytesIO(data), max_bytes, pointer)
    contents = {name: archive.read(name) for name in archive.members}
    return {
        name.removesuffix(SUFFIX): read_npy(content, member_pointer(pointer, name))
        for name, content in contents.items()
    }


def unpacked_bytes(data: bytes, max_bytes: int, pointer: str = "") -> int:
    """Return the total declared size of the members of a .npz file, nothing decompressed. Raises as `read_npz`."""
    return sum(open_npz(io.BytesIO(data), max_bytes, pointer).members.values())


def open_npz(file: BinaryIO, max_bytes: int, pointer: str) -> Archive:
    """Open and validate the archive, nothing decompressed yet."""
    return Archive(file, NPZ, max_bytes, pointer)


def member_pointer(pointer: str, name: str) -> str:
    """Return the JSON pointer to a member of a file."""
    return pointer + pointer_to([name.removesuffix(SUFFIX)])
