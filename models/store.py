"""Registered models: immutable documents and weights under their digests, and names that point to them.

    objects/<sha256 of the bytes>.json            a document, verified against its name on every read
    weights/<sha256 of the bytes>.safetensors     canonical weights, verified when first used
    names/<name>.json                             {"id", "object", "created", "weights"}

A name is written last and at once, when all that it points to is in place: whatever dies on the way, every listed
model is whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from threading import RLock

import orjson

from models.document import Document, canonical, parse_document
from models.entries import Entry, check_expected, now
from models.errors import NotFound, Problem, did_you_mean, shown
from models.expansion import expand
from models.network import NO_WEIGHTS, Network
from models.scratch import Scratch
from models.storage import Storage
from models.weights.objects import FOLDER, WeightsObjects
from models.weights.specs import GivenWeights, WeightsFile

KEPT_DOCUMENTS = 512
"""Parsed documents kept in memory."""
KEPT_NODES = 50_000
"""Calls of layers in the documents that are kept; each takes some 2 kB."""


class ModelStore:
    """Names, documents and weights in one place that survives the process. Safe to use from several threads."""

    def __init__(self, url: str) -> None:
        self._storage = Storage(url, ("objects", "names", FOLDER))
        self._lock = RLock()  # of what is in memory: held for moments, also by the event loop
        self._writing = RLock()  # of what is stored: one writer at a time, however long its file system takes
        self._entries: dict[str, Entry] = {}
        self._documents: dict[str, Document] = {}
        self.weights = WeightsObjects(self._storage, self.points_to, self._lock, self._writing)

    def open(self) -> None:
        """Reads the names, and removes what an interrupted write left behind."""
        self._storage.open()
        for file in self._storage.files("names"):
            if file.endswith(".json"):
                entry = Entry(**orjson.loads(self._storage.read("names", file)))
                self._entries[entry.name] = entry
        if self._storage.is_local:  # elsewhere another service may be just about to point to it
            self._sweep()

    def close(self) -> None:
        """Removes this process' scratch files, among them copies of weights that lie elsewhere."""
        self._storage.scratch.close()

    @property
    def scratch(self) -> Scratch:
        """Where files on their way to this store may lie."""
        return self._storage.scratch

    def local_folder(self, name: str) -> Path:
        """A folder on this machine for what can be had again: it lasts where the store is local."""
        folder = Path(self._storage.path(name)) if self._storage.is_local else self.scratch.path / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _sweep(self) -> None:
        """Removes what nobody points to."""
        for file in self._storage.files("objects"):
            self._forget_document(file.removesuffix(".json"))
        self.weights.sweep()

    def entries(self) -> list[Entry]:
        """Every name, sorted."""
        return sorted(self._entries.copy().values(), key=lambda entry: entry.name)

    def find(self, reference: str) -> Entry:
        """The entry of a name, or of a model id.

        Raises:
            NotFound: with the nearest name.
        """
        entry = self._entries.get(reference)
        if entry is None and reference.startswith("sha256:"):
            entry = next((known for known in self.entries() if known.id == reference), None)
        if entry is None:
            names = [known.name for known in self.entries()]
            near = did_you_mean(reference, names)
            expected = f"one of {', '.join(names[:20])}" if names else "a registered model"
            suggestion = f'use "{near}"' if near else "PUT /v1/models/{name} registers one"
            raise NotFound("", [Problem("", "there is no model of this name", expected, shown(reference), suggestion)])
        return entry

    @contextmanager
    def using(self, reference: str) -> Iterator[Entry]:
        """The entry of a name or id, whose weights stay in place until the block ends, whatever the name then means.
        Nothing is removed at its end: see `weights.unused`.

        Raises:
            NotFound: as `find`.
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
            RuntimeError: when its bytes are not what their name says.
        """
        document = self._documents.get(entry.object)
        if document is None:
            document = self._read(entry)
            self._remember(entry.object, document)
        return document

    def at_hand(self, entry: Entry) -> tuple[Document, WeightsFile | None] | None:
        """The document and weights of an entry, where nothing has to be read for them. Ask inside `using`."""
        document, weights = self._documents.get(entry.object), None
        if entry.weights:
            weights = self.weights.verified(entry.weights)
        return None if document is None or (entry.weights and weights is None) else (document, weights)

    def _read(self, entry: Entry) -> Document:
        try:
            data = self._storage.read("objects", f"{entry.object}.json")
        except FileNotFoundError:
            if self._entries.get(entry.name) == entry:
                raise
            raise NotFound(f"The model {entry.name} has just been removed or replaced.") from None
        if sha256(data).hexdigest() != entry.object:
            raise RuntimeError(f"object {entry.object} is damaged")
        return parse_document(orjson.loads(data))

    def local_weights(self, entry: Entry) -> WeightsFile | None:
        """The entry's weights as a file on this machine; None when they follow from the seed.

        Ask inside `using`, which keeps the file there. Reads all of it the first time.

        Raises:
            RuntimeError: when its bytes are not what their name says.
        """
        return self.weights.local(entry.weights) if entry.weights else None

    def put(self, name: str, network: Network, weights: GivenWeights | None = None,
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
        self, name: str, network: Network, weights: GivenWeights | None, expected: Entry | None
    ) -> tuple[Entry, bool]:
        data = orjson.dumps(canonical(network.document), option=orjson.OPT_SORT_KEYS)
        digest = weights.digest if weights is not None else NO_WEIGHTS
        entry = Entry(name, network.identity(digest), sha256(data).hexdigest(), now(), digest)
        with self._writing:
            before = self._entries.get(name)
            check_expected(name, before, expected)
            if weights is not None:
                self.weights.add(weights)  # what was there before may have gone with the last that pointed to it
            if not self._storage.exists("objects", f"{entry.object}.json"):
                self._storage.write(data, "objects", f"{entry.object}.json")
            self._storage.write(orjson.dumps(asdict(entry)), "names", f"{name}.json")
            with self._lock:
                self._entries[name] = entry
            self._remember(entry.object, network.document)
            if before is not None:
                self._forget(before)
        return entry, before is None

    def delete(self, reference: str) -> None:
        """Removes a name, or every name of an id, and what no name points to any more.

        Raises:
            NotFound: as `find`.
        """
        with self._writing:
            found = self.find(reference)
            doomed = [found] if reference in self._entries else [e for e in self.entries() if e.id == found.id]
            for entry in doomed:
                self._storage.remove("names", f"{entry.name}.json")
                with self._lock:
                    del self._entries[entry.name]
                self._forget(entry)

    def _forget(self, entry: Entry) -> None:
        self._forget_document(entry.object)
        if entry.weights:
            self.weights.forget(entry.weights)

    def _forget_document(self, digest: str) -> None:
        if all(entry.object != digest for entry in self._entries.values()):
            with self._lock:
                self._documents.pop(digest, None)
            self._storage.remove("objects", f"{digest}.json")

    def points_to(self, weights: str) -> bool:
        """Whether a name has these weights."""
        return any(entry.weights == weights for entry in self._entries.copy().values())

    def _remember(self, digest: str, document: Document) -> None:
        with self._lock:
            self._documents[digest] = document
            while len(self._documents) > 1 and self._is_too_much():
                self._documents.pop(next(iter(self._documents)))

    def _is_too_much(self) -> bool:
        nodes = sum(len(expand(document).nodes) for document in self._documents.values())
        return len(self._documents) > KEPT_DOCUMENTS or nodes > KEPT_NODES


def open_store(url: str) -> ModelStore:
    """The store at a folder or fsspec URL.

    Raises:
        OSError: in one line, whatever the file system said.
    """
    try:
        store = ModelStore(url)
        store.open()
    except Exception as error:  # every file system has errors of its own
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise OSError(f"the store {url} cannot be opened: {reason}") from error
    return store
