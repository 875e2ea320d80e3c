"""NumPy's .npz format: a ZIP archive of .npy members, walked with limits on everything."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence

from models.errors import Problem, TooLarge, Unparsable, shown
from models.tensors.dtypes import Array
from models.tensors.npy import read_npy

MAX_TENSORS = 4096
MAX_DIRECTORY = 1024 * 1024
"""Longest central directory in bytes; the names of MAX_TENSORS members fit."""
END = b"PK\x05\x06"
END_BYTES = 22
LOCATOR = b"PK\x06\x07"
LOCATOR_BYTES = 20
ENCRYPTED = 0x1
FAILURES = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)
"""What `zipfile` raises on archives that are damaged or made to hurt (KeyError and struct.error it wraps itself)."""


def read_npz(data: bytes, max_bytes: int, pointer: str = "") -> dict[str, Array]:
    """The arrays of a .npz file by name, in its order, as `read_npy` gives them.

    `max_bytes` bounds the sum of the members once decompressed.

    Raises:
        Unparsable: it is no ZIP archive of stored or deflated .npy members with distinct, plain names.
        TooLarge: more than `max_bytes`, or more than MAX_TENSORS members.
        InvalidTensor: a member holds what no tensor holds.
    """
    _check_end(data, pointer)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = _checked(archive.infolist(), max_bytes, pointer)
            contents = {name: _content(archive, member) for name, member in members.items()}
    except FAILURES as error:
        raise _unparsable(pointer, "the .npz file is damaged", shown(str(error))) from error
    return {name: read_npy(content, f"{pointer}/{_escaped(name)}") for name, content in contents.items()}


def _check_end(data: bytes, pointer: str) -> None:
    """The archive ends in a plain end record, so that `zipfile` reads the same numbers as we check here."""
    end = data[-END_BYTES:]
    if not end.startswith(END) or end[-2:] != b"\0\0":
        raise _unparsable(pointer, "this is not a .npz file", f"{len(data)} bytes without the end of a ZIP archive")
    if data[-END_BYTES - LOCATOR_BYTES :].startswith(LOCATOR):
        raise _unparsable(pointer, "this .npz file is a ZIP64 archive, which is only for more than 4 GiB", "ZIP64")
    count, size = int.from_bytes(end[10:12], "little"), int.from_bytes(end[12:16], "little")
    if count > MAX_TENSORS or size > MAX_DIRECTORY:
        raise _too_many(pointer, f"{count} members, a directory of {size} bytes")


def _checked(members: Sequence[zipfile.ZipInfo], max_bytes: int, pointer: str) -> dict[str, zipfile.ZipInfo]:
    """The members by array name, once their number, names, methods and declared sizes are acceptable."""
    if len(members) > MAX_TENSORS:
        raise _too_many(pointer, f"{len(members)} members")
    for member in members:
        _check_member(member, pointer)
    total = sum(member.file_size for member in members)
    if total > max_bytes:
        limit = f"at most {max_bytes} bytes decompressed"
        raise TooLarge(problems=[Problem(pointer, "the .npz file is too large", limit, f"{total} bytes")])
    named = {member.filename.removesuffix(".npy"): member for member in members}
    if len(named) < len(members):
        raise _unparsable(pointer, "two members of the .npz file have the same name", f"{len(members)} members")
    return named


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """A member's bytes. Asking for the declared size bounds what is decompressed; `read()` without it does not."""
    with archive.open(member) as stream:
        return stream.read(member.file_size)


def _check_member(member: zipfile.ZipInfo, pointer: str) -> None:
    name = member.filename
    if name != member.orig_filename or not _is_plain(name):
        raise _unparsable(pointer, "a member of the .npz file has a name that is refused", shown(member.orig_filename))
    if member.flag_bits & ENCRYPTED or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        received = "encryption" if member.flag_bits & ENCRYPTED else f"ZIP method {member.compress_type}"
        raise _unparsable(pointer, "members of a .npz file are stored or deflated", received)


def _is_plain(name: str) -> bool:
    """A .npy member below the archive's root."""
    parts = name.split("/")
    safe = "\\" not in name and name.isprintable() and not {"", ".", ".."} & set(parts)
    return safe and name.endswith(".npy") and name != ".npy"


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _too_many(pointer: str, received: str) -> TooLarge:
    return TooLarge(
        problems=[Problem(pointer, "the .npz file has too many members", f"at most {MAX_TENSORS}", received)]
    )


def _unparsable(pointer: str, message: str, received: str) -> Unparsable:
    expected = "a ZIP archive of .npy members, as numpy.savez writes it"
    return Unparsable(problems=[Problem(pointer, message, expected, received)])
