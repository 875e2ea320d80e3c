"""Registered models: immutable documents and weights under their digests, and names that point to them.

    objects/<sha256 of the bytes>.json            a document, verified against its name on every read
    weights/<sha256 of the bytes>.safetensors     canonical weights, verified when first used
    names/<name>.json                             {"id", "object", "created", "weights"}

A name is written last and at once, when all that it points to is in place: whatever dies on the way, every listed
model is whole. What is damaged all the same is never run, and costs its own model alone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from threading import RLock

import orjson

from models.documents.document import Document, canonical
from models.errors import NotFound, StoreReadOnly, StoreUnreachable
from models.networks.network import NO_WEIGHTS, Network
from models.store.documents import FOLDER as DOCUMENTS
from models.store.documents import DocumentObjects
from models.store.entries import Entry, check_expected, now
from models.store.errors import NotWhole
from models.store.names import FOLDER as NAMES
from models.store.names import Names, damaged
from models.store.scratch import Scratch
from models.store.storage import Storage
from models.store.weights import FOLDER as WEIGHTS
from models.store.weights import WeightsObjects
from models.weights.specs import WeightsFile, WeightsToStore

log = logging.getLogger("layerscope.store")


class ModelStore:
    """Names, documents and weights in one place that survives the process. Safe to use from several threads.

    Every method that asks the place raises StoreUnreachable, StoreFull and StoreReadOnly as `Storage` does.
    """

    def __init__(self, url: str) -> None:
        self._storage = Storage(url, (DOCUMENTS, NAMES, WEIGHTS))
        self._lock = RLock()  # of what is in memory: held for moments, also by the event loop
        self._writing = RLock()  # of what is stored: one writer at a time, however long its file system takes
        self._names = Names(self._storage, self._lock)
        self._kept: frozenset[str] = frozenset()  # what damaged names may point to, by digest
        self._documents = DocumentObjects(self._storage, self._may_go, self._lock)
        self.weights = WeightsObjects(self._storage, self.points_to, self._lock, self._writing)

    def open(self) -> None:
        """Reads the names, and removes what an interrupted write left behind. One that is there may be read-only."""
        try:
            self._storage.open()
        except StoreReadOnly as refused:
            if not self._storage.has(NAMES):
                raise (refused.__cause__ or refused) from None
            log.warning("the store is read-only: its models are run, and none is registered or removed")
        self._names.open()
        if self.damaged:
            files = (*self._storage.files(DOCUMENTS), *self._storage.files(WEIGHTS))
            self._kept = frozenset(file.partition(".")[0] for file in files)
        with suppress(StoreReadOnly):
            self._sweep()

    def _sweep(self) -> None:
        """Removes what nobody points to, once no damaged name may. Elsewhere another service may be about to."""
        if self.damaged:
            return
        self._kept = frozenset()
        if self._storage.is_local:
            self._documents.sweep()
            self.weights.sweep()

    def close(self) -> None:
        """Removes this process' scratch files, among them copies of weights that lie elsewhere."""
        self._storage.scratch.close()

    @property
    def scratch(self) -> Scratch:
        """Where files on their way to this store may lie."""
        return self._storage.scratch

    def local_folder(self, name: str) -> Path:
        """A folder on this machine for what can be had again: it lasts where the store is local. A read-only store may
        lack it.
        """
        folder = Path(self._storage.path(name)) if self._storage.is_local else self.scratch.path / name
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def entries(self) -> list[Entry]:
        """Every name, sorted."""
        return sorted(self._names.all(), key=lambda entry: entry.name)

    @property
    def damaged(self) -> Mapping[str, str]:
        """What is wrong with the file of each name that cannot be read."""
        return self._names.damaged

    def find(self, reference: str) -> Entry:
        """The entry of a name, or of a model id.

        Raises:
            NotFound: with the nearest name.
            ModelDamaged: the file of the name cannot be read.
        """
        return self._names.find(reference)

    @contextmanager
    def using(self, reference: str) -> Iterator[Entry]:
        """The entry of a name or id, whose weights stay in place until the block ends, whatever the name then means.
        Nothing is removed at its end: see `weights.unused`.

        Raises:
            NotFound, ModelDamaged: as `find`.
        """
        with ExitStack() as kept:
            with self._lock:
                entry = self.find(reference)
                if entry.weights:
                    kept.enter_context(self.weights.using(entry.weights))
            yield entry

    def document(self, entry: Entry) -> Document:
        """The document of an entry.

        Raises:
            NotFound: when the entry has been removed since it was found.
            ModelDamaged: when its bytes are gone, or are not what their name says.
        """
        try:
            return self._documents.get(entry.object)
        except NotWhole as error:
            if self._names.get(entry.name) == entry:
                raise damaged(entry.name, str(error)) from None
            raise NotFound(f"The model {entry.name} has just been removed or replaced.") from None

    def cached(self, entry: Entry) -> tuple[Document, WeightsFile | None] | None:
        """The document and weights of an entry, where nothing has to be read for them. Ask inside `using`."""
        document, weights = self._documents.cached(entry.object), None
        if entry.weights:
            weights = self.weights.verified(entry.weights)
        return None if document is None or (entry.weights and weights is None) else (document, weights)

    def local_weights(self, entry: Entry) -> WeightsFile | None:
        """The entry's weights as a file on this machine; None when they follow from the seed.

        Ask inside `using`, which keeps the file there. Reads all of it the first time.

        Raises:
            ModelDamaged: when its bytes are gone, or are not what their name says.
        """
        if not entry.weights:
            return None
        try:
            return self.weights.local(entry.weights)
        except NotWhole as error:
            raise damaged(entry.name, str(error)) from None

    def put(self, name: str, network: Network, weights: WeightsToStore | None = None,
            expected: Entry | None = None) -> tuple[Entry, bool]:  # fmt: skip
        """Points `name` at the document of a network and its weights; whether the name is new.

        The file of weights is moved into the store. A name that had weights and is put without has those of its seed.

        Raises:
            NotFound, Superseded: the name does not point to what was `expected` any more.
        """
        if weights is None:
            return self._put(name, network, None, expected)
        try:
            with self.weights.using(weights.digest):
                self.weights.add(weights)
                return self._put(name, network, weights, expected)
        finally:
            if not self.points_to(weights.digest):  # it was refused, or the name is gone already
                self.weights.forget(weights.digest)

    def _put(
        self, name: str, network: Network, weights: WeightsToStore | None, expected: Entry | None
    ) -> tuple[Entry, bool]:
        data = orjson.dumps(canonical(network.document), option=orjson.OPT_SORT_KEYS)
        digest = weights.digest if weights is not None else NO_WEIGHTS
        entry = Entry(name, network.identity(digest), sha256(data).hexdigest(), now(), digest)
        with self._writing:
            before = self._names.get(name)
            check_expected(name, before, expected)
            if weights is not None:
                self.weights.add(weights)  # what was there before may have gone with the last that pointed to it
            self._documents.add(entry.object, data, network.document)
            self._names.write(entry)
            if before is not None:
                self._forget(before)
            if self._kept:
                self._sweep()
        return entry, before is None

    def delete(self, reference: str) -> None:
        """Removes a name, or every name of an id, and what no name points to any more.

        Raises:
            NotFound: as `find`.
        """
        with self._writing:
            for name in self._names.meant(reference):
                entry = self._names.get(name)
                self._names.remove(name)
                if entry is not None:
                    self._forget(entry)
            if self._kept:
                self._sweep()

    def _forget(self, entry: Entry) -> None:
        self._documents.forget(entry.object)
        if entry.weights:
            self.weights.forget(entry.weights)

    def _may_go(self, document: str) -> bool:
        """Whether no name points to a document, and no damaged one may."""
        return document not in self._kept and all(entry.object != document for entry in self._names.all())

    def points_to(self, weights: str) -> bool:
        """Whether a name has these weights, or a damaged one may have them."""
        return weights in self._kept or any(entry.weights == weights for entry in self._names.all())


def open_store(url: str) -> ModelStore:
    """The store at a folder or fsspec URL.

    Raises:
        OSError: in one line, whatever the file system said.
    """
    try:
        store = ModelStore(url)
        store.open()
    except Exception as error:  # every file system has errors of its own
        raise OSError(f"the store {url} cannot be opened: {_reason(error)}") from error
    return store


def _reason(error: BaseException) -> str:
    """Why a file system does not answer, in its own words, on one line."""
    said = error.__cause__ if isinstance(error, StoreUnreachable) and error.__cause__ else error
    return " ".join(str(said).split())[:300] or type(said).__name__
