"""`/v1/models`: registered models, their graphs and weights, and their persistence across restarts."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    import httpx

    from tests.conftest import Server

StartServer = Callable[..., AbstractContextManager[Any]]

CHAIN: dict[str, Any] = {
    "input": [4],
    "layers": [{"type": "Dense", "units": 2, "name": "first"}, {"type": "ReLU"}],
}
GRAPH: dict[str, Any] = {
    "name": "a label",
    "seed": 7,
    "input": {"left": [4], "right": {"shape": [4], "dtype": "float32"}},
    "layers": [
        {"type": "Dense", "units": 2, "name": "tower", "calls": [["left"], ["right"]]},
        {"type": "Block", "name": "head", "input": ["a", "b"], "inputs": ["tower@0", "tower@1"], "layers": [
            {"type": "Concatenate", "name": "both", "inputs": ["a", "b"]},
            {"type": "Dense", "units": 3, "name": "score"},
        ]},
    ],
}  # fmt: skip
FREE = [{"type": "Dense", "units": 2}]
NODES = [
    {"address": "tower@0", "type": "Dense", "inputs": ["left"], "outputs": ["tower@0"], "shape": [None, 2],
     "parameters": 10},
    {"address": "tower@1", "type": "Dense", "inputs": ["right"], "outputs": ["tower@1"], "shape": [None, 2],
     "parameters": 10},
    {"address": "head/both", "type": "Concatenate", "inputs": ["tower@0", "tower@1"], "outputs": ["head/both"],
     "shape": [None, 4], "parameters": 0},
    {"address": "head/score", "type": "Dense", "inputs": ["head/both"], "outputs": ["head/score"], "shape": [None, 3],
     "parameters": 15},
    {"address": "head", "type": "Block", "inputs": ["head/score"], "outputs": ["head"], "shape": [None, 3],
     "parameters": 15},
]  # fmt: skip
EDGES = [["left", "tower@0"], ["right", "tower@1"], ["tower@0", "head/both"], ["tower@1", "head/both"],
         ["head/both", "head/score"], ["head/score", "head"]]  # fmt: skip


@pytest.fixture
def models(server: Server) -> Iterator[httpx.Client]:
    """The client of a server whose store is emptied afterwards."""
    yield server.client
    for entry in server.client.get("/v1/models").json()["models"]:
        server.client.delete(f"/v1/models/{entry['name']}")


def put(client: httpx.Client, name: str, document: Any) -> dict[str, Any]:
    """Register a model and return its entry."""
    reply = client.put(f"/v1/models/{name}", json=document)
    assert reply.status_code in (200, 201), reply.text
    return dict(reply.json())


def problem_of(reply: httpx.Response) -> tuple[int, str, str, str | None]:
    """Return status, code, pointer and suggestion of the only problem of an error response."""
    assert reply.headers["content-type"] == "application/problem+json"
    (problem,) = reply.json()["errors"]
    return reply.status_code, reply.json()["code"], problem["pointer"], problem.get("suggestion")


def names(client: httpx.Client) -> list[str]:
    """Return every registered name."""
    return [entry["name"] for entry in client.get("/v1/models").json()["models"]]


def test_put_creates_then_replaces(models: httpx.Client) -> None:
    """201 for a new name, 200 for an existing one; both return the location and the id."""
    created = models.put("/v1/models/Some.name_1-x", json=CHAIN)
    replaced = models.put("/v1/models/Some.name_1-x", json=GRAPH)
    assert [reply.status_code for reply in (created, replaced)] == [201, 200]
    for reply in (created, replaced):
        assert reply.headers["location"] == "/v1/models/Some.name_1-x"
        assert set(reply.json()) == {"name", "id", "created", "weights"}
        assert reply.json()["name"] == "Some.name_1-x"
        assert datetime.fromisoformat(reply.json()["created"]).utcoffset() is not None
    assert created.json()["id"] != replaced.json()["id"]
    assert models.get(replaced.headers["location"]).json()["id"] == replaced.json()["id"]


def test_models_are_listed_in_order_of_their_names(models: httpx.Client) -> None:
    """Each entry contains the id of its model."""
    entries = [put(models, name, document) for name, document in (("b", CHAIN), ("a", GRAPH), ("c", CHAIN))]
    assert models.get("/v1/models").json() == {"models": [entries[1], entries[0], entries[2]]}
    assert entries[0]["id"] == entries[2]["id"] != entries[1]["id"]


def test_a_model_is_described_as_a_graph(models: httpx.Client) -> None:
    """A node per call and one for a block's result, an edge for every tensor that is read."""
    entry = put(models, "graph", GRAPH)
    expected = {
        **entry,
        "inputs": {"left": {"shape": [4], "dtype": "float32"}, "right": {"shape": [4], "dtype": "float32"}},
        "outputs": ["head"],
        "labels": {},
        "parameters": 25,
        "nodes": NODES,
        "edges": EDGES,
    }
    assert models.get("/v1/models/graph").json() == expected
    assert models.get(f"/v1/models/{entry['id']}").json() == expected


