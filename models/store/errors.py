"""What a file system says, as errors of ours: the only place that reads its numbers."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from models.errors import LayerscopeError, StoreFull, StoreReadOnly, StoreUnreachable

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)
OF_THE_CALLER = (FileNotFoundError, IsADirectoryError, NotADirectoryError)
"""Errors that say something about what was asked for, and nothing about the file system."""


class NotWhole(Exception):
    """What is stored under a digest cannot be used, in words that go on from the name of a model."""


def refusal(error: OSError) -> LayerscopeError | None:
    """What a file system refused to write, and why; None where it is something else."""
    if error.errno in NO_ROOM:
        return StoreFull()
    return StoreReadOnly() if error.errno in READ_ONLY or isinstance(error, PermissionError) else None


@contextmanager
def writing() -> Iterator[None]:
    """Something is written here.

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
def elsewhere() -> Iterator[None]:
    """A file system of other machines is asked, which has errors of its own.

    Raises:
        StoreUnreachable: it failed.
    """
    try:
        yield
    except (LayerscopeError, PermissionError, *OF_THE_CALLER):
        raise
    except Exception as error:
        raise StoreUnreachable() from error
