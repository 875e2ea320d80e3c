"""Stored weights: immutable files under their digest, kept while in use; verified before they are first used, and again
when a file has changed since.
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
from models.store.errors import NotWhole
from models.store.storage import Storage, digest_of
from models.weights.specs import WeightsFile, WeightsToStore

FOLDER = "weights"
SUFFIX = ".safetensors"
Mark = tuple[int, int, int]
"""The size, time of change and number of a file: another file, or another content, has another."""


class WeightsObjects:
    """The files of one storage. `is_wanted` tells whether a digest is pointed to; what is neither wanted nor in use
    is removed. `lock` is held when that is decided, `writing` until the file is gone: a name that is about to point to
    it holds `writing` too, and looks again.
    """

    def __init__(self, storage: Storage, is_wanted: Callable[[str], bool], lock: RLock, writing: RLock) -> None:
        self._storage, self._is_wanted, self._lock, self._writing = storage, is_wanted, lock, writing
        self._users: Counter[str] = Counter()
        self._left: set[str] = set()  # forgotten while they were in use
        self._verified: dict[str, tuple[Path, Mark]] = {}

    @contextmanager
    def using(self, digest: str) -> Iterator[None]:
        """Keeps a file there until the end of the block. Removes nothing, for it may end on an event loop."""
        with self._lock:
            self._users[digest] += 1
        try:
            yield
        finally:
            with self._lock:
                self._users[digest] -= 1

    def unused(self) -> list[str]:
        """What was forgotten while it was in use, and is in use no more."""
        with self._lock:
            return [digest for digest in self._left if not self._users[digest]]

    def remove_unused(self) -> None:
        """Removes that; where nothing can be removed now, it stays until the store is opened again."""
        with suppress(StoreReadOnly, StoreUnreachable):
            for digest in self.unused():
                self.forget(digest)

    def add(self, weights: WeightsToStore) -> None:
        """Takes a local file over, unless it was or the same is there, whole; the caller is `using` the digest.

        Raises:
            RuntimeError: its bytes are not those of the digest.
        """
        source, digest = weights
        if not source.exists() or self._is_whole(digest, source.stat().st_size):
            return
        if digest_of(source) != digest:
            raise RuntimeError(f"{source} is not the file of digest {digest}")
        self._storage.adopt(source, FOLDER, digest + SUFFIX)

    def _is_whole(self, digest: str, size: int) -> bool:
        """Whether a file of this size is stored and, where it is on this machine, has the right bytes; from then on it
        counts as verified.
        """
        if self._storage.size(FOLDER, digest + SUFFIX) != size:
            return False
        if self._storage.is_local:
            try:
                self.local(digest)
            except NotWhole:
                return False
        return True

    def forget(self, digest: str) -> None:
        """Removes a file that is neither wanted nor in use; one that is in use is `unused` later."""
        with self._writing:
            with self._lock:
                self._left.discard(digest)
                if self._is_wanted(digest):
                    return
                if self._users[digest]:
                    self._left.add(digest)
                    return
                self._users.pop(digest, None)
                known = self._verified.pop(digest, None)
            if known is not None and not self._storage.is_local:
                known[0].unlink(missing_ok=True)
            self._storage.remove(FOLDER, digest + SUFFIX)

    def sweep(self) -> None:
        """Removes what a process that died had stored and nobody points to."""
        for file in self._storage.files(FOLDER):
            self.forget(file.removesuffix(SUFFIX))

    def verified(self, digest: str) -> WeightsFile | None:
        """The file on this machine, if it was verified and is still that file. The caller is `using` the digest."""
        path, mark = self._verified.get(digest, (None, None))
        return None if path is None or _mark(path) != mark else WeightsFile(str(path), digest)

    def local(self, digest: str) -> WeightsFile:
        """The file on this machine: the object itself, or a copy. The caller is `using` the digest.

        Raises:
            NotWhole: it is gone, or its bytes are not those of the digest, in words.
        """
        known = self.verified(digest)
        if known is not None:
            return known
        try:
            path = self._fetched(digest)
            mark = _mark(path)
            whole = digest_of(path) == digest
        except (FileNotFoundError, PermissionError, IsADirectoryError):
            raise NotWhole("its weights are gone") from None
        if mark is None or not whole:
            raise NotWhole("its weights are damaged")
        self._verified[digest] = path, mark
        return WeightsFile(str(path), digest)

    def _fetched(self, digest: str) -> Path:
        if self._storage.is_local:
            return Path(self._storage.path(FOLDER, digest + SUFFIX))
        folder = self._storage.scratch.path
        temporary = folder / uuid4().hex
        self._storage.fetch(FOLDER, digest + SUFFIX, temporary)
        os.replace(temporary, folder / (digest + SUFFIX))
        return folder / (digest + SUFFIX)


def _mark(path: Path) -> Mark | None:
    """Of a file on this machine; None where it is gone."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino
