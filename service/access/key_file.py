"""The file of keys: read at the start, and again when it has changed."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from threading import Lock

from service.access.keys import InvalidKeys, KeyRing, parse_keys

log = logging.getLogger("layerscope.access")

MAX_BYTES = 64 * 1024 * 1024
REFRESH_SECONDS = 2.0
"""Time between two looks at the file."""
SETTLING_SECONDS = 0.5
"""A file that was written to more recently may be half written: it is read at the next look."""
Mark = tuple[int, int, int, int]
"""The size, mtime, inode and ctime of a file; the last changes with its permissions."""


class KeyFile:
    """The keys of a file as it was when it was last whole; a file that is wrong changes nothing."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            InvalidKeys: it cannot be read, or a line is wrong.
        """
        self._path = path
        self._mark: Mark | None = None
        self._reading = Lock()  # a signal may come while the file is looked at
        self.ring = self._read()

    def refresh(self, force: bool = False) -> None:
        """Read the file again if it has changed; what is wrong with it goes to the log."""
        mark = _mark_of(self._path)
        if (mark == self._mark and not force) or _is_settling(mark):
            return
        try:
            with self._reading:
                self._take(self._read())
        except InvalidKeys as error:
            log.error("the keys stay as they were: %s", error)

    def _take(self, ring: KeyRing) -> None:
        """Use these keys, unless the file has changed while they were read: then they are read at the next look."""
        if self._mark == _mark_of(self._path):
            self.ring = ring
            log.info("the keys were read again: %d", len(ring))

    def _read(self) -> KeyRing:
        try:
            self._mark = _mark_of(self._path)
            if self._mark is not None and self._mark[0] > MAX_BYTES:
                raise InvalidKeys(f"the file is over {MAX_BYTES:,} bytes")
            return parse_keys(self._path.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            raise InvalidKeys("the file is not text in UTF-8") from None
        except OSError as error:
            raise InvalidKeys(f"the file cannot be read: {error.strerror}") from None


def _is_settling(mark: Mark | None) -> bool:
    return mark is not None and 0 <= time.time() - mark[1] / 1e9 < SETTLING_SECONDS


def _mark_of(path: Path) -> Mark | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino, status.st_ctime_ns
