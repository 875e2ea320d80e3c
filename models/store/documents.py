"""Stored documents: immutable files under their digest, verified on every read, with a cache of parsed documents."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

import orjson

from models.errors import InvalidDocument
from models.lru_cache import LruCache
from models.networks.architecture import Architecture
from models.networks.expansion import expand
from models.networks.network import Network
from models.reading.parse import parse_document
from models.store.errors import ObjectDamaged
from models.store.storage import Storage

FOLDER = "objects"
SUFFIX = ".json"
KEPT_DOCUMENTS, KEPT_BYTES = 512, 100_000_000
"""Bounds of the cache of parsed documents, by `Architecture.nbytes`: variants for undeclared inputs included."""


class DocumentObjects:
    """The documents of one storage. `is_unreferenced` returns whether no name points to a digest; `remove` removes the
    file of one.
    """

    def __init__(
        self, storage: Storage, is_unreferenced: Callable[[str], bool], remove: Callable[[str, str], None]
    ) -> None:
        self._storage, self._is_unreferenced, self._remove = storage, is_unreferenced, remove
        self._cache: LruCache[str, Architecture] = LruCache(KEPT_DOCUMENTS, KEPT_BYTES)

    def cached(self, digest: str) -> Architecture | None:
        """Return a document that is in memory."""
        return self._cache.get(digest)

    def get(self, digest: str) -> Architecture:
        """Return a document.

        Raises:
            ObjectDamaged: it is missing, its bytes do not match the digest, or another version wrote it.
        """
        architecture = self._cache.get(digest)
        if architecture is None:
            architecture = self._parse(self._read_verified(digest))
            self._cache.add(digest, architecture, architecture.nbytes)
        return architecture

    def _parse(self, data: bytes) -> Architecture:
        try:
            document = parse_document(orjson.loads(data))
            return Architecture(document, expand(document))
        except InvalidDocument as error:
            raise ObjectDamaged(f"this version does not understand its document: {error.detail}") from None

    def _read_verified(self, digest: str) -> bytes:
        data = self._read(digest)
        if data is None:
            raise ObjectDamaged("its document is gone")
        if sha256(data).hexdigest() != digest:
            raise ObjectDamaged("its document is damaged")
        return data

    def _read(self, digest: str) -> bytes | None:
        """Return the bytes under a digest; None if they cannot be read."""
        try:
            return self._storage.read(FOLDER, digest + SUFFIX)
        except (FileNotFoundError, PermissionError, IsADirectoryError):
            return None

    def add(self, digest: str, data: bytes, network: Network) -> None:
        """Store the document of a network, unless it is already stored intact."""
        if self._read(digest) != data:
            self._storage.write(data, FOLDER, digest + SUFFIX)
        architecture = Architecture(network.document, network)
        self._cache.remove(digest)  # the latest request's source map
        self._cache.add(digest, architecture, architecture.nbytes)

    def forget(self, digest: str) -> None:
        """Remove a document that no name points to."""
        if self._is_unreferenced(digest):
            self._cache.remove(digest)
            self._remove(FOLDER, digest + SUFFIX)

    def drop(self, digest: str) -> None:
        """Drop a document from memory."""
        self._cache.remove(digest)

    def sweep(self) -> None:
        """Remove documents that a dead process stored and no name points to."""
        for file in self._storage.files(FOLDER):
            self.forget(file.removesuffix(SUFFIX))
