"""Opening of the model store, with errors for the operator."""

from __future__ import annotations

from models.errors import StoreUnreachable
from models.store.fixed import ModelFolder, find_models
from models.store.sharing import Sharing
from models.store.store import ModelStore
from models.store.with_fixed import StoreWithFixed


def open_store(url: str, sharing: Sharing | None = None, fixed: ModelFolder | None = None) -> ModelStore:
    """Open the store at a folder or fsspec URL; with `sharing` one that other instances use, too; with `fixed` models
    beside it.

    Raises:
        OSError: in one line, whatever the file system reported.
    """
    try:
        store = ModelStore(url, sharing) if fixed is None else StoreWithFixed(url, sharing, fixed)
        store.open()
    except Exception as error:  # every file system has errors of its own
        raise OSError(f"the store {url} cannot be opened: {_reason(error)}") from error
    return store


def list_models(url: str) -> ModelFolder | None:
    """List the fixed models of a folder or fsspec URL; None for an empty one.

    Raises:
        OSError: in one line, whatever the file system reported.
    """
    try:
        return find_models(url) if url else None
    except Exception as error:  # every file system has errors of its own
        raise OSError(f"the models of {url} cannot be listed: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    """Return the file system's own error message, on one line."""
    cause = error.__cause__ if isinstance(error, StoreUnreachable) and error.__cause__ else error
    return " ".join(str(cause).split())[:300] or type(cause).__name__
