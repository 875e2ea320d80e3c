"""Query parameters are validated on every route; none is ignored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Server

SPECIFICATION: dict[str, Any] = json.loads((Path(__file__).parents[2] / "openapi" / "openapi.json").read_text("utf-8"))
ROUTES = [
    (method, path)
    for path, operations in SPECIFICATION["paths"].items() if path.startswith("/v1/") for method in operations
]  # fmt: skip
TINY: dict[str, Any] = {"input": [4], "layers": [{"type": "Dense", "units": 2}]}
WEIGHTS = "/v1/models/asked/weights"


@pytest.fixture(scope="module", autouse=True)
def asked(server: Server) -> Iterator[None]:
    """Register a model."""
    server.client.put("/v1/models/asked", json=TINY).raise_for_status()
    yield
    server.client.delete("/v1/models/asked")


def problems_of(server: Server, method: str, path: str, **arguments: Any) -> list[dict[str, str]]:
    """Return the problems of a request with invalid options."""
    reply = server.client.request(method, path, **arguments)
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_option"), reply.text
    return list(reply.json()["errors"])


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=[f"{method} {path}" for method, path in ROUTES])
def test_unknown_and_duplicate_options_are_rejected(server: Server, method: str, path: str) -> None:
    """On every route, with the valid options and before any effect."""
    place = path.format(name="asked", address="dense", type="Dense")
    declared = [one["name"] for one in SPECIFICATION["paths"][path][method].get("parameters", [])
                if one["in"] == "query"]  # fmt: skip
    (found,) = problems_of(server, method, place, params={"bogus": "1"})
    assert (found["pointer"], found["received"]) == ("/bogus", '"bogus"')
    assert set(found["expected"].removeprefix("one of ").split(", ")) == set(declared or ["only known fields"])
    for name in set(declared) - {"layers", "to"}:
        (found,) = problems_of(server, method, place, params=[(name, "1"), (name, "1")])
        assert (found["pointer"], found["expected"]) == (f"/{name}", "one value")
    assert server.client.get("/v1/models/asked").status_code == 200


def test_every_route_is_covered() -> None:
    """Those of models, layers, weights, plans, activations and analyses."""
    assert len(ROUTES) == 20


@pytest.mark.parametrize(
    ("path", "pointer", "suggestion"),
    [
        (f"{WEIGHTS}?foramt=png", "/foramt", 'write "format"'),
        (f"{WEIGHTS}?channel=1", "/channel", None),
        (f"{WEIGHTS}?channel=1&format=png", "/channel", None),
        (f"{WEIGHTS}?cmap=gray", "/cmap", 'write "format": "png", or accept image/png'),
        ("/v1/models/asked?As=keras", "/As", 'write "as"'),
        ("/v1/models/asked?as=kears", "/as", 'write "keras"'),
        ("/v1/models?bogus", "/bogus", None),
        ("/v1/models?a~/b=1", "/a~0~1b", None),
    ],
)
def test_misspelled_options_get_a_suggestion(server: Server, path: str, pointer: str, suggestion: str | None) -> None:
    """For names and values."""
    (found,) = problems_of(server, "GET", path)
    assert (found["pointer"], found.get("suggestion")) == (pointer, suggestion)


@pytest.mark.parametrize("option", ["upscale=0", "upscale=65", "upscale=x", "upscale=1.5", "cmap=grya", "data=x",
                                    f"normalize={'1' * 101}", "normalize=0,5e-324"])  # fmt: skip
def test_weights_and_activations_report_equal_problems(server: Server, option: str) -> None:
    """Values out of range have the same code, expected and received values."""
    of_weights = problems_of(server, "GET", f"{WEIGHTS}?format=png&{option}")
    run = {"inputs": [1, 2, 3, 4]}
    assert of_weights == problems_of(server, "POST", f"/v1/models/asked/activations?format=png&{option}", json=run)
    assert of_weights[0]["expected"]
    assert of_weights[0]["received"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/version", "/docs", "/openapi.json"])
def test_probes_and_pages_accept_any_query(server: Server, path: str) -> None:
    """Load balancers and browsers append their own parameters."""
    assert server.client.get(path, params={"bogus": "1"}).status_code == 200
