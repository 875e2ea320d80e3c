"""What all spaces of a store share: documents and weights under their digests, the locks, and the names by space."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from threading import RLock

from models.errors import StoreReadOnly
from models.store.documents import FOLDER as DOCUMENTS
from models.store.documents import DocumentObjects
from models.store.entries import Entry
from models.store.names import DEFAULT_SPACE, Names, spaces_in
from models.store.names import FOLDER as NAMES
from models.store.storage import Storage
from models.store.weights import FOLDER as WEIGHTS
from models.store.weights import WeightsObjects

log = logging.getLogger("layerscope.store")


class StoredObjects:
    """The objects of one storage, which a name of any space may point to."""

    def __init__(self, url: str) -> None:
        self.storage = Storage(url, (DOCUMENTS, NAMES, WEIGHTS))
        self.lock = RLock()  # of the memory: held for moments, also by the event loop
        self.writing = RLock()  # of the files: one writer at a time, however long its file system takes
        self._names = {DEFAULT_SPACE: Names(self.storage, self.lock)}
        self._protected: frozenset[str] = frozenset()  # digests that damaged names may point to
        self.documents = DocumentObjects(self.storage, self._is_unreferenced)
        self.weights = WeightsObjects(self.storage, self.points_to, self.lock, self.writing)

    def open(self) -> None:
        """Read the names, and remove what an interrupted write left behind. An existing store may be read-only."""
        try:
            self.storage.open()
        except StoreReadOnly as refused:
            if not self.storage.has(NAMES):
                raise (refused.__cause__ or refused) from None
            log.warning("the store is read-only: its models are run, and none is registered or removed")
        files = self.storage.files(NAMES)
        for space in spaces_in(files):
            self.names(space).open(files)
        if self._is_damaged():
            files = [*self.storage.files(DOCUMENTS), *self.storage.files(WEIGHTS)]
            self._protected = frozenset(file.partition(".")[0] for file in files)
        with suppress(StoreReadOnly):
            self._sweep()

    def names(self, space: str) -> Names:
        """Return the names of a space."""
        with self.lock:
            return self._names.setdefault(space, Names(self.storage, self.lock, space))

    def _is_damaged(self) -> bool:
        with self.lock:
            return any(names.damaged for names in self._names.values())

    def sweep_once_whole(self) -> None:
        """Remove what damaged names may have pointed to, once none is left."""
        if self._protected:
            self._sweep()

    def _sweep(self) -> None:
        """Remove unreferenced objects, once no name is damaged; in a remote store another service may yet use them."""
        if self._is_damaged():
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

    def _entries(self) -> Iterator[Entry]:
        """Yield the entries of all spaces."""
        with self.lock:
            spaces = list(self._names.values())
        return (entry for names in spaces for entry in names.all())

    def model_count(self) -> int:
        """Return the number of names in all spaces."""
        return sum(1 for _ in self._entries())

    def _is_unreferenced(self, document: str) -> bool:
        """Whether no name points to a document, and no damaged one may."""
        return document not in self._protected and all(entry.object != document for entry in self._entries())

    def points_to(self, weights: str) -> bool:
        """Whether a name has these weights, or a damaged one may have them."""
        return weights in self._protected or any(entry.weights == weights for entry in self._entries())
