"""The routes that are asked most often stand before FastAPI's own, which describe them."""

from __future__ import annotations

from pathlib import Path

from fastapi.routing import APIRoute
from starlette.routing import Match

from service.app import create_app
from service.routes.activations import router
from service.routes.fast_route import FastRoute
from service.settings import Settings


def test_the_routes_that_run_networks_come_first(tmp_path: Path) -> None:
    """Each once, without those that say which version is meant."""
    routes = create_app(Settings(data_dir=str(tmp_path))).router.routes
    straight = [route for route in routes if isinstance(route, FastRoute)]
    assert routes[: len(straight)] == straight
    assert {route.path for route in straight} == {
        "/v1/activations",
        "/v1/models/{name}/activations",
        "/v2/models/{name}/infer",
    }


def test_other_methods_are_left_to_the_routes_behind() -> None:
    """They know what the path takes besides."""
    (documented,) = (route for route in router.routes if isinstance(route, APIRoute))
    route = FastRoute(documented)
    asked = {method: {"type": "http", "method": method, "path": "/v1/activations"} for method in ("POST", "GET")}
    assert [route.matches(scope)[0] for scope in asked.values()] == [Match.FULL, Match.NONE]
