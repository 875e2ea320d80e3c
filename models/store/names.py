"""The names of a store: an index in memory, and a file for each on disk.

A file that cannot be read is not a model. It is logged and listed with its problem, and keeps its name until it is
removed or replaced; objects it may point to stay in the store.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from threading import RLock

from models.errors import ModelDamaged, NotFound, did_you_mean, shown
from models.store.entries import Entry, entry_bytes, read_entry
from models.store.storage import Storage

log = logging.getLogger("layerscope.store")

FOLDER = "names"
SUFFIX = ".json"
DEFAULT_SPACE = "default"
"""The space of requests without a key, and of keys that name none."""
COMPARED = 256
"""Most names that an unknown one is compared with."""
SEPARATOR = "~"
"""Stands between the space and the name in a file's name; neither has it."""


def spaces_in(files: Iterable[str]) -> set[str]:
    """Return the spaces of the files of names."""
    return {file.partition(SEPARATOR)[0] if SEPARATOR in file else DEFAULT_SPACE for file in files}


class Names:
    """Names of one space. One thread writes at a time; `lock` is held while memory changes; reads take no lock."""

    def __init__(self, storage: Storage, lock: RLock, space: str = DEFAULT_SPACE) -> None:
        self._storage, self._lock = storage, lock
        self._prefix = "" if space == DEFAULT_SPACE else space + SEPARATOR
        self._entries: dict[str, Entry] = {}
        self._damaged: dict[str, str] = {}

    def open(self, files: Iterable[str]) -> None:
        """Read every one of these files that is of this space; those that cannot be read are logged."""
        for file in sorted(files):
            name = file.removesuffix(SUFFIX).removeprefix(self._prefix)
            if file == self._file(name) and SEPARATOR not in name:
                self._read(name)

    def _file(self, name: str) -> str:
        """Return the file of a name."""
        return self._prefix + name + SUFFIX

    def _read(self, name: str) -> None:
        try:
            self._entries[name] = read_entry(name, self._storage.read(FOLDER, self._file(name)))
        except FileNotFoundError:
            return
        except (ValueError, PermissionError, IsADirectoryError) as error:
            problem = str(error) if isinstance(error, ValueError) else "it cannot be read"
            log.warning("%s/%s is passed over: %s", FOLDER, ascii(self._file(name))[1:-1], problem)
            self._damaged[name] = problem

    @property
    def damaged(self) -> Mapping[str, str]:
        """The problem of each name file that cannot be read, sorted by name."""
        return dict(sorted(self._damaged.items()))

    def all(self) -> list[Entry]:
        """Return every entry, in no order."""
        return list(self._entries.copy().values())

    def get(self, name: str) -> Entry | None:
        """Return the entry of a name."""
        return self._entries.get(name)

    def find(self, reference: str) -> Entry:
        """Return the entry of a name, or of a model id.

        Raises:
            NotFound: with the nearest name.
            ModelDamaged: the file of the name cannot be read.
        """
        entry = self._entries.get(reference)
        if entry is None and reference.startswith("sha256:"):
            matches = (known for known in self.all() if known.id == reference)
            entry = min(matches, key=lambda known: known.name, default=None)
        if entry is not None:
            return entry
        if reference in self._damaged:
            raise damaged(reference, f"the file of its name is damaged: {self._damaged[reference]}")
        raise self._unknown(reference)

    def _unknown(self, reference: str) -> NotFound:
        names = sorted(self._entries.copy())
        near = did_you_mean(reference, _neighbours(names, reference))
        expected = f"one of {', '.join(names[:20])}" if names else "a registered model"
        suggestion = f'use "{near}"' if near else "PUT /v1/models/{name} registers one"
        return NotFound.at(
            "", "there is no model of this name", expected=expected, received=shown(reference), suggestion=suggestion
        )

    def resolve(self, reference: str) -> list[str]:
        """Return the name, or every name of an id.

        Raises:
            NotFound: as `find`.
        """
        if reference in self._entries or reference in self._damaged:
            return [reference]
        match = self.find(reference)
        return [entry.name for entry in self.all() if entry.id == match.id]

    def write(self, entry: Entry) -> None:
        """Store a name and what it points to."""
        if entry.name in self._damaged:
            self._storage.discard(FOLDER, self._file(entry.name))  # it may be a folder
        self._storage.write(entry_bytes(entry), FOLDER, self._file(entry.name))
        with self._lock:
            self._entries[entry.name] = entry
            self._damaged.pop(entry.name, None)

    def remove(self, name: str) -> None:
        """Remove a name, whatever its file contains."""
        if name in self._damaged:
            self._storage.discard(FOLDER, self._file(name))
        else:
            self._storage.remove(FOLDER, self._file(name))
        with self._lock:
            self._entries.pop(name, None)
            self._damaged.pop(name, None)


def damaged(name: str, problem: str) -> ModelDamaged:
    """Return the error of a model that is damaged in the store."""
    advice = f"PUT /v1/models/{name} puts it back, DELETE removes it"
    message = f"the model {shown(name)} cannot be used: {problem}"
    return ModelDamaged.at("", message, expected="a model that is whole", received="a damaged one", suggestion=advice)


def _neighbours(names: Sequence[str], name: str) -> Sequence[str]:
    """Return the names around the place of another in their order: to compare 10,000 takes a tenth of a second."""
    place = bisect_left(names, name)
    return names[max(0, place - COMPARED // 2) : place + COMPARED // 2]
