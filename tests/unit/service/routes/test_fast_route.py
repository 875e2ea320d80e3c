"""Fast routes precede the FastAPI routes that document them."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import APIRouter, Depends, Request
from fastapi.routing import APIRoute
from starlette.routing import Match

from service.app import create_app
from service.routes.activations import router
from service.routes.fast_route import FastRoute
from service.settings import Settings
from service.state import StateOf


def test_run_routes_are_fast_and_come_first(tmp_path: Path) -> None:
    """Each once, except those with a model version."""
    routes = create_app(Settings(data_dir=str(tmp_path))).router.routes
    fast = [route for route in routes if isinstance(route, FastRoute)]
    assert routes[: len(fast)] == fast
    assert {route.path for route in fast} == {
        "/v1/activations",
        "/v1/models/{name}/activations",
        "/v2/models/{name}/infer",
    }


def test_other_methods_are_left_to_later_routes() -> None:
    """They return the Allow header of the path."""
    (documented,) = (route for route in router.routes if isinstance(route, APIRoute))
    route = FastRoute(documented)
    asked = {method: {"type": "http", "method": method, "path": "/v1/activations"} for method in ("POST", "GET")}
    assert [route.matches(scope)[0] for scope in asked.values()] == [Match.FULL, Match.NONE]


async def of_nobody() -> None:
    """Dependency without parameters."""


async def with_query(request: Request, state: StateOf, top: int) -> None:
    """Endpoint with a query parameter."""


async def with_body(request: Request, state: StateOf, body: dict[str, int]) -> None:
    """Endpoint with a body."""


async def without_state(request: Request) -> None:
    """Endpoint without the state parameter."""


@pytest.mark.parametrize(
    ("endpoint", "dependencies", "named"),
    [(with_query, [], "top"), (with_body, [], "body"), (without_state, [], "state"),
     (router.routes[0].endpoint, [Depends(of_nobody)], "of_nobody")],  # type: ignore[attr-defined]
)  # fmt: skip
def test_unsupported_endpoints_are_rejected_at_startup(endpoint, dependencies, named) -> None:  # type: ignore[no-untyped-def]
    """A fast route would call them without the missing argument."""
    other = APIRouter()
    other.add_api_route("/v1/other", endpoint, methods=["POST"], dependencies=dependencies)
    with pytest.raises(TypeError, match=named):
        FastRoute(other.routes[0])  # type: ignore[arg-type]
