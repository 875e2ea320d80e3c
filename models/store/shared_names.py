"""The names of a store that several instances change: an index in memory that follows the files, and files that are
changed by compare-and-swap. A name that is removed leaves a file that says so, since a bucket may be unable to remove
a file on a condition; `Removals` clears them away.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from threading import RLock

from models.errors import Superseded
from models.store.entries import Entry, entry_bytes, removed_bytes
from models.store.names import FOLDER, Names, space_in
from models.store.storage import Storage
from models.store.versioned import Changed, Version, VersionedFiles

ATTEMPTS, PAUSE = 100, 0.005
"""Each attempt that fails has another instance succeed; the pause between two, in seconds, grows up to 20 times."""


class NameFiles:
    """The files of names of all spaces, and the version of each that the index has. `lock` guards both."""

    def __init__(self, files: VersionedFiles, lock: RLock) -> None:
        self.files, self.lock = files, lock
        self._versions: dict[str, Version] = {}
        self._times: Counter[str] = Counter()
        self._clock = count(1)
        self._reading = RLock()

    def version(self, file: str) -> Version | None:
        """Return the version of a file that the index has."""
        return self._versions.get(file)

    def all(self) -> list[str]:
        """Return every file that the index knows."""
        with self.lock:
            return list(self._versions)

    def set(self, file: str, version: Version | None, take: Callable[[], None]) -> None:
        """Have the index take up a file that this instance has just written or read; what was read earlier is older."""
        with self.lock:
            self._times[file] = next(self._clock)
            self._take(file, version, take)

    def _take(self, file: str, version: Version | None, take: Callable[[], None]) -> None:
        if version is None:
            self._versions.pop(file, None)
        else:
            self._versions[file] = version
        take()

    def refresh(self, names: Callable[[str], Names]) -> None:
        """Have the index follow the files: those whose version is another one are read. `names` has those of a space.

        Raises:
            StoreUnreachable: it is as it was.
        """
        with self._reading:
            begun = next(self._clock)
            listed = self.files.versions(FOLDER)
            changed = [file for file, version in listed.items() if self._versions.get(file) != version]
            contents = self.files.read_all(FOLDER, changed)
            for file in (*changed, *(self._versions.keys() - listed.keys())):
                space = names(space_in(file))
                if (name := space.name_in(file)) is None:
                    continue
                content = contents.get(file, FileNotFoundError())
                with self.lock:
                    if self._times[file] < begun:
                        self._take(file, listed.get(file), lambda: space.take(name, content))  # noqa: B023
                        self._times.pop(file, None)


class SharedNames(Names):
    """Names of one space of a shared store."""

    def __init__(self, storage: Storage, files: NameFiles, space: str) -> None:
        super().__init__(storage, files.lock, space)
        self._files = files

    def current(self, name: str) -> tuple[Entry | None, Version | None]:
        """Return the entry of a name and the version of its file, as this instance knows them."""
        with self._lock:
            return self.get(name), self._files.version(self.file(name))

    def is_removed(self, name: str) -> bool:
        """Whether its file says that the name was removed."""
        return name not in self._entries and name not in self._damaged

    def write(self, entry: Entry, version: Version | None = None) -> bool:
        """As `Names.write`."""
        return self._swap(entry.name, entry_bytes(entry), version)

    def remove(self, name: str, id: str | None = None) -> Entry | None:
        """As `Names.remove`."""
        for _ in attempts(name):
            entry, version = self.current(name)
            if version is None or (id is not None and (entry is None or entry.id != id)):
                return None
            if self._swap(name, removed_bytes(name), version):
                return entry
        return None

    def _swap(self, name: str, data: bytes, expected: Version | None) -> bool:
        """Write the file of a name if it is of this version, else read it."""
        file = self.file(name)
        try:
            version = self._files.files.write(data, FOLDER, file, expected)
        except Changed:
            return self._reload(name) == data  # a request that was sent twice finds what it wrote
        self._files.set(file, version, lambda: self.take(name, data))
        return True

    def _reload(self, name: str) -> bytes | None:
        """Read the file of a name, and return its content; None if it cannot be read."""
        content: bytes | Exception
        version = None
        try:
            content, version = self._files.files.read(FOLDER, self.file(name))
        except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
            content, version = error, self._files.files.versions(FOLDER).get(self.file(name))
        self._files.set(self.file(name), version, lambda: self.take(name, content))
        return content if isinstance(content, bytes) else None


def attempts(name: str) -> Iterator[int]:
    """Yield the number of each attempt to change a name, with pauses between them.

    Raises:
        Superseded: none of them succeeded.
    """
    for attempt in range(ATTEMPTS):
        yield attempt
        time.sleep(random.random() * PAUSE * min(attempt, 20))  # noqa: S311 (instances should not do so in step)
    raise Superseded(f"The model {name} was replaced again and again meanwhile.")
