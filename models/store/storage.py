"""Files in folders, over fsspec, that are there whole or not at all.

A write goes to a temporary file, is synced, and is renamed into place; a process that dies on the way leaves nothing
but its scratch folder, which the next `open` removes. Object stores are atomic by themselves.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from hashlib import file_digest
from pathlib import Path
from tempfile import gettempdir
from uuid import uuid4

import fsspec
from fsspec.implementations.local import LocalFileSystem

from models.errors import StoreReadOnly
from models.store.errors import elsewhere, writing
from models.store.scratch import Scratch

TEMPORARY = "tmp"


class Storage:
    """The folders of one place, by URL: a path, `memory://…`, `s3://…`.

    Every method raises StoreUnreachable where another machine's file system does not answer, and those that write
    StoreFull and StoreReadOnly.
    """

    def __init__(self, url: str, folders: Sequence[str]) -> None:
        self._fs, self._root = fsspec.core.url_to_fs(url, use_listings_cache=False)
        self._folders = folders
        self.is_local = isinstance(self._fs, LocalFileSystem)
        other = Path(gettempdir()) / f"layerscope-{os.getuid()}"
        self.scratch = Scratch(Path(self.path(TEMPORARY)) if self.is_local else other)

    def open(self) -> None:
        """Makes the folders, and removes what an interrupted write left behind.

        Raises:
            StoreReadOnly: nothing can be written there.
            Exception: another machine's file system does not answer, in its own words: it is the start that fails.
        """
        with writing():
            self._make_folders()
            self.scratch.open()
        if self.is_local and not os.access(self.path(), os.W_OK):
            raise StoreReadOnly()

    def _make_folders(self) -> None:
        for folder in self._folders:
            self._fs.makedirs(self.path(folder), exist_ok=True)

    def has(self, folder: str) -> bool:
        """Whether a folder exists."""
        return bool(self._fs.isdir(self.path(folder)))

    def path(self, *parts: str) -> str:
        """Where something lies, in the words of the file system."""
        return "/".join((self._root.rstrip("/"), *parts))

    def _asked(self) -> AbstractContextManager[None]:
        """A block in which the file system is asked: others than this machine's have errors of their own."""
        return nullcontext() if self.is_local else elsewhere()

    def files(self, folder: str) -> list[str]:
        """The names in a folder."""
        try:
            with self._asked():
                paths = self._fs.ls(self.path(folder), detail=False)
        except FileNotFoundError:  # object stores have no empty folders
            return []
        return [name for name in (str(path).rpartition("/")[2] for path in paths) if name]

    def size(self, folder: str, file: str) -> int | None:
        """The bytes of a file; None where there is none."""
        try:
            with self._asked():
                return int(self._fs.size(self.path(folder, file)))
        except FileNotFoundError:
            return None

    def read(self, folder: str, file: str) -> bytes:
        """All of a file.

        Raises:
            FileNotFoundError, PermissionError, IsADirectoryError
        """
        with self._asked():
            return bytes(self._fs.cat_file(self.path(folder, file)))

    def remove(self, folder: str, file: str) -> None:
        """Removes a file; one that is gone already is fine, and so is a folder in its place."""
        try:
            with suppress(FileNotFoundError), self._asked(), writing():
                self._fs.rm_file(self.path(folder, file))
        except IsADirectoryError:
            self.discard(folder, file)

    def discard(self, folder: str, file: str) -> None:
        """Removes what stands in the place of a file, and may be a folder."""
        with suppress(FileNotFoundError), self._asked(), writing():
            self._fs.rm(self.path(folder, file), recursive=True)

    def write(self, data: bytes, folder: str, file: str) -> None:
        """Writes or replaces a file."""
        with self._asked(), writing():
            if not self.is_local:
                self._fs.pipe_file(self.path(folder, file), data)
                return
            with self._replacing(folder, file) as temporary:
                temporary.write_bytes(data)

    def adopt(self, source: Path, folder: str, file: str) -> None:
        """Moves a local file here."""
        with self._asked(), writing():
            if not self.is_local:
                self._fs.put_file(str(source), self.path(folder, file))
                source.unlink()
                return
            with self._replacing(folder, file) as temporary:
                shutil.move(source, temporary)

    def fetch(self, folder: str, file: str, target: Path) -> None:
        """Copies a file to a local path.

        Raises:
            FileNotFoundError, PermissionError
        """
        with self._asked():
            self._fs.get_file(self.path(folder, file), str(target))

    @contextmanager
    def _replacing(self, folder: str, file: str) -> Iterator[Path]:
        """A path whose file takes its place, on disk, when the block ends well. Missing folders are made again."""
        temporary = self.scratch.path / uuid4().hex
        self._make_folders()
        try:
            yield temporary
            if self._fs.isdir(self.path(folder, file)):  # no file of ours, and none is renamed over it
                self.discard(folder, file)
            settle(temporary, Path(self.path(folder, file)))
        finally:
            temporary.unlink(missing_ok=True)


def settle(source: Path, target: Path) -> None:
    """Renames a file of the same file system; what is there when this returns outlasts a power cut."""
    _sync(source)
    os.replace(source, target)
    _sync(target.parent)  # a rename lasts once its folder is on disk


def _sync(path: Path) -> None:
    """Waits until a file or folder is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def second_name(source: Path, target: Path) -> Path:
    """The same file at `target`, too: neither may be changed. A copy where file systems differ."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
    return target


def digest_of(path: Path) -> str:
    """The SHA-256 of a local file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
