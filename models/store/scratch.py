"""A process' own folder for temporary files. Folders of dead processes are removed.

A file in each is locked by its process; the kernel releases the lock however the process ends.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from uuid import uuid4

from models.store.errors import writing

LOCK = "lock"
"""The file that is locked: not the folder, since NFS locks only what is open for writing."""


class Scratch:
    """Folders below `parent`, one a process, created on first use."""

    def __init__(self, parent: Path) -> None:
        self.parent = parent
        self._own: Path | None = None
        self._lock = Lock()
        self._descriptor = -1

    def open(self) -> None:
        """Remove files of dead processes."""
        self.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for stale in self.parent.iterdir():
            if stale.is_dir():
                _remove_unlocked(stale)
            else:
                stale.unlink(missing_ok=True)

    @property
    def path(self) -> Path:
        """This process' folder, created again if it was removed.

        Raises:
            StoreFull, StoreReadOnly: it cannot be created.
        """
        with self._lock:
            if self._own is not None and not self._own.is_dir():
                os.close(self._descriptor)
                self._own = None
            with writing():
                while self._own is None:
                    self._own = self._create(self.parent / uuid4().hex)
            return self._own

    def _create(self, folder: Path) -> Path | None:
        """Create and lock the folder; None if another process, before it was locked, removed it as a dead one's."""
        folder.mkdir(parents=True, mode=0o700)
        try:
            self._descriptor = _open_lock(folder)
        except FileNotFoundError:
            return None
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        if (folder / LOCK).exists():
            return folder
        os.close(self._descriptor)
        return None

    def folder(self) -> TemporaryDirectory[str]:
        """Create a folder that is removed at the end of its block.

        Raises:
            StoreFull, StoreReadOnly: it cannot be created.
        """
        with writing():
            return TemporaryDirectory(dir=self.path)

    def close(self) -> None:
        """Remove this process' folder."""
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)
            os.close(self._descriptor)
            self._own = None


def _remove_unlocked(folder: Path) -> None:
    try:
        descriptor = _open_lock(folder)
    except FileNotFoundError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        return  # its process is alive
    finally:
        os.close(descriptor)


def _open_lock(folder: Path) -> int:
    return os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
