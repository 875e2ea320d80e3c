"""Weights files of a node: each is brought there once, by the first actor that needs it, and kept under its digest.

    <digest>.safetensors     immutable; locked (flock(2), shared) by every actor that has used it
    <digest>.lock            locked by the actor that brings the file

Files that nobody has used for KEPT_SECONDS and nobody has locked are removed when an actor starts, whichever front it
belongs to.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import gettempdir
from typing import BinaryIO
from uuid import uuid4

from models.errors import LayerscopeError
from models.store.storage import Storage, digest_of
from models.store.weights import FOLDER, SUFFIX
from models.weights.specs import WeightsFile

KEPT_SECONDS = 24 * 3600.0
Bring = Callable[[str, Path], Awaitable[None]]
"""Brings the file of a digest to a path."""


class NodeWeights:
    """The weights files in a folder of this node. `bring` asks the front for one that the shared store lacks."""

    def __init__(self, folder: str, store: str, bring: Bring) -> None:
        self._folder = Path(folder or Path(gettempdir()) / f"layerscope-{os.getuid()}-weights")
        self._store, self._bring = store, bring
        self._used: dict[str, int] = {}
        """Descriptors of locked files, by digest."""

    def open(self) -> None:
        """Create the folder, and remove what is old.

        Raises:
            OSError: it cannot be created, or belongs to somebody else, who could change files in it.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._folder.stat().st_uid != os.getuid():
            raise PermissionError(f"{self._folder} belongs to another user")
        for path in self._folder.iterdir():
            _remove_old(path)

    async def local(self, file: WeightsFile) -> WeightsFile:
        """Return the file on this node.

        Raises:
            OSError: it cannot be kept there, or its bytes do not match its digest.
        """
        path = self._folder / (file.digest + SUFFIX)
        if file.digest not in self._used:
            with await asyncio.to_thread(_locked, self._folder / f"{file.digest}.lock"):
                while (held := _held(path)) is None:
                    await self._add(file.digest, path)
                self._used[file.digest] = held
        os.utime(path)
        return WeightsFile(str(path), file.digest)

    async def _add(self, digest: str, path: Path) -> None:
        """Bring a file, and rename it into place once it is whole."""
        temporary = self._folder / uuid4().hex
        try:
            if not await asyncio.to_thread(self._fetch, digest, temporary):
                await self._bring(digest, temporary)
            if await asyncio.to_thread(digest_of, temporary) != digest:
                raise OSError(f"the weights {digest} came damaged")
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

    def _fetch(self, digest: str, target: Path) -> bool:
        """Fetch a file from the shared store; returns whether it is there."""
        if not self._store:
            return False
        with suppress(LayerscopeError, OSError, ImportError, ValueError):  # the front can bring it, too
            Storage(self._store, ()).fetch(FOLDER, digest + SUFFIX, target)
            return True
        return False


def _locked(path: Path) -> BinaryIO:
    """Open a file, waiting for its lock, which closing it releases."""
    file = path.open("ab")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def _held(path: Path) -> int | None:
    """Open and lock a file, until this process ends, so that nobody removes it; None if it is not there."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    if os.fstat(descriptor).st_nlink:
        return descriptor
    os.close(descriptor)  # it was removed before it was locked
    return None


def _remove_old(path: Path) -> None:
    """Remove a file that was not used for long and is locked by nobody."""
    with suppress(OSError), _lock_at_once(path) as is_free:
        if is_free and path.stat().st_mtime < time.time() - KEPT_SECONDS:
            path.unlink()


@contextmanager
def _lock_at_once(path: Path) -> Iterator[bool]:
    """Lock a file for the block, unless somebody else has; yields whether that worked."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
