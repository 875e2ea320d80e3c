"""Validation of queries: only parameters that the route declares, each of them once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from models.documents.validation import unknown_name
from models.errors import InvalidOption, Problem, UnknownAddress
from models.errors.problem import MAX_PROBLEMS, pointer_to
from service.options.activation import LAYERS, query_options
from service.options.foreign_names import IN_QUERY

QUOTED = re.compile(r'"([^"]*)"')
"""A quoted address in a suggestion."""
SAFE = "/@:*,"
"""Characters of addresses and globs that a query may contain unescaped (RFC 3986 section 3.4)."""


async def known_query(request: Request) -> None:
    """Reject unknown query parameters; a dependency for routers.

    Raises:
        InvalidOption: as `check_query`.
    """
    if request.scope["query_string"]:
        check_query(request, query_parameters(request.scope["route"]))


def check_query(request: Request, known: Sequence[str]) -> None:
    """Check a query against the parameters that a route declares.

    Raises:
        InvalidOption: for a name that is not `known`, or a repeated one (except `layers`, which accumulate).
    """
    options = query_options(request)
    unknown = [name for name in options if name not in known]
    if unknown:
        synonyms = IN_QUERY if LAYERS in known else None
        problems = [unknown_name(pointer_to([name]), name, known, None, synonyms, options) for name in unknown]
        raise InvalidOption("", problems[:MAX_PROBLEMS])


def as_in_url(request: Request, error: UnknownAddress) -> UnknownAddress:
    """Return the error with suggestions for query selectors percent-encoded, as a URL ends at a bare `#`."""
    in_query = {f"/{name}/" for name in query_options(request)}
    problems = [
        _in_url(problem) if problem.pointer[: problem.pointer.find("/", 1) + 1] in in_query else problem
        for problem in error.problems
    ]
    return UnknownAddress(error.detail, problems)


def _in_url(problem: Problem) -> Problem:
    if problem.suggestion is None:
        return problem
    encoded = QUOTED.sub(lambda match: f'"{quote(match[1], safe=SAFE)}"', problem.suggestion)
    return replace(problem, suggestion=encoded + "; in a URL # is written %23" * ("%23" in encoded))


def query_parameters(route: APIRoute) -> list[str]:
    """Return the names of a route's query parameters: of its signature, and those that it parses itself."""
    extra = (route.openapi_extra or {}).get("parameters", [])
    return [*_in_signatures(route.dependant), *(item["name"] for item in extra if item["in"] == "query")]


def _in_signatures(dependant: Dependant) -> list[str]:
    nested = [name for dependency in dependant.dependencies for name in _in_signatures(dependency)]
    return [field.alias for field in dependant.query_params] + nested
