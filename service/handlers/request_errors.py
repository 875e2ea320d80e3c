"""Errors of a model, with pointers and addresses as the request has them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import Request

from models.errors import InvalidDocument, UnknownAddress
from service.options.query import as_in_url
from service.registry.model import Model


@contextmanager
def errors_in_request(request: Request, model: Model) -> Iterator[None]:
    """Point errors of the document in the block into the request, and encode suggested addresses as its URL needs."""
    try:
        yield
    except InvalidDocument as error:
        raise model.remap(error) from None
    except UnknownAddress as error:
        raise as_in_url(request, error) from None
