"""Translation of file system errors into our own: the only place that reads errno."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from models.errors import LayerscopeError, StoreFull, StoreReadOnly, StoreUnreachable

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
"""Error numbers of a full disk or quota."""
READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)
"""Error numbers of a file system that refuses writes."""
CALLER_ERRORS = (FileNotFoundError, IsADirectoryError, NotADirectoryError)
"""Errors about the requested file rather than the file system."""


class ObjectDamaged(Exception):
    """The object stored under a digest cannot be used; the message continues a sentence about a model."""


def refusal(error: OSError) -> LayerscopeError | None:
    """Return the refusal behind a failed write; None if it is another error."""
    if error.errno in NO_ROOM:
        return StoreFull()
    return StoreReadOnly() if error.errno in READ_ONLY or isinstance(error, PermissionError) else None


@contextmanager
def writing() -> Iterator[None]:
    """Translate refused writes in the block.

    Raises:
        StoreFull, StoreReadOnly: it was refused.
    """
    try:
        yield
    except OSError as error:
        refused = refusal(error)
        if refused is None:
            raise
        raise refused from error


@contextmanager
def remote_errors() -> Iterator[None]:
    """Translate errors of a remote file system in the block.

    Raises:
        StoreUnreachable: it failed.
    """
    try:
        yield
    except (LayerscopeError, PermissionError, *CALLER_ERRORS):
        raise
    except Exception as error:
        raise StoreUnreachable() from error
