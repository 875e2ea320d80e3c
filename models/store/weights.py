"""Stored weights: immutable files under their digest, kept while in use; verified before first use, and again when a
file has changed since.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from uuid import uuid4

from models.errors import StoreReadOnly, StoreUnreachable
from models.store.errors import ObjectDamaged
from models.store.storage import Storage, digest_of
from models.weights.specs import WeightsFile, WeightsToStore

FOLDER = "weights"
SUFFIX = ".safetensors"
Mark = tuple[int, int, int]
"""The size, mtime and inode of a file: another file, or other content, has another."""


class WeightsObjects:
    """The weights files of one storage. `is_referenced` returns whether a name points to a digest; files neither
    referenced nor in use are removed, by `remove`. `lock` is held when that is decided, `writing` until the file is
    removed: a name that is about to point to it holds `writing` too, and checks again.
    """

    def __init__(self, storage: Storage, is_referenced: Callable[[str], bool], lock: RLock, writing: RLock,
                 remove: Callable[[str, str], None]) -> None:  # fmt: skip
        self._storage, self._is_referenced, self._remove = storage, is_referenced, remove
        self._lock, self._writing = lock, writing
        self._users: Counter[str] = Counter()
        self._forgotten: set[str] = set()  # forgotten while they were in use
        self._verified: dict[str, tuple[Path, Mark]] = {}

    @contextmanager
    def using(self, digest: str) -> Iterator[None]:
        """Keep a file in place until the end of the block. Removes nothing, since it may end on an event loop."""
        with self._lock:
            self._users[digest] += 1
        try:
            yield
        finally:
            with self._lock:
                self._users[digest] -= 1

    def unused(self) -> list[str]:
        """Return the digests that were forgotten while in use, and are no longer in use."""
        with self._lock:
            return [digest for digest in self._forgotten if not self._users[digest]]

    def remove_unused(self) -> None:
        """Remove the files of `unused`; where that is impossible now, they stay until the store is opened again."""
        with suppress(StoreReadOnly, StoreUnreachable):
            for digest in self.unused():
                self.forget(digest)

    def add(self, weights: WeightsToStore) -> None:
        """Move a local file here, unless it was moved or is already stored intact; the caller is `using` the digest.

        Raises:
            RuntimeError: its bytes do not match the digest.
        """
        source, digest = weights
        if not source.exists() or self._is_intact(digest, source.stat().st_size):
            return
        if digest_of(source) != digest:
            raise RuntimeError(f"{source} is not the file of digest {digest}")
        self._storage.adopt(source, FOLDER, digest + SUFFIX)

    def _is_intact(self, digest: str, size: int) -> bool:
        """Whether a file of this size is stored and, if it is on this machine, has the right bytes; from then on it
        counts as verified.
        """
        if self._storage.size(FOLDER, digest + SUFFIX) != size:
            return False
        if self._storage.is_local:
            try:
                self.local(digest)
            except ObjectDamaged:
                return False
        return True

    def forget(self, digest: str) -> None:
        """Remove a file that is neither referenced nor in use; one that is in use is `unused` later."""
        with self._writing:
            with self._lock:
                self._forgotten.discard(digest)
                if self._is_referenced(digest):
                    return
                if self._users[digest]:
                    self._forgotten.add(digest)
                    return
                self._users.pop(digest, None)
                known = self._verified.pop(digest, None)
            if known is not None and not self._storage.is_local:
                known[0].unlink(missing_ok=True)
            self._remove(FOLDER, digest + SUFFIX)

    def used(self) -> list[str]:
        """Return the digests of the files that this process uses."""
        with self._lock:
            return [digest for digest, users in self._users.items() if users]

    def forget_copies(self) -> None:
        """Remove the copies on this machine of files that no name points to any more."""
        with self._lock:
            unreferenced = [digest for digest in self._verified if not self._is_referenced(digest)]
        for digest in unreferenced:
            self.forget(digest)

    def sweep(self) -> None:
        """Remove files that a dead process stored and no name points to."""
        for file in self._storage.files(FOLDER):
            self.forget(file.removesuffix(SUFFIX))

    def verified(self, digest: str) -> WeightsFile | None:
        """Return the file on this machine if it is verified and unchanged since. The caller is `using` the digest."""
        path, mark = self._verified.get(digest, (None, None))
        return None if path is None or _mark(path) != mark else WeightsFile(str(path), digest)

    def local(self, digest: str) -> WeightsFile:
        """Return the file on this machine: the object itself, or a copy. The caller is `using` the digest.

        Raises:
            ObjectDamaged: it is missing, or its bytes do not match the digest.
        """
        known = self.verified(digest)
        if known is not None:
            return known
        try:
            path = self._fetch(digest)
            mark = _mark(path)
            is_intact = digest_of(path) == digest
        except (FileNotFoundError, PermissionError, IsADirectoryError):
            raise ObjectDamaged("its weights are gone") from None
        if mark is None or not is_intact:
            raise ObjectDamaged("its weights are damaged")
        self._verified[digest] = path, mark
        return WeightsFile(str(path), digest)

    def _fetch(self, digest: str) -> Path:
        if self._storage.is_local:
            return Path(self._storage.path(FOLDER, digest + SUFFIX))
        folder = self._storage.scratch.path
        temporary = folder / uuid4().hex
        self._storage.fetch(FOLDER, digest + SUFFIX, temporary)
        os.replace(temporary, folder / (digest + SUFFIX))
        return folder / (digest + SUFFIX)


def _mark(path: Path) -> Mark | None:
    """Return the mark of a file on this machine; None if it is missing."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino
