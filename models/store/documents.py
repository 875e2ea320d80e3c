"""Stored documents: immutable files under their digest, verified on every read, the latest kept parsed in memory."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from threading import RLock

import orjson

from models.documents.document import Document
from models.errors import InvalidDocument
from models.networks.expansion import expand
from models.reading.parse import parse_document
from models.store.errors import NotWhole
from models.store.storage import Storage

FOLDER = "objects"
SUFFIX = ".json"
KEPT_DOCUMENTS = 512
"""Parsed documents kept in memory."""
KEPT_NODES = 50_000
"""Calls of layers in the documents that are kept; each takes some 2 kB."""


class DocumentObjects:
    """The documents of one storage; `lock` is held while memory changes. `may_go` tells whether nothing points to a
    digest any more.
    """

    def __init__(self, storage: Storage, may_go: Callable[[str], bool], lock: RLock) -> None:
        self._storage, self._may_go, self._lock = storage, may_go, lock
        self._parsed: dict[str, Document] = {}

    def cached(self, digest: str) -> Document | None:
        """A document that is in memory."""
        return self._parsed.get(digest)

    def get(self, digest: str) -> Document:
        """A document.

        Raises:
            NotWhole: it is gone, its bytes are not those of the digest, or another version wrote it.
        """
        document = self._parsed.get(digest)
        if document is None:
            document = self._parse(self._verified(digest))
            self._remember(digest, document)
        return document

    def _parse(self, data: bytes) -> Document:
        try:
            return parse_document(orjson.loads(data))
        except InvalidDocument as error:
            raise NotWhole(f"this version does not understand its document: {error.detail}") from None

    def _verified(self, digest: str) -> bytes:
        data = self._stored(digest)
        if data is None:
            raise NotWhole("its document is gone")
        if sha256(data).hexdigest() != digest:
            raise NotWhole("its document is damaged")
        return data

    def _stored(self, digest: str) -> bytes | None:
        """The bytes under a digest; None where there are none to be read."""
        try:
            return self._storage.read(FOLDER, digest + SUFFIX)
        except (FileNotFoundError, PermissionError, IsADirectoryError):
            return None

    def add(self, digest: str, data: bytes, document: Document) -> None:
        """Stores a document, unless it is there already, whole."""
        if self._stored(digest) != data:
            self._storage.write(data, FOLDER, digest + SUFFIX)
        self._remember(digest, document)

    def forget(self, digest: str) -> None:
        """Removes a document that nothing points to any more."""
        if self._may_go(digest):
            with self._lock:
                self._parsed.pop(digest, None)
            self._storage.remove(FOLDER, digest + SUFFIX)

    def sweep(self) -> None:
        """Removes what a process that died had stored and nobody points to."""
        for file in self._storage.files(FOLDER):
            self.forget(file.removesuffix(SUFFIX))

    def _remember(self, digest: str, document: Document) -> None:
        with self._lock:
            self._parsed[digest] = document
            while len(self._parsed) > 1 and self._is_too_much():
                self._parsed.pop(next(iter(self._parsed)))

    def _is_too_much(self) -> bool:
        nodes = sum(len(expand(document).nodes) for document in self._parsed.values())
        return len(self._parsed) > KEPT_DOCUMENTS or nodes > KEPT_NODES