def test_an_undeclared_input_leaves_shapes_null(models: httpx.Client) -> None:
    """Shapes and parameters that depend on the input are null."""
    entry = put(models, "free", FREE)
    assert models.get("/v1/models/free").json() == {
        **entry,
        "inputs": {},
        "outputs": ["dense"],
        "labels": {},
        "parameters": None,
        "nodes": [{"address": "dense", "type": "Dense", "inputs": ["input"], "outputs": ["dense"], "shape": None,
                   "parameters": None}],
        "edges": [["input", "dense"]],
    }  # fmt: skip


def test_a_registered_model_equals_the_inline_model(server: Server, models: httpx.Client) -> None:
    """By name or id: the same id and bits, and they share the built network."""
    entry = put(models, "chain", CHAIN)
    inline = server.run(CHAIN, [1, 2, 3, 4])
    assert inline["model"] | {"cached": True} == {"id": entry["id"], "name": None, "parameters": 10, "cached": True}
    for reference in ("chain", entry["id"]):
        reply = models.post(f"/v1/models/{reference}/activations", json={"inputs": [1, 2, 3, 4]}).json()
        assert reply["model"] == {"id": entry["id"], "name": "chain", "parameters": 10, "cached": True}
        assert reply["layers"] == inline["layers"]


def test_spelling_does_not_change_the_id(models: httpx.Client) -> None:
    """Key order, explicit defaults, aliases, a pair for a number and the label `name` do not matter."""
    one = {"input": [8, 8, 1], "layers": [{"type": "Conv2D", "filters": 2, "kernel_size": 3}, {"type": "MaxPool2D"}]}
    same = {
        "layers": [
            {"kernel_size": [3, 3], "padding": "VALID", "filters": 2, "use_bias": True, "type": "Convolution2D"},
            {"type": "MaxPooling2D", "pool_size": 2, "strides": None, "name": "max_pooling2d"},
        ],
        "name": "label",
        "seed": 0,
        "input": {"input": {"shape": [8, 8, 1]}},
    }
    assert put(models, "one", one)["id"] == put(models, "same", same)["id"]
    assert put(models, "other", one | {"seed": 1})["id"] != put(models, "one", one)["id"]


def test_delete_by_name_removes_one_name(models: httpx.Client) -> None:
    """204 without a body; other names of the same model remain."""
    put(models, "a", CHAIN)
    put(models, "b", CHAIN)
    reply = models.delete("/v1/models/a")
    assert (reply.status_code, reply.content) == (204, b"")
    assert names(models) == ["b"]
    assert models.post("/v1/models/b/activations", json={"inputs": [1, 2, 3, 4]}).status_code == 200
    assert models.delete("/v1/models/a").status_code == 404


def test_delete_by_id_removes_every_name(models: httpx.Client) -> None:
    """Names of other models remain."""
    entry = put(models, "a", CHAIN)
    put(models, "b", CHAIN)
    put(models, "c", GRAPH)
    assert models.delete(f"/v1/models/{entry['id']}").status_code == 204
    assert names(models) == ["c"]
    assert models.get(f"/v1/models/{entry['id']}").status_code == 404


