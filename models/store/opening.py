"""Opening of the model store, with errors for the operator."""

from __future__ import annotations

from models.errors import StoreUnreachable
from models.store.sharing import Sharing
from models.store.store import ModelStore


def open_store(url: str, sharing: Sharing | None = None) -> ModelStore:
    """Open the store at a folder or fsspec URL; with `sharing` one that other instances use, too.

    Raises:
        OSError: in one line, whatever the file system reported.
    """
    try:
        store = ModelStore(url, sharing)
        store.open()
    except Exception as error:  # every file system has errors of its own
        raise OSError(f"the store {url} cannot be opened: {_reason(error)}") from error
    return store


def _reason(error: BaseException) -> str:
    """Return the file system's own error message, on one line."""
    cause = error.__cause__ if isinstance(error, StoreUnreachable) and error.__cause__ else error
    return " ".join(str(cause).split())[:300] or type(cause).__name__
