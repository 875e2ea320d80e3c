"""Responses as JSON Lines, and JSON streamed in several chunks: the same layers, with backpressure."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.conftest import Server

SHARED: dict[str, Any] = {
    "seed": 3,
    "input": [6],
    "layers": [
        {"type": "Dense", "units": 6, "name": "a"},
        {"type": "Dense", "units": 6, "name": "twice", "calls": [["input"], ["a"]]},
        {"type": "Add", "inputs": ["twice@0", "twice@1"], "name": "sum"},
    ],
}
INPUTS = [[1.5, -2, 0, 4, "NaN", 6]]
SIDE = 201
LARGE = {"input": [None, None, 1], "layers": [{"type": "UpSampling2D", "size": 8, "name": f"up{i}", "inputs": ["input"]}
                                             for i in range(3)], "outputs": ["up0", "up1", "up2"]}  # fmt: skip


def lines_of(text: str) -> list[dict[str, Any]]:
    """Parse every line as an object."""
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("options", [
    {}, {"data": "base64"}, {"data": "none"}, {"weights": True}, {"stats": False}, {"reduce": "mean@c"}, {"top": 2},
    {"histogram": 4, "weights": True}, {"layers": ["sum", "twice@1", "a"], "weights": True, "data": "base64"},
], ids=str)  # fmt: skip
def test_lines_equal_the_json_reply(server: Server, options: dict[str, Any]) -> None:
    """The first line is the reply without `layers`, the others are the entries of `layers`, for all options."""
    body = {"model": SHARED, "inputs": INPUTS, **options}
    whole = server.post("/v1/activations", json=body).json()
    reply = server.post("/v1/activations", json=body, headers={"Accept": "application/x-ndjson"})
    assert reply.headers["content-type"] == "application/jsonl"
    assert reply.headers["transfer-encoding"] == "chunked"
    head, *layers = lines_of(reply.text)
    assert layers == whole["layers"]
    assert head.keys() == whole.keys() - {"layers"}
    assert (head["inputs"], set(head["timing"])) == (whole["inputs"], {"build_ms", "run_ms", "total_ms"})


def test_weights_as_lines_equal_the_json_reply(server: Server) -> None:
    """For `GET …/weights`."""
    server.client.put("/v1/models/lines", json=SHARED)
    whole = server.client.get("/v1/models/lines/weights").json()
    head, *layers = lines_of(server.client.get("/v1/models/lines/weights?format=jsonl").text)
    assert (head, layers) == ({"model": whole["model"]}, whole["layers"])
    assert [layer["address"] for layer in layers] == ["a", "twice", "sum"]


def picture() -> Any:
    """Build an input that gives 287,296 values per layer, with a NaN among them."""
    array = np.random.default_rng(0).integers(0, 9, (1, SIDE // 3, SIDE // 3, 1)).astype(np.float32)
    array[0, 0, 0, 0] = np.nan
    return array


def large_body(array: Any, **options: Any) -> dict[str, Any]:
    """Build a run of LARGE."""
    data = base64.b64encode(array.tobytes()).decode()
    return {"model": LARGE, "inputs": {"shape": array.shape, "dtype": "float32", "base64": data}, **options}


@pytest.mark.parametrize("options", [{}, {"format": "jsonl"}, {"data": "base64"}], ids=["json", "jsonl", "base64"])
def test_large_replies_are_complete(server: Server, options: dict[str, Any]) -> None:
    """Three tensors of 1.1 MB are streamed in pieces; in base64 the Content-Length is known."""
    array = picture()
    plainly = {"Accept-Encoding": "identity"}
    reply = server.post("/v1/activations", json=large_body(array, **options), headers=plainly)
    layers = lines_of(reply.text)[1:] if "format" in options else reply.json()["layers"]
    assert [layer["address"] for layer in layers] == ["up0", "up1", "up2"]
    expected = array.repeat(8, 1).repeat(8, 2)
    for layer in layers:
        if "data" in options:
            assert base64.b64decode(layer["base64"]) == expected.tobytes()
        else:
            assert np.array_equal(np.array(layer["data"], np.float32), expected, equal_nan=True)
    assert ("content-length" in reply.headers) == ("data" in options)
    assert int(reply.headers.get("content-length", len(reply.content))) == len(reply.content)
