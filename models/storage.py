"""Files in folders, over fsspec, that are there whole or not at all.

A write goes to a temporary file, is synced, and is renamed into place; a process that dies on the way leaves nothing
but the temporary file, which the next `open` removes. Object stores are atomic by themselves.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import file_digest
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import fsspec
from fsspec.implementations.local import LocalFileSystem

TEMPORARY = "tmp"
COPY_BYTES = 1024 * 1024


class Storage:
    """The folders of one place, by URL: a path, `memory://…`, `s3://…`."""

    def __init__(self, url: str, folders: Sequence[str]) -> None:
        self._fs, self._root = fsspec.core.url_to_fs(url, auto_mkdir=True)
        self._folders = (*folders, TEMPORARY)
        self.is_local = isinstance(self._fs, LocalFileSystem)

    def open(self) -> None:
        """Makes the folders, and removes what an interrupted write left behind."""
        for folder in self._folders:
            self._fs.makedirs(self.path(folder), exist_ok=True)
        for file in self.files(TEMPORARY):
            self.remove(TEMPORARY, file)

    def path(self, *parts: str) -> str:
        """Where something lies, in the words of the file system."""
        return "/".join((self._root.rstrip("/"), *parts))

    def files(self, folder: str) -> list[str]:
        """The names in a folder."""
        return [str(path).rpartition("/")[2] for path in self._fs.ls(self.path(folder), detail=False)]

    def exists(self, folder: str, file: str) -> bool:
        """Whether a file is there."""
        return bool(self._fs.exists(self.path(folder, file)))

    def read(self, folder: str, file: str) -> bytes:
        """All of a file."""
        return bytes(self._fs.cat_file(self.path(folder, file)))

    def remove(self, folder: str, file: str) -> None:
        """Removes a file; one that is gone already is fine."""
        try:
            self._fs.rm_file(self.path(folder, file))
        except FileNotFoundError:
            return

    def write(self, data: bytes, folder: str, file: str) -> None:
        """Writes or replaces a file."""
        if not self.is_local:
            self._fs.pipe_file(self.path(folder, file), data)
            return
        with self._replacing(folder, file) as target:
            target.write(data)

    def write_file(self, source: Path, folder: str, file: str) -> None:
        """Writes a copy of a local file, piece by piece."""
        if not self.is_local:
            self._fs.put_file(str(source), self.path(folder, file))
            return
        with source.open("rb") as opened, self._replacing(folder, file) as target:
            shutil.copyfileobj(opened, target, COPY_BYTES)

    def fetch(self, folder: str, file: str, target: Path) -> None:
        """Copies a file to a local path."""
        self._fs.get_file(self.path(folder, file), str(target))

    @contextmanager
    def _replacing(self, folder: str, file: str) -> Iterator[BinaryIO]:
        """A new file that takes its place, on disk, when the block ends well."""
        temporary = self.path(TEMPORARY, uuid4().hex)
        try:
            with open(temporary, "wb") as target:
                yield target
                target.flush()
                os.fsync(target.fileno())
            os.replace(temporary, self.path(folder, file))
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _sync_folder(self.path(folder))


def _sync_folder(path: str) -> None:
    """A rename lasts once its folder is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digest_of(path: Path) -> str:
    """The SHA-256 of a local file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
