"""Files that several instances change by compare-and-swap: one is written only if nobody has changed it since it was
read. In a folder a lock of the kernel's guards the comparison, in a bucket the server compares (`If-Match`).
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from models.errors import StoreUnreachable
from models.store.errors import remote_errors, writing
from models.store.storage import Storage

Version = str
"""What changes with every change of a file: in a folder its time, inode and size; in a bucket its ETag."""
LOCK, CHECKS = "lock", "checks"
LOCK_SECONDS, LOCK_POLL = 10.0, 0.002
"""For the changes of other instances, of some milliseconds each."""
STEP = 1000
"""Nanoseconds by which a file is later than the one that it replaces, whatever the clocks say."""
CONFLICTS = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")
"""What S3 says when the file is another one, or is just being changed."""


class Changed(Exception):
    """The file is not, or no longer, of the version that its change expected."""


class VersionedFiles(Protocol):
    """Files with versions. Methods raise StoreUnreachable, StoreFull and StoreReadOnly as `Storage` does."""

    def check(self) -> None:
        """Raise ValueError if conditional writes are not honoured."""

    def versions(self, folder: str) -> dict[str, Version]:
        """Return the version of each file in a folder."""

    def read(self, folder: str, file: str) -> tuple[bytes, Version]:
        """Return the content of a file, which is of this version or a later one.

        Raises:
            FileNotFoundError, PermissionError, IsADirectoryError
        """

    def read_all(self, folder: str, files: Iterable[str]) -> Mapping[str, bytes | Exception]:
        """Return the content of each file, or why it cannot be read."""

    def write(self, data: bytes, folder: str, file: str, expected: Version | None) -> Version:
        """Write a file that is of the expected version; None: that does not exist. Returns its new version.

        Raises:
            Changed: it is not.
        """


def versioned(storage: Storage) -> VersionedFiles:
    """Return the files of a storage.

    Raises:
        ValueError: it is of a kind without conditional writes.
    """
    if storage.is_local:
        return VersionedFolder(storage)
    if "s3" in storage.protocols:
        return VersionedBucket(storage)
    kind = storage.protocols[0]
    raise ValueError(f"{kind}:// has no conditional writes; instances can share a folder, or a bucket at s3://")


class VersionedFolder:
    """Files of a folder that may be on a network file system with locks."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def check(self) -> None:
        """Locks are the kernel's."""

    def versions(self, folder: str) -> dict[str, Version]:
        """As `VersionedFiles.versions`."""
        versions: dict[str, Version] = {}
        with suppress(FileNotFoundError):
            for file in os.scandir(self._storage.path(folder)):
                with suppress(FileNotFoundError):  # removed since it was listed
                    versions[file.name] = _version(file.stat())
        return versions

    def read(self, folder: str, file: str) -> tuple[bytes, Version]:
        """As `VersionedFiles.read`."""
        with Path(self._storage.path(folder, file)).open("rb") as opened:
            return opened.read(), _version(os.fstat(opened.fileno()))

    def read_all(self, folder: str, files: Iterable[str]) -> Mapping[str, bytes | Exception]:
        """As `VersionedFiles.read_all`."""
        return {file: self._read(folder, file) for file in files}

    def _read(self, folder: str, file: str) -> bytes | Exception:
        try:
            return self._storage.read(folder, file)
        except OSError as error:
            return error

    def write(self, data: bytes, folder: str, file: str, expected: Version | None) -> Version:
        """As `VersionedFiles.write`."""
        target = Path(self._storage.path(folder, file))
        with writing(), self._locked(), self._storage.replacing(folder, file) as temporary:
            status = _status(target)
            if (None if status is None else _version(status)) != expected:
                raise Changed
            temporary.write_bytes(data)
            if status is not None:
                later = max(time.time_ns(), status.st_mtime_ns + STEP)
                os.utime(temporary, ns=(later, later))
            return _version(os.stat(temporary))  # a renamed file keeps all three

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock of all instances in the block; it ends with a process that is killed.

        Raises:
            StoreUnreachable: another instance does not give it back.
        """
        self._storage.make_folders()
        descriptor = os.open(self._storage.path(LOCK), os.O_RDWR | os.O_CREAT, 0o666)  # NFS locks what can be written
        try:
            _acquire(descriptor)
            yield
        finally:
            os.close(descriptor)


def _acquire(descriptor: int) -> None:
    end = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise StoreUnreachable("Another instance holds the lock of the store.") from None
            time.sleep(LOCK_POLL)
        else:
            return


def _status(path: Path) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _version(status: os.stat_result) -> Version:
    return f"{status.st_mtime_ns}-{status.st_ino}-{status.st_size}"


class VersionedBucket:
    """Files of a bucket, whose server compares ETags. Names are small, and never uploaded in parts."""

    def __init__(self, storage: Storage) -> None:
        self._storage, self._fs = storage, storage.file_system

    def check(self) -> None:
        """Raise ValueError if the server writes what it should refuse."""
        file = uuid4().hex
        first = self.write(b"1", CHECKS, file, None)
        try:
            for expected in (None, f'"{"0" * 32}"'):
                with suppress(Changed):
                    self.write(b"2", CHECKS, file, expected)
                    raise ValueError("its server ignores If-Match and If-None-Match, which a shared store needs")
            self.write(b"3", CHECKS, file, first)
        except Changed:
            raise ValueError("its server refuses If-Match with the ETag that it gave") from None
        finally:
            self._storage.remove(CHECKS, file)

    def versions(self, folder: str) -> dict[str, Version]:
        """As `VersionedFiles.versions`."""
        try:
            with remote_errors():
                listed = self._fs.ls(self._storage.path(folder), detail=True, refresh=True)
        except FileNotFoundError:  # a bucket has no empty folders
            return {}
        return {info["name"].rpartition("/")[2]: info["ETag"] for info in listed if info["type"] == "file"}

    def read(self, folder: str, file: str) -> tuple[bytes, Version]:
        """As `VersionedFiles.read`."""
        with remote_errors():
            version = self._fs.info(self._storage.path(folder, file), refresh=True)["ETag"]
        return self._storage.read(folder, file), version

    def read_all(self, folder: str, files: Iterable[str]) -> Mapping[str, bytes | Exception]:
        """As `VersionedFiles.read_all`; reads several at once.

        Raises:
            StoreUnreachable: one cannot be read for another reason than that it is gone, or forbidden.
        """
        paths = {self._storage.path(folder, file).lstrip("/"): file for file in files}
        if not paths:
            return {}
        with remote_errors():
            contents = self._fs.cat(list(paths), on_error="return")
        if not isinstance(contents, dict):  # of a single path
            contents = {next(iter(paths)): contents}
        for content in contents.values():
            if isinstance(content, Exception) and not isinstance(content, (FileNotFoundError, PermissionError)):
                raise StoreUnreachable() from content
        return {file: contents[path] for path, file in paths.items()}

    def write(self, data: bytes, folder: str, file: str, expected: Version | None) -> Version:
        """As `VersionedFiles.write`."""
        condition: dict[str, Any] = {"mode": "create"} if expected is None else {"IfMatch": expected}
        try:
            reply = self._fs.pipe_file(self._storage.path(folder, file), data, **condition)
        except Exception as error:  # of every kind that s3fs makes of S3's
            if _is_conflict(error):
                raise Changed from error
            with remote_errors(), writing():
                raise
        return str(reply["ETag"])


def _is_conflict(error: Exception) -> bool:
    """Whether a conditional write was refused, also because there is nothing to match."""
    response = getattr(error.__cause__, "response", None) or {}
    return isinstance(error, (FileExistsError, FileNotFoundError)) or response.get("Error", {}).get("Code") in CONFLICTS