@pytest.mark.parametrize(("method", "path"), [
    ("GET", ""), ("DELETE", ""), ("POST", "/activations"), ("GET", "/weights"), ("GET", "/layers/dense/weights"),
])  # fmt: skip
def test_unknown_models_are_404_with_a_suggestion(models: httpx.Client, method: str, path: str) -> None:
    """On every route that takes a model, in one shape."""
    put(models, "digits", CHAIN)
    reply = models.request(method, f"/v1/models/digit{path}", json={"inputs": []} if method == "POST" else None)
    assert reply.json() | {"request_id": ""} == {
        "type": "urn:layerscope:error:not_found",
        "title": "There is nothing at this address",
        "status": 404,
        "detail": "there is no model of this name",
        "instance": f"/v1/models/digit{path}",
        "code": "not_found",
        "request_id": "",
        "errors": [{"pointer": "", "message": "there is no model of this name", "expected": "one of digits",
                    "received": '"digit"', "suggestion": 'use "digits"'}],
    }  # fmt: skip
    assert reply.status_code == 404


@pytest.mark.parametrize("name", ["-a", ".a", "_a", "a b", "a:b", "a@b", "é", "a%0A", "a" * 65, "sha256:0"])
def test_invalid_names_are_rejected(models: httpx.Client, name: str) -> None:
    """Names have 1 to 64 letters, digits, dots, underscores and hyphens; nothing is stored."""
    reply = models.put(f"/v1/models/{name}", json=CHAIN)
    assert problem_of(reply) == (422, "invalid_option", "/name", None)
    assert names(models) == []


def test_a_name_may_have_64_characters(models: httpx.Client) -> None:
    """The limit is inclusive."""
    assert put(models, "9" * 64, CHAIN)["name"] == "9" * 64


def test_invalid_documents_do_not_replace_a_model(models: httpx.Client) -> None:
    """Documents that cannot be parsed or planned leave the name unchanged; the error points at the fault."""
    before = put(models, "kept", CHAIN)
    bad = {"input": [4], "layers": [{"type": "Dense", "units": 2}, {"type": "Conv2D", "filters": 1, "kernel_size": 3}]}
    assert problem_of(models.put("/v1/models/kept", json=bad))[:3] == (422, "invalid_document", "/layers/1")
    misspelt = [{"type": "Dense", "unit": 2}]
    assert problem_of(models.put("/v1/models/kept", json=misspelt)) == (422, "invalid_document", "/0/unit",
                                                                     'write "units"')  # fmt: skip
    assert models.put("/v1/models/kept", content=b"{", headers={"Content-Type": "application/json"}).status_code == 400
    assert models.get("/v1/models").json() == {"models": [before]}


def test_a_second_model_in_the_body_is_rejected(models: httpx.Client) -> None:
    """It is not silently ignored."""
    put(models, "chain", CHAIN)
    reply = models.post("/v1/models/chain/activations", json={"model": CHAIN, "inputs": [1, 2, 3, 4]})
    assert problem_of(reply) == (422, "invalid_option", "/model", None)


def weights(client: httpx.Client, path: str, **options: str) -> dict[str, Any]:
    """Return a reply with weights."""
    reply = client.get(path, params=options)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def test_weights_are_those_of_a_run(server: Server, models: httpx.Client) -> None:
    """Every layer once, in `get_weights()` order."""
    entry = put(models, "graph", GRAPH)
    reply = weights(models, "/v1/models/graph/weights")
    assert reply["model"] == {"id": entry["id"], "name": "graph", "parameters": 25}
    inputs = {"left": [1, 2, 3, 4], "right": [0, 0, 0, 0]}
    rows = server.run(GRAPH, inputs, weights=True, layers=["tower@0", "head/both", "head/score"])["layers"]
    paths = ["tower", "head/both", "head/score"]
    keys = ("type", "parameters", "weights")
    assert reply["layers"] == [
        {"address": path} | {key: row[key] for key in keys} for path, row in zip(paths, rows, strict=True)
    ]
    shapes = [[(weight["name"], weight["shape"]) for weight in row["weights"]] for row in reply["layers"]]
    assert shapes == [[("kernel", [4, 2]), ("bias", [2])], [], [("kernel", [4, 3]), ("bias", [3])]]
    kernel = np.array(reply["layers"][0]["weights"][0]["data"])
    np.testing.assert_allclose(rows[0]["data"], [np.arange(1, 5) @ kernel], rtol=1e-5)


