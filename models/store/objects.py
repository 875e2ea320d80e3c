"""What all spaces of a store share: documents and weights under their digests, the locks, and the names by space."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from threading import RLock

from models.errors import StoreReadOnly
from models.store.documents import FOLDER as DOCUMENTS
from models.store.documents import DocumentObjects
from models.store.entries import Entry
from models.store.names import FOLDER as NAMES
from models.store.names import Names, space_in
from models.store.refresher import Look, RefreshFigures
from models.store.storage import Storage
from models.store.weights import FOLDER as WEIGHTS
from models.store.weights import WeightsObjects

log = logging.getLogger("layerscope.store")


class StoredObjects:
    """The objects of one storage, which a name of any space may point to."""

    def __init__(self, url: str, folders: Sequence[str] = ()) -> None:
        self.storage = Storage(url, (DOCUMENTS, NAMES, WEIGHTS, *folders))
        self.lock = RLock()  # of the memory: held for moments, also by the event loop
        self.writing = RLock()  # of the files: one writer at a time, however long its file system takes
        self._names: dict[str, Names] = {}
        self._protected: frozenset[str] = frozenset()  # digests that damaged names may point to
        self.documents = DocumentObjects(self.storage, self._is_unreferenced, self.remove_file)
        self.weights = WeightsObjects(self.storage, self.points_to, self.lock, self.writing, self.remove_file)

    def open(self) -> None:
        """Read the names, and remove what an interrupted write left behind. An existing store may be read-only."""
        self.open_storage()
        files = self.storage.files(NAMES)
        for space in {space_in(file) for file in files}:
            self.names(space).open(files)
        if self.is_damaged():
            files = [*self.storage.files(DOCUMENTS), *self.storage.files(WEIGHTS)]
            self._protected = frozenset(file.partition(".")[0] for file in files)
        with suppress(StoreReadOnly):
            self._sweep()

    def open_storage(self) -> bool:
        """Open the storage; returns whether it can be written."""
        try:
            self.storage.open()
        except StoreReadOnly as refused:
            if not self.storage.has(NAMES):
                raise (refused.__cause__ or refused) from None
            log.warning("the store is read-only: its models are run, and none is registered or removed")
            return False
        return True

    def close(self) -> None:
        """End what goes on while the store is open."""

    def look(self) -> Look | None:
        """Ask for a look at the changes of other instances; None if there are none."""
        return None

    @property
    def refreshed(self) -> RefreshFigures | None:
        """How the changes of other instances are followed; None if there are none."""
        return None

    def spare(self, names: Names, entry: Entry) -> None:
        """Have nobody remove what an entry of these names is about to point to."""

    def confirm(self, entry: Entry) -> None:
        """Raise Superseded unless everything that an entry points to is stored."""

    def remove_file(self, folder: str, file: str) -> None:
        """Remove a file that no name points to."""
        self.storage.remove(folder, file)

    def names(self, space: str) -> Names:
        """Return the names of a space."""
        with self.lock:
            if space not in self._names:
                self._names[space] = self.names_of(space)
            return self._names[space]

    def names_of(self, space: str) -> Names:
        """Return the names of a space that has none yet."""
        return Names(self.storage, self.lock, space)

    def is_damaged(self) -> bool:
        """Whether a file of a name cannot be read."""
        with self.lock:
            return any(names.damaged for names in self._names.values())

    def sweep_once_whole(self) -> None:
        """Remove what damaged names may have pointed to, once none is left."""
        if self._protected:
            self._sweep()

    def _sweep(self) -> None:
        """Remove unreferenced objects, once no name is damaged; in a remote store another service may yet use them."""
        if self.is_damaged():
            return
        self._protected = frozenset()
        if self.storage.is_local:
            self.documents.sweep()
            self.weights.sweep()

    def forget(self, entry: Entry) -> None:
        """Remove what an entry pointed to, unless another name does."""
        self.documents.forget(entry.object)
        if entry.weights:
            self.weights.forget(entry.weights)

    def entries(self) -> Iterator[Entry]:
        """Yield the entries of all spaces."""
        with self.lock:
            spaces = list(self._names.values())
        return (entry for names in spaces for entry in names.all())

    def model_count(self) -> int:
        """Return the number of names in all spaces."""
        return sum(1 for _ in self.entries())

    def _is_unreferenced(self, document: str) -> bool:
        """Whether no name points to a document, and no damaged one may."""
        return document not in self._protected and all(entry.object != document for entry in self.entries())

    def points_to(self, weights: str) -> bool:
        """Whether a name has these weights, or a damaged one may have them."""
        return weights in self._protected or any(entry.weights == weights for entry in self.entries())
