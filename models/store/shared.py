"""A store that several instances use: each follows the changes of the others, and none removes what another may use."""

from __future__ import annotations

import logging
import random
from contextlib import suppress
from threading import Event, Thread

from models.errors import LayerscopeError, StoreReadOnly, Superseded
from models.store.documents import FOLDER as DOCUMENTS
from models.store.documents import SUFFIX as DOCUMENT_SUFFIX
from models.store.entries import Entry
from models.store.names import FOLDER as NAMES
from models.store.names import Names, space_in
from models.store.objects import StoredObjects
from models.store.refresher import CLOSE_SECONDS, Look, Refresher, RefreshFigures
from models.store.removals import FOLDER as REMOVALS
from models.store.removals import Removals
from models.store.shared_names import NameFiles, SharedNames
from models.store.sharing import Sharing
from models.store.versioned import versioned
from models.store.weights import FOLDER as WEIGHTS
from models.store.weights import SUFFIX as WEIGHTS_SUFFIX

log = logging.getLogger("layerscope.store")

STEPS = 15
"""Steps of the removal in `Sharing.grace`."""


class SharedObjects(StoredObjects):
    """The objects and names of a shared store.

    Raises:
        ValueError: its file system has no conditional writes.
    """

    def __init__(self, url: str, sharing: Sharing) -> None:
        super().__init__(url, (REMOVALS,))
        files = versioned(self.storage)
        self._files = NameFiles(files, self.lock)
        self._removals = Removals(files, sharing.grace)
        self._refresher = Refresher(self.refresh, sharing.seconds)
        self._stopped = Event()
        self._pause = sharing.grace / STEPS
        self._cleaner = Thread(target=self._clean, name="store-cleaner", daemon=True)

    def names_of(self, space: str) -> Names:
        """As `StoredObjects.names_of`."""
        return SharedNames(self.storage, self._files, space)

    def open(self) -> None:
        """Read the names, and begin to follow them.

        Raises:
            ValueError: the file system does not honour conditional writes.
        """
        can_write = self.open_storage()
        with suppress(StoreReadOnly):
            self._files.files.check()
        self.refresh()
        self._refresher.start()
        if can_write:
            self._cleaner.start()

    def close(self) -> None:
        """Stop following."""
        self._stopped.set()
        self._refresher.stop()
        if self._cleaner.is_alive():
            self._cleaner.join(CLOSE_SECONDS)

    def refresh(self) -> None:
        """Take up what other instances have changed."""
        self._files.refresh(self.names)

    def look(self) -> Look | None:
        """As `StoredObjects.look`."""
        return self._refresher.look()

    @property
    def refreshed(self) -> RefreshFigures | None:
        """As `StoredObjects.refreshed`."""
        return self._refresher.figures

    def spare(self, names: Names, entry: Entry) -> None:
        """As `StoredObjects.spare`; it holds for half of `Sharing.grace`."""
        self._removals.spare([f"{NAMES}/{names.file(entry.name)}", *_files_of(entry)])

    def confirm(self, entry: Entry) -> None:
        """As `StoredObjects.confirm`."""
        if entry.weights and self.storage.size(WEIGHTS, entry.weights + WEIGHTS_SUFFIX) is None:
            raise Superseded(f"The weights of {entry.name} were removed from the store while they were uploaded.")

    def remove_file(self, folder: str, file: str) -> None:
        """Leave a file that no name points to any more, as far as is known here, to `Removals`."""

    def sweep_once_whole(self) -> None:
        """As `remove_file`."""

    def _clean(self) -> None:
        """Go on with the removal, until the store is closed."""
        while not self._stopped.wait(self._pause * random.uniform(0.5, 1)):  # noqa: S311 (instances do so in turns)
            try:
                self.weights.forget_copies()
                self._removals.step(self._unused, self._remove)
            except LayerscopeError as error:  # tried again; the refresher says what is wrong
                log.debug("nothing was removed: %s", error)
            except Exception:  # a defect here must not end the removal for good
                log.exception("nothing was removed")

    def _unused(self) -> set[str]:
        """Look at the store; return the files that no name points to, none while one of the names cannot be read."""
        self.refresh()
        stored = {f"{folder}/{file}" for folder in (DOCUMENTS, WEIGHTS) for file in self.storage.files(folder)}
        if self.is_damaged():
            return set()
        used = {file for entry in self.entries() for file in _files_of(entry)}
        here = {f"{WEIGHTS}/{digest}{WEIGHTS_SUFFIX}" for digest in self.weights.used()}
        return (stored - used - here) | self._removed()

    def _removed(self) -> set[str]:
        """Return the files that say that a name was removed."""
        files = ((file, self.names(space_in(file))) for file in self._files.all())
        return {f"{NAMES}/{file}" for file, names in files if not names.knows(names.name_in(file) or "")}

    def _remove(self, path: str) -> None:
        folder, _, file = path.partition("/")
        if folder == DOCUMENTS:
            self.documents.drop(file.removesuffix(DOCUMENT_SUFFIX))
        self.storage.remove(folder, file)


def _files_of(entry: Entry) -> list[str]:
    """Return what an entry points to, as `folder/file`."""
    weights = [f"{WEIGHTS}/{entry.weights}{WEIGHTS_SUFFIX}"] if entry.weights else []
    return [f"{DOCUMENTS}/{entry.object}{DOCUMENT_SUFFIX}", *weights]
