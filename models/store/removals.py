"""Removal of files that no name points to from a store of several instances.

An instance that finds such files announces them in a list, which is itself changed by compare-and-swap. Whoever is
about to point to one of them strikes it out first. Once the list is `grace` old, any instance looks at the names a
second time, commits what is still unused, and removes it; a committed file is written again only after that.

A name is thus never left without its file, provided that a change that began before the announcement names what it has
written within `grace`, and a committed list is worked off within half of it. Only durations are compared, no clocks.
A process that uses a file of a name that was removed meanwhile has `grace` for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from uuid import uuid4

import orjson

from models.errors import StoreUnreachable
from models.store.versioned import Changed, Version, VersionedFiles

FOLDER, FILE = "removals", "list.json"
MOST = 1000
"""Files of one list, so that a committed one is short."""
WAIT_SECONDS, POLL = 30.0, 0.05
"""For the end of a removal that has been committed."""


@dataclass(frozen=True)
class RemovalList:
    """Files to be removed, as `folder/file`. `nonce` changes when it is announced or committed, not by what is struck
    out.
    """

    files: tuple[str, ...] = ()
    committed: bool = False
    nonce: str = ""

    def without(self, files: Iterable[str]) -> RemovalList:
        """Return the list without some files."""
        return replace(self, files=tuple(sorted(set(self.files) - set(files))))


class Removals:
    """The list of a store, as one instance sees it."""

    def __init__(self, files: VersionedFiles, grace: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._files, self._grace, self._clock = files, grace, clock
        self._seen = ""
        self._since = 0.0

    def spare(self, files: Iterable[str]) -> None:
        """Strike files out of the list; those whose removal is committed may be written again when this returns.

        Raises:
            StoreUnreachable: a removal does not end.
        """
        wanted, end = set(files), time.monotonic() + WAIT_SECONDS
        while True:
            listed, version = self._read()
            if wanted.isdisjoint(listed.files):
                return
            if not listed.committed:
                self._swap(listed.without(wanted), version)
            elif time.monotonic() > end:
                raise StoreUnreachable("Another instance is removing a file of this model, and does not end.")
            else:
                time.sleep(POLL)

    def step(self, unused: Callable[[], set[str]], remove: Callable[[str], None]) -> None:
        """Go on with the removal. `unused` looks at the store and returns files that no name points to."""
        listed, version = self._read()
        if not listed.files:
            if files := unused():
                self._swap(RemovalList(tuple(sorted(files)[:MOST]), nonce=uuid4().hex), version)
        elif listed.nonce != self._seen:
            self._seen, self._since = listed.nonce, self._clock()
        elif self._clock() - self._since >= self._grace:
            still = tuple(sorted(unused() & set(listed.files)))
            self._remove(RemovalList(still, committed=True, nonce=uuid4().hex), version, remove)

    def _remove(self, committed: RemovalList, version: Version | None, remove: Callable[[str], None]) -> None:
        """Commit a list and remove its files, unless another instance does or one was struck out."""
        ours = self._swap(committed, version)
        if ours is None:
            return
        end = self._clock() + self._grace / 2
        for file in committed.files:
            if self._clock() > end:  # the others take the list for abandoned soon
                return
            remove(file)
        self._swap(RemovalList(), ours)

    def _read(self) -> tuple[RemovalList, Version | None]:
        try:
            data, version = self._files.read(FOLDER, FILE)
        except FileNotFoundError:
            return RemovalList(), None
        try:
            raw = orjson.loads(data)
            return RemovalList(tuple(raw["files"]), raw["committed"], raw["nonce"]), version
        except (ValueError, KeyError, TypeError):  # somebody has edited it: the next announcement replaces it
            return RemovalList(), version

    def _swap(self, listed: RemovalList, version: Version | None) -> Version | None:
        """Write the list if it is still of this version, and return its new one."""
        try:
            return self._files.write(orjson.dumps(asdict(listed)), FOLDER, FILE, version)
        except Changed:
            return None
