"""Registered models: immutable documents under their digest, and names that point to them.

    objects/<sha256 of the bytes>.json    a document, verified against its name on every read
    names/<name>.json                     {"id", "object", "created"}

Over fsspec, so a folder, `memory://` and object stores are the same to it. A write goes to a temporary
file, is synced, and is renamed into place; a process that dies on the way leaves nothing that is listed.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from threading import RLock
from typing import Any
from uuid import uuid4

import fsspec
import orjson
from fsspec.implementations.local import LocalFileSystem

from models.document import Document, canonical, parse_document
from models.errors import NotFound, Problem, did_you_mean, shown
from models.expansion import expand

KEPT_DOCUMENTS = 512
"""Parsed documents kept in memory."""


@dataclass(frozen=True)
class Entry:
    """A name and what it points to. `created` is when the name was last written, in UTC."""

    name: str
    id: str
    object: str
    created: str


class ModelStore:
    """Names and documents in one place that survives the process."""

    def __init__(self, url: str) -> None:
        self._fs, self._root = fsspec.core.url_to_fs(url, auto_mkdir=True)
        self._local = isinstance(self._fs, LocalFileSystem)
        self._entries: dict[str, Entry] = {}
        self._documents: dict[str, Document] = {}
        self._lock = RLock()

    def open(self) -> None:
        """Reads the names and removes what an interrupted write left behind."""
        for folder in ("objects", "names", "tmp"):
            self._fs.makedirs(self._path(folder), exist_ok=True)
        for path in self._fs.ls(self._path("tmp"), detail=False):
            self._fs.rm_file(path)
        for path in self._fs.ls(self._path("names"), detail=False):
            if str(path).endswith(".json"):
                entry = Entry(**orjson.loads(self._fs.cat_file(path)))
                self._entries[entry.name] = entry
        for path in self._fs.ls(self._path("objects"), detail=False):
            if str(path).rpartition("/")[2].removesuffix(".json") not in {e.object for e in self._entries.values()}:
                self._fs.rm_file(path)

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
            entry = next((one for one in self.entries() if one.id == reference), None)
        if entry is None:
            known = sorted(self._entries)
            near = did_you_mean(reference, known)
            expected = f"one of {', '.join(known[:20])}" if known else "a registered model"
            suggestion = f'use "{near}"' if near else "PUT /v1/models/{name} registers one"
            raise NotFound("", [Problem("", "there is no model of this name", expected, shown(reference), suggestion)])
        return entry

    def document(self, entry: Entry) -> Document:
        """The document of an entry.

        Raises:
            NotFound: when the entry has been removed since it was found.
            RuntimeError: when its bytes are not what their name says.
        """
        document = self._documents.get(entry.object)
        if document is None:
            with self._lock:
                document = self._read(entry)
                self._remember(entry.object, document)
        return document

    def _read(self, entry: Entry) -> Document:
        try:
            data = self._fs.cat_file(self._path("objects", f"{entry.object}.json"))
        except FileNotFoundError:
            if self._entries.get(entry.name) == entry:
                raise
            raise NotFound(f"The model {entry.name} has just been removed or replaced.") from None
        if sha256(data).hexdigest() != entry.object:
            raise RuntimeError(f"object {entry.object} is damaged")
        return parse_document(orjson.loads(data))

    def _remember(self, digest: str, document: Document) -> None:
        self._documents[digest] = document
        if len(self._documents) > KEPT_DOCUMENTS:
            self._documents.pop(next(iter(self._documents)))

    def put(self, name: str, document: Document) -> tuple[Entry, bool]:
        """Points `name` at a document; whether the name is new."""
        data = orjson.dumps(canonical(document), option=orjson.OPT_SORT_KEYS)
        digest = sha256(data).hexdigest()
        entry = Entry(name, expand(document).identity(), digest, datetime.now(UTC).isoformat(timespec="seconds"))
        with self._lock:
            if not self._fs.exists(self._path("objects", f"{digest}.json")):
                self._write(data, "objects", f"{digest}.json")
            self._write(orjson.dumps(asdict(entry)), "names", f"{name}.json")
            before = self._entries.get(name)
            self._entries[name] = entry
            self._remember(digest, document)
            if before is not None:
                self._forget_object(before.object)
        return entry, before is None

    def delete(self, reference: str) -> None:
        """Removes a name, or every name of an id, and the document when no name points to it any more."""
        with self._lock:
            found = self.find(reference)
            doomed = [found] if reference in self._entries else [e for e in self.entries() if e.id == found.id]
            for entry in doomed:
                self._fs.rm_file(self._path("names", f"{entry.name}.json"))
                del self._entries[entry.name]
                self._forget_object(entry.object)

    def _forget_object(self, digest: str) -> None:
        if all(entry.object != digest for entry in self._entries.values()):
            self._documents.pop(digest, None)
            self._fs.rm_file(self._path("objects", f"{digest}.json"))

    def _write(self, data: bytes, folder: str, file: str) -> None:
        if not self._local:
            self._fs.pipe_file(self._path(folder, file), data)
            return
        temporary = self._path("tmp", uuid4().hex)
        with open(temporary, "wb") as target:
            target.write(data)
            target.flush()
            os.fsync(target.fileno())
        os.replace(temporary, self._path(folder, file))
        _sync_folder(self._path(folder))

    def _path(self, *parts: str) -> str:
        return "/".join((self._root.rstrip("/"), *parts))


def _sync_folder(path: str) -> None:
    """A rename lasts once its folder is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def entry_json(entry: Entry) -> dict[str, Any]:
    """What a list of models says of one."""
    return {"name": entry.name, "id": entry.id, "created": entry.created}
