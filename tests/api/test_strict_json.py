"""JSON is parsed strictly on every route: duplicate keys and booleans in place of numbers are rejected."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx

    from tests.conftest import Server

DENSE = '{"input": [2], "layers": [{"type": "Dense", "units": 1}]}'
TWICE = '{"input": [2], "layers": [{"type": "Dense", "units": 1, "units": 2}]}'
KERAS = """{"class_name": "Sequential", "config": {"name": "s", "layers": [
  {"class_name": "InputLayer", "config": {"batch_shape": [null, 2], "name": "i"}},
  {"class_name": "Dense", "config": {"name": "d", "units": 1, "units": 2}}]}}"""


def body(text: str) -> dict[str, Any]:
    """Build a request with this JSON."""
    return {"content": text, "headers": {"Content-Type": "application/json"}}


def with_dense(text: str) -> str:
    """Add members to a body with a model."""
    return '{"model": ' + DENSE + ", " + text + "}"


def form(**parts: Any) -> dict[str, Any]:
    """Build a form with these parts, as text."""
    return {"files": {name.replace("__", "."): (None, part) for name, part in parts.items()}}


def keras_file(config: str) -> bytes:
    """Build a .keras file with this config."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("config.json", config)
        archive.writestr("model.weights.h5", b"")
    return file.getvalue()


REPEATS: dict[str, tuple[str, str, dict[str, Any], int, str]] = {
    "a document": ("POST", "/v1/plan", body('{"model": ' + TWICE + "}"), 400, "/model/layers/0/units"),
    "a document as text": ("POST", "/v1/plan", body(json.dumps({"model": TWICE})), 422, "/model/layers/0/units"),
    "a registered document": ("PUT", "/v1/models/strict", body(TWICE), 400, "/layers/0/units"),
    "Keras' JSON": ("PUT", "/v1/models/strict", body(KERAS), 400, "/config/layers/1/config/units"),
    "a body": ("POST", "/v1/activations", body(with_dense('"inputs": [[1, 2]], "inputs": [[3, 4]]')), 400, "/inputs"),
    "numbers": ("POST", "/v1/models/strictly/activations", body('{"inputs": [[1, 2]], "inputs": [[3, 4]]}'), 400,
                "/inputs"),
    "inputs by name": ("POST", "/v1/activations", body(with_dense('"inputs": {"input": [[1, 2]], "input": [[3, 4]]}')),
                       400, "/inputs/input"),
    "an option": ("POST", "/v1/models/strictly/activations", body('{"inputs": [[1, 2]], "top": {"a": 1, "a": 2}}'), 400,
                  "/top/a"),
    "an option in the query": ("POST", '/v1/models/strictly/activations?top={"dense": 1, "dense": 2}',
                               body('{"inputs": [[1, 2]]}'), 422, "/top/dense"),
    "a part with the model": ("POST", "/v1/activations", form(model=TWICE, inputs="[[1, 2]]"), 400,
                              "/model/layers/0/units"),
    "a part with inputs": ("POST", "/v1/activations", form(model=DENSE, inputs='{"input": [1], "input": [2]}'), 400,
                           "/inputs/input"),
    "a part for one input": ("POST", "/v1/activations",
                             form(model=DENSE, inputs__input='{"data": [[1, 2]], "data": [[3, 4]]}'), 400,
                             "/inputs.input/data"),
    "an uploaded model": ("PUT", "/v1/models/strict", form(model=TWICE), 400, "/model/layers/0/units"),
    "a .keras file": ("PUT", "/v1/models/strict", {"files": {"weights": ("a.keras", keras_file(KERAS))}}, 400,
                      "/weights/config.json/config/layers/1/config/units"),
}  # fmt: skip


@pytest.fixture(scope="module")
def strictly(server: Server) -> Server:
    """A server with a model named "strictly"."""
    assert server.client.put("/v1/models/strictly", **body(DENSE)).status_code in (200, 201)
    return server


def send(server: Server, method: str, path: str, arguments: dict[str, Any]) -> httpx.Response:
    return server.client.request(method, path, **arguments)


def test_duplicate_keys_are_rejected_on_every_route(strictly: Server) -> None:
    """With the pointer of the key; other parsers silently use the last value."""
    wrong = {}
    for name, (method, path, arguments, status, pointer) in REPEATS.items():
        reply = send(strictly, method, path, arguments)
        found = reply.status_code, [problem["pointer"] for problem in reply.json().get("errors", [])]
        if found != (status, [pointer]):
            wrong[name] = found, reply.text[:300]
    assert wrong == {}


@pytest.mark.parametrize("more", [', "name": "other"', ', "parameters": {"a": 1, "a": 2}'])
def test_open_inference_requests_reject_duplicate_keys(strictly: Server, more: str) -> None:
    """Also with NaN literals, which a different parser reads."""
    for data in ("[1, 2]", "[1, NaN]"):
        tensor = '{"name": "input", "shape": [1, 2], "datatype": "FP32", "data": ' + data + more + "}"
        reply = send(strictly, "POST", "/v2/models/strictly/infer", body('{"inputs": [' + tensor + "]}"))
        assert reply.status_code == 400
        assert "stands twice in one object" in reply.json()["error"]


@pytest.mark.parametrize(
    ("model", "inputs", "pointer"),
    [
        ({"input": [4]}, [[1, 2, 3, True]], "/inputs/0/3"),
        ({"input": [2]}, [[True, False]], "/inputs/0/0"),
        ({"input": {"x": {"shape": [3], "dtype": "int32"}}}, [[1, True, 2]], "/inputs/0/1"),
        ({"input": {"x": {"shape": [2], "dtype": "int32"}}}, {"x": {"data": [[1, False]]}}, "/inputs/x/data/0/1"),
        ({}, [[True, False]], "/inputs/0/0"),
    ],
)
def test_booleans_are_not_numbers(server: Server, model: dict[str, Any], inputs: Any, pointer: str) -> None:
    """Nor ids."""
    layers = [{"type": "Reshape", "target_shape": [-1]}]
    reply = server.post("/v1/activations", json={"model": {**model, "layers": layers}, "inputs": inputs})
    assert (reply.status_code, reply.json()["errors"][0]["pointer"]) == (422, pointer)


def test_boolean_inputs_accept_booleans(server: Server) -> None:
    """Also mixed with 1 and 0."""
    model = {"input": {"x": {"shape": [3], "dtype": "bool"}}, "layers": [{"type": "Reshape", "target_shape": [3]}]}
    (layer,) = server.run(model, [[True, 0, 1]])["layers"]
    assert (layer["dtype"], layer["data"]) == ("bool", [[True, False, True]])
