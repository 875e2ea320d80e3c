"""What a query may hold: the parameters that its route declares, each of them once."""

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
from models.problems import MAX_PROBLEMS, pointer_to
from service.options.activation import LAYERS, from_pairs
from service.options.habits import IN_QUERY

QUOTED = re.compile(r'"([^"]*)"')
"""An address in a suggestion."""
SAFE = "/@:*,"
"""What addresses and globs hold that a query may hold, too (RFC 3986 section 3.4)."""


async def known_query(request: Request) -> None:
    """For routes of any router: nothing that a client asks for is passed over.

    Raises:
        InvalidOption: as `check_query`.
    """
    if request.scope["query_string"]:
        check_query(request, declared(request.scope["route"]))


def check_query(request: Request, known: Sequence[str]) -> None:
    """Compares a query with the names that a route declares.

    Raises:
        InvalidOption: for a name that is not `known`, or one given twice (but `layers`, which add up).
    """
    given = from_pairs(request.query_params.multi_items())
    unknown = [name for name in given if name not in known]
    if unknown:
        habits = IN_QUERY if LAYERS in known else None
        found = [unknown_name(pointer_to([name]), name, known, None, habits, given) for name in unknown]
        raise InvalidOption("", found[:MAX_PROBLEMS])


def as_in_url(request: Request, error: UnknownAddress) -> UnknownAddress:
    """The same error; what is suggested for a selector that stood in the query can be pasted into a URL, which ends at
    a bare `#`.
    """
    asked = {f"/{name}/" for name in from_pairs(request.query_params.multi_items())}
    problems = [_in_url(one) if one.pointer[: one.pointer.find("/", 1) + 1] in asked else one for one in error.problems]
    return UnknownAddress(error.detail, problems)


def _in_url(problem: Problem) -> Problem:
    if problem.suggestion is None:
        return problem
    encoded = QUOTED.sub(lambda found: f'"{quote(found[1], safe=SAFE)}"', problem.suggestion)
    return replace(problem, suggestion=encoded + "; in a URL # is written %23" * ("%23" in encoded))


def declared(route: APIRoute) -> list[str]:
    """The names of a route's query parameters: those of its signature, and those that it reads by itself."""
    extra = (route.openapi_extra or {}).get("parameters", [])
    return [*_in_signatures(route.dependant), *(one["name"] for one in extra if one["in"] == "query")]


def _in_signatures(dependant: Dependant) -> list[str]:
    below = [name for one in dependant.dependencies for name in _in_signatures(one)]
    return [field.alias for field in dependant.query_params] + below
