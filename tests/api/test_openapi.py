"""The OpenAPI document is valid, equals the committed one, and its examples work."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from models.layers import ALIASES, CATALOGUE
from service.options.activation import ActivationOptions

if TYPE_CHECKING:
    from tests.conftest import Server

StartServer = Callable[..., AbstractContextManager[Any]]

COMMITTED = Path(__file__).parents[2] / "openapi" / "openapi.json"
SPECIFICATION: dict[str, Any] = json.loads(COMMITTED.read_text(encoding="utf-8"))
OPERATIONS = [
    (method, path, operation)
    for path, methods in SPECIFICATION["paths"].items()
    for method, operation in methods.items()
]
EXAMPLES = [
    (method, path, media_type, example["value"])
    for method, path, operation in OPERATIONS
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items()
    for example in content.get("examples", {}).values()
]
TINY = {"input": [4, 4, 1], "layers": [{"type": "Conv2D", "filters": 2, "kernel_size": 3, "padding": "same"},
                                       {"type": "Flatten"}, {"type": "Dense", "units": 2}]}  # fmt: skip


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    """Build a validator of a schema of the specification, which may refer to its components."""
    return Draft202012Validator({**schema, "components": SPECIFICATION["components"]})


def reply_schema(method: str, path: str, status: int, media_type: str) -> dict[str, Any]:
    """Return the schema of a response in the specification."""
    content = SPECIFICATION["paths"][path][method]["responses"][str(status)]["content"]
    return dict(content[media_type]["schema"])


def test_the_served_document_is_the_committed_one(server: Server) -> None:
    """Clients are generated from openapi/openapi.json, which `scripts/openapi` writes."""
    assert server.client.get("/openapi.json").json() == SPECIFICATION


def test_the_document_is_valid_openapi() -> None:
    """It is OpenAPI 3.1, and every schema in it is JSON Schema."""
    assert SPECIFICATION["openapi"].startswith("3.1.")
    assert [error.message for error in OpenAPIV31SpecValidator(SPECIFICATION).iter_errors()] == []
    for schema in SPECIFICATION["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_reference_resolves() -> None:
    """No schema refers to a missing one."""
    names = set(re.findall(r'"#/components/schemas/([^"]+)"', COMMITTED.read_text(encoding="utf-8")))
    assert names <= set(SPECIFICATION["components"]["schemas"])
    assert "Document" in names


def test_every_operation_is_documented() -> None:
    """Each has a unique summary, a description and a tag."""
    assert len(OPERATIONS) > 10
    missing = [(method, path) for method, path, operation in OPERATIONS
               if not all(operation.get(key) for key in ("summary", "description", "tags"))]  # fmt: skip
    assert missing == []
    assert len({operation["summary"] for _, _, operation in OPERATIONS}) == len(OPERATIONS)


def test_every_error_is_a_problem() -> None:
    """In one shape; `/v2` extends it and uses application/json, and only the 503 of `/readyz` has its own shape."""
    for _, path, operation in OPERATIONS:
        protocol = path == "/v2" or path.startswith("/v2/")
        media_type = "application/json" if protocol else "application/problem+json"
        name = "OpenInferenceProblem" if protocol else "ProblemDocument"
        for status, reply in operation["responses"].items():
            if status >= "400" and (path, status) != ("/readyz", "503"):
                schema = {"schema": {"$ref": f"#/components/schemas/{name}"}}
                assert reply["content"] == {media_type: schema}, (path, status)


def test_both_run_routes_take_every_option() -> None:
    """In query, form and JSON."""
    for path in ("/v1/activations", "/v1/models/{name}/activations"):
        operation = SPECIFICATION["paths"][path]["post"]
        assert {p["name"] for p in operation["parameters"] if p["in"] == "query"} == set(ActivationOptions.model_fields)
        for media_type in ("application/json", "multipart/form-data"):
            properties = operation["requestBody"]["content"][media_type]["schema"]["properties"]
            assert set(properties) >= set(ActivationOptions.model_fields)


def test_every_json_operation_has_examples() -> None:
    """Operations that accept JSON show at least one."""
    shown = {(method, path) for method, path, media_type, _ in EXAMPLES if media_type == "application/json"}
    takes = {(method, path) for method, path, operation in OPERATIONS
             if "application/json" in operation.get("requestBody", {}).get("content", {})}  # fmt: skip
    assert shown == takes


@pytest.mark.parametrize(("method", "path", "media_type", "body"), EXAMPLES,
                         ids=[f"{method} {path}" for method, path, _, _ in EXAMPLES])  # fmt: skip
def test_examples_succeed(server: Server, method: str, path: str, media_type: str, body: Any) -> None:
    """Requests and responses are valid against their schemas."""
    assert server.client.put("/v1/models/digits", json=TINY).status_code in (200, 201)
    request_schema = SPECIFICATION["paths"][path][method]["requestBody"]["content"][media_type]["schema"]
    validator(request_schema).validate(body)
    reply = server.client.request(method, path.format(name="digits"), json=body)
    assert reply.status_code in (200, 201), reply.text
    validator(reply_schema(method, path, reply.status_code, "application/json")).validate(reply.json())


@pytest.mark.parametrize(("method", "path"), [
    (method, path) for method, path, _ in OPERATIONS if method in ("get", "delete")
])  # fmt: skip
def test_responses_of_reads_match_their_schemas(server: Server, method: str, path: str) -> None:
    """For every operation without a body, with the examples of its parameters."""
    assert server.client.put("/v1/models/digits", json=TINY).status_code in (200, 201)
    operation = SPECIFICATION["paths"][path][method]
    known = {
        one["name"]: one["schema"]["examples"][0] for one in operation.get("parameters", []) if one["in"] == "path"
    }
    reply = server.client.request(method, path.format(**known))
    assert reply.status_code in (200, 204), reply.text
    media_type = reply.headers.get("content-type", "").partition(";")[0]
    assert reply.status_code == 204 or media_type in operation["responses"]["200"]["content"]
    if reply.status_code == 200 and media_type == "application/json":
        validator(reply_schema(method, path, 200, "application/json")).validate(reply.json())


def test_errors_match_their_schema(server: Server) -> None:
    """A problem document is valid against its schema."""
    reply = server.post("/v1/plan", json={"model": [{"type": "Dense", "unit": 2}]})
    assert reply.status_code == 422
    validator(reply_schema("post", "/v1/plan", 422, "application/problem+json")).validate(reply.json())


def test_the_catalog_lists_every_type_once(server: Server) -> None:
    """With aliases and family; the excluded types have a reason."""
    body = server.client.get("/v1/layers").json()
    listed = body["layers"]
    assert [entry["type"] for entry in listed] == list(CATALOGUE)
    assert {alias: entry["type"] for entry in listed for alias in entry["aliases"]} == dict(ALIASES)
    assert all(entry["family"] for entry in listed)
    assert all(body["left_out"].values())
    assert not set(body["left_out"]) & set(CATALOGUE)


@pytest.mark.parametrize("alias", ALIASES)
def test_the_catalog_resolves_aliases(server: Server, alias: str) -> None:
    """An alias returns the entry of its layer."""
    assert server.client.get(f"/v1/layers/{alias}").json()["type"] == ALIASES[alias]


def ones(spec: dict[str, Any]) -> dict[str, Any]:
    """Build an input of ones of the declared shape and dtype."""
    shape = [1, *spec["shape"]]
    return {"shape": shape, "dtype": spec["dtype"], "data": np.ones(int(np.prod(shape)), np.uint8).tolist()}


@pytest.mark.parametrize("type_", CATALOGUE)
def test_layer_examples_run(server: Server, type_: str) -> None:
    """The example of each layer is valid against its schema, and runs with the planned shape."""
    entry = server.client.get(f"/v1/layers/{type_}").json()
    example, (layer,) = entry["example"], entry["example"]["layers"]
    own = layer if layer["type"] == type_ else layer["cell"]
    assert own["type"] == type_
    Draft202012Validator(entry["arguments"]).validate(own)
    validator(SPECIFICATION["components"]["schemas"]["Document"]).validate(example)

    given = example["input"]
    inputs = ones(given) if "shape" in given else {name: ones(spec) for name, spec in given.items()}
    planned = server.plan(example)
    ran = server.run(example, inputs, data="none")
    keys = ("address", "type", "shape", "dtype", "parameters")
    assert [[row[key] for key in keys] for row in ran["layers"]] == [
        [row[key] for key in keys] for row in planned["layers"]
    ]
    assert ran["model"]["id"] == planned["model"]["id"]


class Addresses(HTMLParser):
    """Collector of the URLs in a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 (the parser's)
        """Collect `src` and `href`."""
        self.found += [value for name, value in attrs if name in ("src", "href") and value]


TYPES = {"css": "text/css", "js": "javascript", "png": "image/png", "json": "application/json"}


def test_docs_work_offline(server: Server) -> None:
    """The page refers to no other host, and every URL in it serves content of the right type."""
    page = server.client.get("/docs", headers={"Host": "box.localhost:80"})
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert re.findall(r"(?:https?:)?//[\w.-]+", page.text) == []
    specification = re.search(r"url: '([^']+)'", page.text)
    assert specification is not None
    addresses = [*Addresses(page.text).found, specification[1]]
    assert len(addresses) == 4
    for address in addresses:
        reply = server.client.get(urljoin("/docs", address))
        assert reply.status_code == 200, address
        assert TYPES[address.rpartition(".")[2]] in reply.headers["content-type"]
        assert len(reply.content) > 100


def test_docs_use_relative_urls(server: Server) -> None:
    """So that they work behind a proxy that strips a path prefix."""
    page = server.client.get("/docs").text
    assert [address for address in Addresses(page).found if address.startswith("/")] == []
