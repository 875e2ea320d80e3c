"""The names of a store: an index in memory, and a file for each on disk.

A file that cannot be read is not a model. It is logged and listed with its problem, and keeps its name until it is
removed or replaced; objects it may point to stay in the store.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from threading import RLock
from typing import TypeVar

from models.errors import ModelDamaged, NotFound, did_you_mean, shown
from models.store.entries import Entry, entry_bytes, read_entry
from models.store.storage import Storage
from models.store.versioned import Version

Value = TypeVar("Value")
log = logging.getLogger("layerscope.store")

FOLDER = "names"
SUFFIX = ".json"
DEFAULT_SPACE = "default"
"""The space of requests without a key, and of keys that name none."""
COMPARED = 256
"""Most names that an unknown one is compared with."""
SEPARATOR = "~"
"""Stands between the space and the name in a file's name; neither has it."""


def space_in(file: str) -> str:
    """Return the space of the file of a name."""
    return file.partition(SEPARATOR)[0] if SEPARATOR in file else DEFAULT_SPACE


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
            if (name := self.name_in(file)) is not None:
                self._read(name)

    def name_in(self, file: str) -> str | None:
        """Return the name of a file; None if it is none of this space."""
        name = file.removesuffix(SUFFIX).removeprefix(self._prefix)
        return name if file == self.file(name) and SEPARATOR not in name else None

    def file(self, name: str) -> str:
        """Return the file of a name."""
        return self._prefix + name + SUFFIX

    def _read(self, name: str) -> None:
        try:
            self.take(name, self._storage.read(FOLDER, self.file(name)))
        except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
            self.take(name, error)

    def take(self, name: str, data: bytes | Exception) -> None:
        """Take up the content of a name's file, or why it cannot be read."""
        entry, problem = None, ""
        try:
            if isinstance(data, bytes):
                entry = read_entry(name, data)
            elif not isinstance(data, FileNotFoundError):
                problem = "it cannot be read"
        except ValueError as error:
            problem = str(error)
        if problem and problem != self._damaged.get(name):
            log.warning("%s/%s is passed over: %s", FOLDER, ascii(self.file(name))[1:-1], problem)
        with self._lock:
            _set(self._entries, name, entry)
            _set(self._damaged, name, problem or None)

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

    def knows(self, reference: str) -> bool:
        """Whether there is a model of this name or id, however damaged."""
        if reference in self._entries or reference in self._damaged:
            return True
        return reference.startswith("sha256:") and any(entry.id == reference for entry in self.all())

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

    def current(self, name: str) -> tuple[Entry | None, Version | None]:
        """Return the entry of a name, and the version of its file where others may change it, too."""
        return self.get(name), None

    def write(self, entry: Entry, version: Version | None = None) -> bool:  # noqa: ARG002 (of a shared store)
        """Store a name and what it points to. Returns False if the file is no longer of this version, and reads it."""
        if entry.name in self._damaged:
            self._storage.discard(FOLDER, self.file(entry.name))  # it may be a folder
        self._storage.write(entry_bytes(entry), FOLDER, self.file(entry.name))
        with self._lock:
            self._entries[entry.name] = entry
            self._damaged.pop(entry.name, None)
        return True

    def remove(self, name: str, id: str | None = None) -> Entry | None:
        """Remove a name, whatever its file contains, unless it no longer points to this id; returns its entry."""
        entry = self.get(name)
        if id is None or (entry is not None and entry.id == id):
            self._remove(name)
        return entry

    def _remove(self, name: str) -> None:
        if name in self._damaged:
            self._storage.discard(FOLDER, self.file(name))
        else:
            self._storage.remove(FOLDER, self.file(name))
        with self._lock:
            self._entries.pop(name, None)
            self._damaged.pop(name, None)


def _set(mapping: dict[str, Value], name: str, value: Value | None) -> None:
    if value is None:
        mapping.pop(name, None)
    else:
        mapping[name] = value


def damaged(name: str, problem: str) -> ModelDamaged:
    """Return the error of a model that is damaged in the store."""
    advice = f"PUT /v1/models/{name} puts it back, DELETE removes it"
    message = f"the model {shown(name)} cannot be used: {problem}"
    return ModelDamaged.at("", message, expected="a model that is whole", received="a damaged one", suggestion=advice)


def _neighbours(names: Sequence[str], name: str) -> Sequence[str]:
    """Return the names around the place of another in their order: to compare 10,000 takes a tenth of a second."""
    place = bisect_left(names, name)
    return names[max(0, place - COMPARED // 2) : place + COMPARED // 2]
