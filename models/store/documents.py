"""Stored documents: immutable files under their digest, verified on every read, with a cache of parsed documents."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from threading import RLock

import orjson

from models.documents.document import Document
from models.errors import InvalidDocument
from models.networks.expansion import expand
from models.reading.parse import parse_document
from models.store.errors import ObjectDamaged
from models.store.storage import Storage

FOLDER = "objects"
SUFFIX = ".json"
KEPT_DOCUMENTS = 512
"""Most parsed documents kept in memory."""
KEPT_NODES = 50_000
"""Most layer calls in the documents that are kept; each takes about 2 kB."""


class DocumentObjects:
    """The documents of one storage; `lock` is held while memory changes. `is_unreferenced` returns whether no name
    points to a digest.
    """

    def __init__(self, storage: Storage, is_unreferenced: Callable[[str], bool], lock: RLock) -> None:
        self._storage, self._is_unreferenced, self._lock = storage, is_unreferenced, lock
        self._parsed: dict[str, Document] = {}

    def cached(self, digest: str) -> Document | None:
        """Return a document that is in memory."""
        return self._parsed.get(digest)

    def get(self, digest: str) -> Document:
        """Return a document.

        Raises:
            ObjectDamaged: it is missing, its bytes do not match the digest, or another version wrote it.
        """
        document = self._parsed.get(digest)
        if document is None:
            document = self._parse(self._read_verified(digest))
            self._cache(digest, document)
        return document

    def _parse(self, data: bytes) -> Document:
        try:
            return parse_document(orjson.loads(data))
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

    def add(self, digest: str, data: bytes, document: Document) -> None:
        """Store a document, unless it is already stored intact."""
        if self._read(digest) != data:
            self._storage.write(data, FOLDER, digest + SUFFIX)
        self._cache(digest, document)

    def forget(self, digest: str) -> None:
        """Remove a document that no name points to."""
        if self._is_unreferenced(digest):
            with self._lock:
                self._parsed.pop(digest, None)
            self._storage.remove(FOLDER, digest + SUFFIX)

    def sweep(self) -> None:
        """Remove documents that a dead process stored and no name points to."""
        for file in self._storage.files(FOLDER):
            self.forget(file.removesuffix(SUFFIX))

    def _cache(self, digest: str, document: Document) -> None:
        with self._lock:
            self._parsed[digest] = document
            while len(self._parsed) > 1 and self._is_over_limit():
                self._parsed.pop(next(iter(self._parsed)))

    def _is_over_limit(self) -> bool:
        nodes = sum(len(expand(document).nodes) for document in self._parsed.values())
        return len(self._parsed) > KEPT_DOCUMENTS or nodes > KEPT_NODES
