"""Fast path for routes called thousands of times a second, without FastAPI's dependency resolution."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from models.lru_cache import LruCache
from service.errors.dialect import dialect_of_path
from service.options.query import check_query, known_query, query_parameters
from service.state import state_of

MAX_CACHED_QUERIES, MAX_CACHED_BYTES = 256, 1 << 20
"""Most queries that a route caches as valid, and their bytes."""


class FastRoute(Route):
    """Route whose endpoint takes only the request, the state and, by name, its path parameters.

    It precedes FastAPI's own route, which documents it and handles other methods; it saves 150 µs of CPU time.

    Raises:
        TypeError: the endpoint takes anything else, which would be left out.
    """

    def __init__(self, documented: APIRoute, bypassed: Collection[Callable[..., Any]] = ()) -> None:
        check_signature(documented, {known_query, state_of, *bypassed})
        super().__init__(documented.path, self._call, methods=documented.methods)
        self.app = self._respond  # without Route's own exception handlers: those of the application are the same
        self._documented = documented
        self._checks_query = dialect_of_path(documented.path).checks_queries
        self._known = query_parameters(documented)
        self._checked: LruCache[bytes, bool] = LruCache(MAX_CACHED_QUERIES, MAX_CACHED_BYTES)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match only the route's methods; later routes refuse the others."""
        match, child = super().matches(scope)
        return (match, {**child, "route": self._documented}) if match is Match.FULL else (Match.NONE, {})

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._call(Request(scope, receive, send))
        await response(scope, receive, send)

    async def _call(self, request: Request) -> Response:
        query = request.scope["query_string"]
        if self._checks_query and query and not self._checked.get(query):
            check_query(request, self._known)
            self._checked.add(query, True, len(query))
        reply: Response = await self._documented.endpoint(request, await state_of(request), **request.path_params)
        return reply


def check_signature(route: APIRoute, handled: Collection[Callable[..., Any]]) -> None:
    """Check that FastAPI would call the endpoint with nothing but the request, the state and its path parameters;
    `handled` are dependencies that the fast route replaces, or that do nothing on its path.

    Raises:
        TypeError: with what else it takes.
    """
    own, dependencies = route.dependant, {one.call for one in route.dependant.dependencies}
    others = [field.name for field in (*own.query_params, *own.header_params, *own.cookie_params, *own.body_params)]
    others += [field.name for field in own.path_params if field.field_info.annotation is not str]  # it stays text
    others += [getattr(call, "__name__", repr(call)) for call in dependencies - set(handled)]
    if others or own.request_param_name is None or state_of not in dependencies:
        raise TypeError(
            f"{route.path} cannot be a fast route: its endpoint takes {', '.join(others) or 'no request or state'}"
        )


def install_fast_routes(
    app: FastAPI,
    routers: list[APIRouter],
    endpoints: list[Callable[..., Any]],
    bypassed: Collection[Callable[..., Any]],
) -> None:
    """Insert fast routes for these endpoints, which the application has already, before all others. The `bypassed`
    dependencies do nothing on their paths.
    """
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    hot = [route for route in routes if route.endpoint in endpoints and "version" not in route.param_convertors]
    app.router.routes[:0] = [FastRoute(route, bypassed) for route in hot]