def test_weights_of_one_layer_or_block(models: httpx.Client) -> None:
    """By path or by the address of a call; a block's address selects the layers within it."""
    put(models, "graph", GRAPH)
    every = weights(models, "/v1/models/graph/weights")
    for address, rows in {"tower": slice(0, 1), "tower@0": slice(0, 1), "tower@1": slice(0, 1),
                          "head/score": slice(2, 3), "head": slice(1, 3)}.items():  # fmt: skip
        one = weights(models, f"/v1/models/graph/layers/{address}/weights")
        assert one == every | {"layers": every["layers"][rows]}


def test_weights_as_base64_and_without_data(models: httpx.Client) -> None:
    """`data` has the same values as for activations."""
    put(models, "chain", CHAIN)
    path = "/v1/models/chain/layers/first/weights"
    nested, encoded, bare = (
        weights(models, path, data=mode)["layers"][0]["weights"] for mode in ("nested", "base64", "none")
    )
    assert [{key: value for key, value in weight.items() if key != "data"} for weight in nested] == bare
    for one, other in zip(nested, encoded, strict=True):
        values = np.frombuffer(base64.b64decode(other.pop("base64")), other["dtype"]).reshape(other["shape"])
        assert np.array_equal(values, np.array(one.pop("data"), np.float32))
        assert one == other
    assert problem_of(models.get(path, params={"data": "nestde"})) == (422, "invalid_option", "/data", 'write "nested"')


def test_weights_of_unknown_layers_are_404(models: httpx.Client) -> None:
    """The error lists the existing addresses."""
    put(models, "chain", CHAIN)
    reply = models.get("/v1/models/chain/layers/frist/weights")
    assert problem_of(reply) == (404, "not_found", "", 'use "first"')
    assert reply.json()["errors"][0]["expected"] == "one of first, re_lu"


def test_weights_need_a_declared_input(models: httpx.Client) -> None:
    """Without a known input there are no weights; the error says what to declare."""
    put(models, "free", FREE)
    assert problem_of(models.get("/v1/models/free/weights"))[:3] == (422, "invalid_document", "/input")


def test_plan_of_a_registered_model_equals_the_inline_plan(server: Server, models: httpx.Client) -> None:
    """By name or id in the query, with and without a body; only the name differs."""
    entry = put(models, "chain", CHAIN)
    inline = server.plan(CHAIN, batch=5)
    head = {"id": entry["id"], "parameters": 10, "outputs": ["re_lu"]}
    assert inline["model"] == head | {"name": None}
    for reference in ("chain", entry["id"]):
        named = models.post("/v1/plan", params={"model": reference}, json={"batch": 5})
        assert named.json() == inline | {"model": head | {"name": "chain"}}
        assert models.post("/v1/plan", params={"model": reference, "batch": 5}).json() == named.json()
    assert problem_of(models.post("/v1/plan", params={"model": "chian"})) == (404, "not_found", "", 'use "chain"')
    both = models.post("/v1/plan", params={"model": "chain"}, json={"model": CHAIN})
    assert problem_of(both) == (422, "invalid_option", "/model", None)


def test_models_survive_a_restart(start_server: StartServer, tmp_path: Path) -> None:
    """A second server on the same folder has the same names and weights, and no deleted ones."""
    with start_server(tmp_path) as server:
        put(server.client, "gone", GRAPH)
        put(server.client, "kept", CHAIN)
        put(server.client, "free", FREE)
        assert server.client.delete("/v1/models/gone").status_code == 204
        listed = server.client.get("/v1/models").json()
        paths = ("/v1/models/kept", "/v1/models/kept/weights", "/v1/models/free")
        before = [server.client.get(path).json() for path in paths]
    with start_server(tmp_path, wait=False) as server:
        assert server.client.get("/v1/models").json() == listed
        assert [server.client.get(path).json() for path in paths] == before
        assert server.client.put("/v1/models/kept", json=CHAIN).status_code == 200
        assert server.client.put("/v1/models/gone", json=GRAPH).status_code == 201
