"""Errors of an engine under registered models, and large inputs: the service in this process, with stub engines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.serving import StubPool, running, wait_until

INFER = {"inputs": [{"name": "input", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]}


def document(name: str, **members: Any) -> dict[str, Any]:
    """Build a document whose name has a stub engine misbehave."""
    return {"name": name, "layers": [{"type": "ReLU"}], **members}


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service with a stub engine that is ready."""
    async with running(tmp_path, pool=StubPool) as service:
        await wait_until(lambda: service.engines.states()[0].ready)
        async with httpx.AsyncClient(base_url=service.url, timeout=60) as made:
            yield made


async def test_a_document_that_an_engine_refuses_is_not_registered(client: httpx.AsyncClient) -> None:
    """A network whose shapes do not fit is the document's fault."""
    reply = await client.put("/v1/models/bad", json=document("fail invalid_document", input=[2]))
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_document")
    assert (await client.get("/v1/models")).json()["models"] == []


async def test_a_document_may_turn_out_to_be_wrong_for_its_inputs(client: httpx.AsyncClient) -> None:
    """It declares none; both protocols say so."""
    (await client.put("/v1/models/open", json=document("fail invalid_document"))).raise_for_status()
    reply = await client.post("/v1/models/open/activations", json={"inputs": [[1, 2]]})
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_document")
    reply = await client.post("/v2/models/open/infer", json=INFER)
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid_document")


async def test_a_damaged_model_is_named(client: httpx.AsyncClient) -> None:
    """The engine that finds its weights damaged does not know the name."""
    (await client.put("/v1/models/broken", json=document("fail model_damaged"))).raise_for_status()
    reply = await client.post("/v1/models/broken/activations", json={"inputs": [[1, 2]]})
    assert (reply.status_code, reply.json()["code"]) == (500, "internal") or "broken" in reply.json()["detail"]


async def test_replies_to_large_inputs_are_not_sent_twice(client: httpx.AsyncClient) -> None:
    """Their tag depends on every number."""
    (await client.put("/v1/models/wide", json=document("wide", input=[20_000]))).raise_for_status()
    path, body = "/v1/models/wide/activations?format=npz", {"inputs": [[0.5] * 20_000]}
    tag = (await client.post(path, json=body)).headers["etag"]
    again = await client.post(path, json=body, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    body["inputs"][0][-1] = 0.25
    other = await client.post(path, json=body, headers={"If-None-Match": tag})
    assert (other.status_code, other.headers["etag"] != tag) == (200, True)


@pytest.mark.parametrize("word", ["InputLayer", "Input"])
async def test_an_input_layer_is_no_layer(client: httpx.AsyncClient, word: str) -> None:
    """It is said where it belongs."""
    reply = await client.get(f"/v1/layers/{word}")
    (problem,) = reply.json()["errors"]
    assert reply.status_code == 404
    assert problem["message"] == (
        f"{word} declares an input, at the head of a document's layers, and is no layer itself"
    )
    assert problem["suggestion"]


PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)


async def test_a_form_may_hold_a_picture_as_text(client: httpx.AsyncClient) -> None:
    """As a page has it, under any name."""
    model = '{"input": [1, 1, 1], "layers": [{"type": "ReLU"}]}'
    reply = await client.post("/v1/activations", files={"model": (None, model), "drawn": (None, PIXEL)})
    assert reply.status_code == 200, reply.text
    assert reply.json()["layers"][0]["shape"] == [1, 1, 1, 1]
