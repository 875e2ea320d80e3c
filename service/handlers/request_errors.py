"""Errors of a model, with pointers and addresses as the request has them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from fastapi import Request

from models.errors import InvalidDocument, UnknownAddress
from service.options.query import as_in_url
from service.registry.model import Model

SIDES = re.compile(r"^/[ab](?=/|$)")
"""A pointer into a side of a comparison, as engines point to it; none into a document begins so."""


@contextmanager
def errors_in_request(request: Request, model: Model, other: Model | None = None) -> Iterator[None]:
    """Point errors of the document in the block into the request, and encode suggested addresses as its URL needs. In a
    comparison with the `other` model, those under `/b` are of that.
    """
    try:
        yield
    except InvalidDocument as error:
        is_other = any(problem.pointer.startswith("/b") for problem in error.problems)
        raise (other if other is not None and is_other else model).remap(_without_side(error)) from None
    except UnknownAddress as error:
        raise as_in_url(request, error) from None


def _without_side(error: InvalidDocument) -> InvalidDocument:
    problems = [replace(problem, pointer=SIDES.sub("", problem.pointer)) for problem in error.problems]
    return InvalidDocument(error.detail, problems)
