"""Stored weights: immutable files under their digest, verified before they are first used, kept while in use."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from uuid import uuid4

from models.storage import Storage, digest_of
from models.weights.specs import GivenWeights, WeightsFile

FOLDER = "weights"
SUFFIX = ".safetensors"


class WeightsObjects:
    """The files of one storage. `is_wanted` tells whether a digest is pointed to; what is neither wanted nor in use
    is removed. `lock` is held when that is decided, `writing` until the file is gone: a name that is about to point to
    it holds `writing` too, and looks again.
    """

    def __init__(self, storage: Storage, is_wanted: Callable[[str], bool], lock: RLock, writing: RLock) -> None:
        self._storage, self._is_wanted, self._lock, self._writing = storage, is_wanted, lock, writing
        self._users: Counter[str] = Counter()
        self._left: set[str] = set()  # forgotten while they were in use
        self._verified: dict[str, Path] = {}

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
        """Removes that."""
        for digest in self.unused():
            self.forget(digest)

    def add(self, weights: GivenWeights) -> None:
        """Takes a local file over, unless the same is there already; the caller is `using` the digest.

        Raises:
            RuntimeError: its bytes are not those of the digest.
        """
        source, digest = weights
        if self._storage.exists(FOLDER, digest + SUFFIX):
            return
        if digest_of(source) != digest:
            raise RuntimeError(f"{source} is not the file of digest {digest}")
        self._storage.adopt(source, FOLDER, digest + SUFFIX)

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
                local = self._verified.pop(digest, None)
            if local is not None and not self._storage.is_local:
                local.unlink(missing_ok=True)
            self._storage.remove(FOLDER, digest + SUFFIX)

    def sweep(self) -> None:
        """Removes what a process that died had stored and nobody points to."""
        for file in self._storage.files(FOLDER):
            self.forget(file.removesuffix(SUFFIX))

    def verified(self, digest: str) -> WeightsFile | None:
        """The file on this machine, if its bytes have been verified. The caller is `using` the digest."""
        path = self._verified.get(digest)
        return None if path is None else WeightsFile(str(path), digest)

    def local(self, digest: str) -> WeightsFile:
        """The file on this machine: the object itself, or a copy. The caller is `using` the digest.

        Raises:
            RuntimeError: its bytes are not those of the digest.
        """
        if digest not in self._verified:
            path = self._fetched(digest)
            if digest_of(path) != digest:
                raise RuntimeError(f"weights {digest} are damaged")
            self._verified[digest] = path
        return WeightsFile(str(self._verified[digest]), digest)

    def _fetched(self, digest: str) -> Path:
        if self._storage.is_local:
            return Path(self._storage.path(FOLDER, digest + SUFFIX))
        folder = self._storage.scratch.path
        temporary = folder / uuid4().hex
        self._storage.fetch(FOLDER, digest + SUFFIX, temporary)
        os.replace(temporary, folder / (digest + SUFFIX))
        return folder / (digest + SUFFIX)
