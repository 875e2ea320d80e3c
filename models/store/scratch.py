"""A process' own folder for files on their way. Those of processes that have died are removed.

A folder is locked by the process it belongs to; the kernel lets go of the lock however the process ends.
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


class Scratch:
    """Folders below `parent`, one a process, made when it is first needed."""

    def __init__(self, parent: Path) -> None:
        self.parent = parent
        self._own: Path | None = None
        self._making = Lock()
        self._descriptor = -1

    def open(self) -> None:
        """Removes what processes left behind that are no more."""
        self.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left in self.parent.iterdir():
            if left.is_dir():
                _remove_unlocked(left)
            else:
                left.unlink(missing_ok=True)

    @property
    def path(self) -> Path:
        """This process' folder, made again where somebody removed it.

        Raises:
            StoreFull, StoreReadOnly: it cannot be made.
        """
        with self._making:
            if self._own is not None and not self._own.is_dir():
                os.close(self._descriptor)
                self._own = None
            with writing():
                while self._own is None:
                    self._own = self._made(self.parent / uuid4().hex)
            return self._own

    def _made(self, folder: Path) -> Path | None:
        """The folder, locked; None when another process took it for a dead one's before it was."""
        folder.mkdir(parents=True, mode=0o700)
        self._descriptor = os.open(folder, os.O_RDONLY)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        if folder.exists():
            return folder
        os.close(self._descriptor)
        return None

    def folder(self) -> TemporaryDirectory[str]:
        """A folder that is removed at the end of its block.

        Raises:
            StoreFull, StoreReadOnly: it cannot be made.
        """
        with writing():
            return TemporaryDirectory(dir=self.path)

    def close(self) -> None:
        """Removes this process' folder."""
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)
            os.close(self._descriptor)
            self._own = None


def _remove_unlocked(folder: Path) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        return  # its process lives
    finally:
        os.close(descriptor)
