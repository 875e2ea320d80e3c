"""What a query may hold: the parameters that its route declares, each of them once."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from models.errors import InvalidOption
from models.validation import MAX_PROBLEMS, pointer_to, unknown_name
from service.options import from_pairs


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
        raise InvalidOption("", [unknown_name(pointer_to([name]), name, known) for name in unknown[:MAX_PROBLEMS]])


def declared(route: APIRoute) -> list[str]:
    """The names of a route's query parameters: those of its signature, and those that it reads by itself."""
    extra = (route.openapi_extra or {}).get("parameters", [])
    return [*_in_signatures(route.dependant), *(one["name"] for one in extra if one["in"] == "query")]


def _in_signatures(dependant: Dependant) -> list[str]:
    below = [name for one in dependant.dependencies for name in _in_signatures(one)]
    return [field.alias for field in dependant.query_params] + below
