"""Untrusted ZIP archives: every limit is checked before a member is decompressed."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import SEEK_END
from typing import BinaryIO, NamedTuple

from models.errors import TooLarge, Unparsable, shown
from models.files.signatures import START_BYTES, ZIP_END

MAX_MEMBERS = 4096
"""Most members of one archive."""
MAX_DIRECTORY = 1024 * 1024
"""Longest central directory in bytes; the names of MAX_MEMBERS members fit."""
COPY_BYTES = 1024 * 1024
"""Bytes copied at a time."""
END_BYTES = 22
"""Bytes of an end record without a comment."""
LOCATOR = b"PK\x06\x07"
"""The signature of a ZIP64 locator, which precedes the end record."""
LOCATOR_BYTES = 20
ENCRYPTED = 0x1
"""The flag of an encrypted member."""
FAILURES = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)
"""Exceptions of `zipfile` on archives that are damaged or malicious (it wraps KeyError and struct.error itself)."""


class Kind(NamedTuple):
    """A format based on ZIP: its name, the suffix of its members' names, the description of a valid file, and whether
    folders are members of their own, which are passed over.
    """

    name: str
    suffix: str
    expected: str
    has_folders: bool = False


def member_names(file: BinaryIO) -> list[str]:
    """Return the member names, at most MAX_MEMBERS, of an archive that may be damaged, malicious or of any format; the
    name of its first member alone where its directory is not plain.
    """
    tail = _tail(file)
    count, directory = _directory(tail[-END_BYTES:])
    if tail[-END_BYTES:].startswith(ZIP_END) and not tail.startswith(LOCATOR) and _is_small(count, directory):
        with suppress(*FAILURES):
            return zipfile.ZipFile(file).namelist()
    file.seek(0)
    start = file.read(START_BYTES)
    return [start[30 : 30 + int.from_bytes(start[26:28], "little")].decode("utf-8", "replace")]


def _tail(file: BinaryIO) -> bytes:
    """Return the end record and the bytes before it that may be a ZIP64 locator."""
    file.seek(max(0, file.seek(0, SEEK_END) - END_BYTES - LOCATOR_BYTES))
    return file.read()


def _directory(end: bytes) -> tuple[int, int]:
    """Return the number of members and the bytes of their directory, as an end record declares them."""
    return int.from_bytes(end[10:12], "little"), int.from_bytes(end[12:16], "little")


def _is_small(count: int, directory: int) -> bool:
    return count <= MAX_MEMBERS and directory <= MAX_DIRECTORY


def is_plain(name: str) -> bool:
    """Whether the name of a member stays below the root of its archive, and has no part that could be misread."""
    return "\\" not in name and name.isprintable() and not {"", ".", ".."} & set(name.split("/"))


class Archive:
    """Validated archive over an open file. `members` maps each name to its declared size, in order.

    Raises:
        Unparsable: it is not a ZIP archive of stored or deflated members with distinct, plain names.
        TooLarge: more than MAX_MEMBERS members, or more than `max_bytes` in total once decompressed.
    """

    def __init__(self, file: BinaryIO, kind: Kind, max_bytes: int, pointer: str) -> None:
        self._kind, self._pointer = kind, pointer
        self._check_end(file)
        with self._unparsable_if_damaged():
            self._zip = zipfile.ZipFile(file)
        self._infos = self._check_members(self._zip.infolist(), max_bytes)
        self.members = {name: info.file_size for name, info in self._infos.items()}

    def read(self, name: str, nbytes: int | None = None) -> bytes:
        """Read the first `nbytes` of a member, or all. The size bounds the decompression; `read()` alone does not."""
        with self._unparsable_if_damaged(), self._zip.open(self._infos[name]) as stream:
            return stream.read(self.members[name] if nbytes is None else nbytes)

    def copy(self, name: str, target: BinaryIO) -> None:
        """Write a member's bytes, as many as declared, in chunks."""
        with self._unparsable_if_damaged(), self._zip.open(self._infos[name]) as stream:
            shutil.copyfileobj(stream, target, COPY_BYTES)

    def stored_bytes(self, name: str) -> int:
        """Return the compressed size of a member in bytes."""
        return self._infos[name].compress_size

    @contextmanager
    def _unparsable_if_damaged(self) -> Iterator[None]:
        try:
            yield
        except FAILURES as error:
            raise self._unparsable(f"the {self._kind.name} file is damaged", shown(str(error))) from error

    def _check_end(self, file: BinaryIO) -> None:
        """Check that the archive ends in a plain end record: `zipfile` then reads the numbers that are checked here."""
        tail = _tail(file)
        end = tail[-END_BYTES:]
        if not end.startswith(ZIP_END) or end[-2:] != b"\0\0":
            received = f"{file.tell()} bytes without the end of a ZIP archive"
            raise self._unparsable(f"this is not a {self._kind.name} file", received)
        if len(tail) > END_BYTES and tail.startswith(LOCATOR):
            message = f"this {self._kind.name} file is a ZIP64 archive, which is only for more than 4 GiB"
            raise self._unparsable(message, "ZIP64")
        count, directory = _directory(end)
        if not _is_small(count, directory):
            raise self._too_many(f"{count} members, a directory of {directory} bytes")

    def _check_members(self, infos: list[zipfile.ZipInfo], max_bytes: int) -> dict[str, zipfile.ZipInfo]:
        """Return the members by name, after checks of their number, names, compression methods and declared sizes."""
        if len(infos) > MAX_MEMBERS:
            raise self._too_many(f"{len(infos)} members")
        for info in infos:
            self._check_member(info)
        infos = [info for info in infos if not self._is_folder(info)]
        total = sum(info.file_size for info in infos)
        if total > max_bytes:
            limit = f"at most {max_bytes} bytes decompressed"
            message = f"the {self._kind.name} file is too large"
            raise TooLarge.at(self._pointer, message, expected=limit, received=f"{total} bytes")
        named = {info.filename: info for info in infos}
        if len(named) < len(infos):
            message = f"two members of the {self._kind.name} file have the same name"
            raise self._unparsable(message, f"{len(infos)} members")
        return named

    def _check_member(self, info: zipfile.ZipInfo) -> None:
        name = info.filename.removesuffix("/" if self._is_folder(info) else "")
        if info.filename != info.orig_filename or not self._is_plain(name) or stat.S_ISLNK(info.external_attr >> 16):
            message = f"a member of the {self._kind.name} file has a name that is refused"
            raise self._unparsable(message, shown(info.orig_filename))
        if info.flag_bits & ENCRYPTED or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            received = "encryption" if info.flag_bits & ENCRYPTED else f"ZIP method {info.compress_type}"
            raise self._unparsable(f"members of a {self._kind.name} file are stored or deflated", received)

    def _is_folder(self, info: zipfile.ZipInfo) -> bool:
        return self._kind.has_folders and info.filename.endswith("/") and not info.file_size

    def _is_plain(self, name: str) -> bool:
        """Whether a name has the right suffix and stays below the root of the archive."""
        return is_plain(name) and name.endswith(self._kind.suffix) and name != self._kind.suffix

    def _too_many(self, received: str) -> TooLarge:
        message = f"the {self._kind.name} file has too many members"
        return TooLarge.at(self._pointer, message, expected=f"at most {MAX_MEMBERS}", received=received)

    def _unparsable(self, message: str, received: str) -> Unparsable:
        return Unparsable.at(self._pointer, message, expected=self._kind.expected, received=received)
