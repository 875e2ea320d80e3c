"""Atomic files in folders, over fsspec: each is there whole or not at all.

A write goes to a temporary file, is synced, and is renamed into place; a process that dies meanwhile leaves only its
scratch folder, which the next `open` removes. Object stores are atomic by themselves.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from hashlib import file_digest
from pathlib import Path
from tempfile import gettempdir
from typing import Any
from uuid import uuid4

import fsspec
from fsspec.implementations.local import LocalFileSystem

from models.errors import StoreReadOnly
from models.store.errors import remote_errors, writing
from models.store.scratch import Scratch

TEMPORARY = "tmp"


class Storage:
    """The folders below one URL: a path, `memory://…`, `s3://…`.

    Every method raises StoreUnreachable if a remote file system does not respond, and those that write
    StoreFull and StoreReadOnly.
    """

    def __init__(self, url: str, folders: Sequence[str]) -> None:
        self._fs, self._root = fsspec.core.url_to_fs(url, use_listings_cache=False)
        self._folders = folders
        protocol = self._fs.protocol
        self.protocols: tuple[str, ...] = (protocol,) if isinstance(protocol, str) else tuple(protocol)
        self.is_local = isinstance(self._fs, LocalFileSystem)
        local_scratch = Path(gettempdir()) / f"layerscope-{os.getuid()}"
        self.scratch = Scratch(Path(self.path(TEMPORARY)) if self.is_local else local_scratch)

    def open(self) -> None:
        """Create the folders, and remove what an interrupted write left behind.

        Raises:
            StoreReadOnly: nothing can be written there.
            Exception: a remote file system does not respond; untranslated, because startup fails.
        """
        with writing():
            self.make_folders()
            self.scratch.open()
        if self.is_local and not os.access(self.path(), os.W_OK):
            raise StoreReadOnly()

    @property
    def file_system(self) -> Any:
        """The file system of fsspec."""
        return self._fs

    def make_folders(self) -> None:
        """Create the folders that are missing."""
        for folder in self._folders:
            self._fs.makedirs(self.path(folder), exist_ok=True)

    def has(self, folder: str) -> bool:
        """Whether a folder exists."""
        return bool(self._fs.isdir(self.path(folder)))

    def path(self, *parts: str) -> str:
        """Return a path in the syntax of the file system."""
        return "/".join((self._root.rstrip("/"), *parts))

    def _remote_errors(self) -> AbstractContextManager[None]:
        """Translate the errors of a remote file system in the block."""
        return nullcontext() if self.is_local else remote_errors()

    def files(self, folder: str) -> list[str]:
        """Return the names in a folder."""
        try:
            with self._remote_errors():
                paths = self._fs.ls(self.path(folder), detail=False)
        except FileNotFoundError:  # object stores have no empty folders
            return []
        return [name for name in (str(path).rpartition("/")[2] for path in paths) if name]

    def size(self, folder: str, file: str) -> int | None:
        """Return the bytes of a file; None if it does not exist."""
        try:
            with self._remote_errors():
                return int(self._fs.size(self.path(folder, file)))
        except FileNotFoundError:
            return None

    def nbytes(self) -> int | None:
        """Return the bytes of all files; None where the file system is not local."""
        if not self.is_local:
            return None
        total = 0
        for folder in self._folders:
            with suppress(FileNotFoundError):  # a read-only store may lack one
                total += sum(map(_size_of, os.scandir(self.path(folder))))
        return total

    def read(self, folder: str, file: str) -> bytes:
        """Return the content of a file.

        Raises:
            FileNotFoundError, PermissionError, IsADirectoryError
        """
        with self._remote_errors():
            return bytes(self._fs.cat_file(self.path(folder, file)))

    def remove(self, folder: str, file: str) -> None:
        """Remove a file; it may be missing, or a folder."""
        try:
            with suppress(FileNotFoundError), self._remote_errors(), writing():
                self._fs.rm_file(self.path(folder, file))
        except IsADirectoryError:
            self.discard(folder, file)

    def discard(self, folder: str, file: str) -> None:
        """Remove a path that should be a file but may be a folder."""
        with suppress(FileNotFoundError), self._remote_errors(), writing():
            self._fs.rm(self.path(folder, file), recursive=True)

    def write(self, data: bytes, folder: str, file: str) -> None:
        """Write or replace a file."""
        with self._remote_errors(), writing():
            if not self.is_local:
                self._fs.pipe_file(self.path(folder, file), data)
                return
            with self.replacing(folder, file) as temporary:
                temporary.write_bytes(data)

    def adopt(self, source: Path, folder: str, file: str) -> None:
        """Move a local file here."""
        with self._remote_errors(), writing():
            if not self.is_local:
                self._fs.put_file(str(source), self.path(folder, file))
                source.unlink()
                return
            with self.replacing(folder, file) as temporary:
                shutil.move(source, temporary)

    def fetch(self, folder: str, file: str, target: Path) -> None:
        """Copy a file to a local path.

        Raises:
            FileNotFoundError, PermissionError
        """
        with self._remote_errors():
            self._fs.get_file(self.path(folder, file), str(target))

    @contextmanager
    def replacing(self, folder: str, file: str) -> Iterator[Path]:
        """Yield a temporary path that durably replaces the file if the block succeeds. Recreates missing folders."""
        temporary = self.scratch.path / uuid4().hex
        self.make_folders()
        try:
            yield temporary
            if self._fs.isdir(self.path(folder, file)):  # a folder in place of the file: nothing can be renamed over it
                self.discard(folder, file)
            rename_durably(temporary, Path(self.path(folder, file)))
        finally:
            temporary.unlink(missing_ok=True)


def _size_of(file: os.DirEntry[str]) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # removed since it was listed
        return 0


def rename_durably(source: Path, target: Path) -> None:
    """Rename a file within its file system; once this returns, the target survives a power cut."""
    _sync(source)
    os.replace(source, target)
    _sync(target.parent)  # a rename is durable once its folder is synced


def _sync(path: Path) -> None:
    """Sync a file or folder to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def link_or_copy(source: Path, target: Path) -> Path:
    """Hard-link a file to `target`, so neither may be changed; copies it across file systems."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
    return target


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a local file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
