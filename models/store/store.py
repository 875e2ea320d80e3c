"""Registered models: immutable documents and weights under their digests, and names that point to them.

    objects/<sha256 of the bytes>.json            a document, verified against its name on every read
    weights/<sha256 of the bytes>.safetensors     canonical weights, verified when first used
    names/<name>.json                             {"id", "object", "created", "weights"}
    names/<space>~<name>.json                     the same of another space than the default one

A name is written last and atomically, when all that it points to is in place: whatever process dies meanwhile, every
listed model is whole. Damaged files are never run, and affect their own model only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from copy import copy
from hashlib import sha256
from pathlib import Path

import orjson

from models.documents.document import canonical
from models.errors import NotFound
from models.networks.architecture import Architecture
from models.networks.network import NO_WEIGHTS, Network
from models.store.entries import Entry, check_expected, now
from models.store.errors import ObjectDamaged
from models.store.names import DEFAULT_SPACE, damaged
from models.store.objects import StoredObjects
from models.store.refresher import Look, RefreshFigures
from models.store.scratch import Scratch
from models.store.shared import SharedObjects
from models.store.shared_names import attempts
from models.store.sharing import Sharing
from models.store.weights import WeightsObjects
from models.weights.specs import WeightsFile, WeightsToStore


class ModelStore:
    """The models of one space of a store, the default one until `in_space`. Thread-safe. All spaces share the objects;
    names, lists and ids of another space do not exist here.

    Methods that access the file system raise StoreUnreachable, StoreFull and StoreReadOnly as `Storage` does.
    """

    def __init__(self, url: str, sharing: Sharing | None = None) -> None:
        self._objects = StoredObjects(url) if sharing is None else SharedObjects(url, sharing)
        self._names = self._objects.names(DEFAULT_SPACE)

    def in_space(self, space: str) -> ModelStore:
        """Return the models of another space of the same store."""
        other = copy(self)
        other._names = self._objects.names(space)
        return other

    def open(self) -> None:
        """Read the names of all spaces, and remove what an interrupted write left behind; as `StoredObjects.open`."""
        self._objects.open()

    def close(self) -> None:
        """Remove this process' scratch files, among them copies of remote weights."""
        self._objects.close()
        self.scratch.close()

    @property
    def weights(self) -> WeightsObjects:
        """The weights of all spaces."""
        return self._objects.weights

    @property
    def scratch(self) -> Scratch:
        """The scratch folder for files to be moved into this store."""
        return self._objects.storage.scratch

    def local_folder(self, name: str) -> Path:
        """Return a folder on this machine for reproducible files: it lasts where the store is local. A read-only store
        may lack it.
        """
        storage = self._objects.storage
        folder = Path(storage.path(name)) if storage.is_local else self.scratch.path / name
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def entries(self) -> list[Entry]:
        """Return every name, sorted."""
        return sorted(self._names.all(), key=lambda entry: entry.name)

    def model_count(self) -> int:
        """Return the number of names in all spaces."""
        return self._objects.model_count()

    def nbytes(self) -> int | None:
        """Return the bytes of the files of all spaces; None where they are on another machine."""
        return self._objects.storage.nbytes()

    @property
    def is_read(self) -> bool:
        """Whether all models have been read."""
        return True

    def knows(self, reference: str) -> bool:
        """Whether there is a model of this name or id, however damaged."""
        return self._names.knows(reference)

    def has(self, entry: Entry) -> bool:
        """Whether a name has this entry."""
        return self._names.get(entry.name) == entry

    def require_changeable(self, reference: str) -> None:
        """Raise FixedModel for a name that is never changed; here there is none."""

    @property
    def damaged(self) -> Mapping[str, str]:
        """The problem of each name file that cannot be read."""
        return self._names.damaged

    def find(self, reference: str) -> Entry:
        """Return the entry of a name, or of a model id.

        Raises:
            NotFound: with the nearest name.
            ModelDamaged: the file of the name cannot be read.
        """
        return self._names.find(reference)

    def look_for(self, reference: str) -> Look | None:
        """Ask for a look at the changes of other instances, if one may have registered this name or id; None if it is
        known, or the store is not shared.
        """
        return None if self._names.knows(reference) else self._objects.look()

    @property
    def refreshed(self) -> RefreshFigures | None:
        """How the changes of other instances are followed; None if the store is not shared."""
        return self._objects.refreshed

    @contextmanager
    def using(self, reference: str) -> Iterator[Entry]:
        """Yield the entry of a name or id, whose weights stay in place until the block ends, whatever happens to the
        name. Nothing is removed at its end: see `weights.unused`.

        Raises:
            NotFound, ModelDamaged: as `find`.
        """
        with ExitStack() as stack:
            with self._objects.lock:
                entry = self.find(reference)
                if entry.weights:
                    stack.enter_context(self.weights.using(entry.weights))
            yield entry

    def architecture(self, entry: Entry) -> Architecture:
        """Return the architecture of an entry.

        Raises:
            NotFound: the entry has been removed since it was found.
            ModelDamaged: its bytes are missing, or do not match their digest.
        """
        try:
            return self._objects.documents.get(entry.object)
        except ObjectDamaged as error:
            if self.has(entry):
                raise damaged(entry.name, str(error)) from None
            raise NotFound(f"The model {entry.name} has just been removed or replaced.") from None

    def cached(self, entry: Entry) -> tuple[Architecture, WeightsFile | None] | None:
        """Return the architecture and weights of an entry if no file must be read for them. Call inside `using`."""
        architecture, weights = self._objects.documents.cached(entry.object), None
        if entry.weights:
            weights = self.weights.verified(entry.weights)
        return None if architecture is None or (entry.weights and weights is None) else (architecture, weights)

    def local_weights(self, entry: Entry) -> WeightsFile | None:
        """Return the entry's weights as a file on this machine; None if they follow from the seed.

        Call inside `using`, which keeps the file there. Reads all of it the first time.

        Raises:
            ModelDamaged: its bytes are missing, or do not match their digest.
        """
        if not entry.weights:
            return None
        try:
            return self.weights.local(entry.weights)
        except ObjectDamaged as error:
            raise damaged(entry.name, str(error)) from None

    def put(self, name: str, network: Network, weights: WeightsToStore | None = None,
            expected: Entry | None = None) -> tuple[Entry, bool]:  # fmt: skip
        """Point `name` at the document of a network and its weights; returns whether the name is new.

        The weights file is moved into the store. A name that had weights and is put without has those of its seed.

        Raises:
            NotFound, Superseded: the name no longer points to what was `expected`.
        """
        if weights is None:
            return self._put(name, network, None, expected)
        try:
            with self.weights.using(weights.digest):
                self.weights.add(weights)  # which may take long
                return self._put(name, network, weights, expected)
        finally:
            if not self._objects.points_to(weights.digest):  # the put was refused, or the name is already removed
                self.weights.forget(weights.digest)

    def _put(
        self, name: str, network: Network, weights: WeightsToStore | None, expected: Entry | None
    ) -> tuple[Entry, bool]:
        data = orjson.dumps(canonical(network.document), option=orjson.OPT_SORT_KEYS)
        digest = weights.digest if weights is not None else NO_WEIGHTS
        entry = Entry(name, network.identity(digest), sha256(data).hexdigest(), now(), digest)
        with self._objects.writing:
            for _ in attempts(name):
                before, version = self._names.current(name)
                check_expected(name, before, expected)
                self._objects.spare(self._names, entry)
                if weights is not None:
                    self.weights.add(weights)  # may have been removed with the last name that pointed to it
                self._objects.documents.add(entry.object, data, network)
                self._objects.confirm(entry)
                if self._names.write(entry, version):
                    break
            if before is not None:
                self._objects.forget(before)
            self._objects.sweep_once_whole()
        return entry, before is None

    def delete(self, reference: str) -> None:
        """Remove a name, or every name of an id, and the objects that no name points to any more.

        Raises:
            NotFound: as `find`.
        """
        with self._objects.writing:
            names = self._names.resolve(reference)
            for name in names:
                entry = self._names.remove(name, reference if names != [reference] else None)
                if entry is not None:
                    self._objects.forget(entry)
            self._objects.sweep_once_whole()
