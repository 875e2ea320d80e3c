"""Edits over HTTP: in JSON, forms and queries, with posted tensors, and values of other runs."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.conftest import Server

DOCUMENT: dict[str, Any] = {
    "input": [6, 6, 2],
    "layers": [
        {"type": "Conv2D", "filters": 4, "kernel_size": 3, "activation": "relu", "name": "conv"},
        {"type": "Flatten", "name": "flat"},
        {"type": "Dense", "units": 3, "name": "head"},
    ],
}
X = np.random.default_rng(6).normal(size=(2, 6, 6, 2)).astype(np.float32)


def layers_of(server: Server, **options: Any) -> dict[str, Any]:
    """Return the layers of a reply by address, and its edits."""
    reply = server.client.post("/v1/activations", json={"model": DOCUMENT, "inputs": X.tolist(), **options})
    assert reply.status_code == 200, reply.text
    body = reply.json()
    return {layer["address"]: layer for layer in body["layers"]} | {"edits": body.get("edits")}


def test_a_channel_is_switched_off(server: Server) -> None:
    """The reply says where, and how much it changed."""
    before, after = layers_of(server), layers_of(server, edits=[{"at": "conv", "channels": [1], "zero": True}])
    values, edited = np.array(before["conv"]["data"]), np.array(after["conv"]["data"])
    assert not edited[..., 1].any()
    np.testing.assert_array_equal(edited[..., [0, 2, 3]], values[..., [0, 2, 3]])
    assert after["conv"]["edited"] == [0]
    assert "edited" not in after["head"]
    assert before["edits"] is None
    assert after["edits"] == [{"addresses": ["conv"], "changed": int(np.count_nonzero(values[..., 1]))}]
    assert after["head"]["data"] != before["head"]["data"]


def test_forms_and_queries_have_edits_as_json(server: Server) -> None:
    """With tensors of the posted file that are no inputs, in every format."""
    server.client.put("/v1/models/edited", json=DOCUMENT).raise_for_status()
    direction = np.array([1, -1, 0, 2], np.float32)
    file = io.BytesIO()
    np.savez(file, input=X, direction=direction)
    edits = json.dumps([{"at": "conv", "project": {"off": {"tensor": "direction"}}}])
    url = "/v1/models/edited/activations"
    form = server.client.post(url, files={"tensor": file.getvalue()}, data={"edits": edits, "format": "npz"})
    query = server.client.post(url, params={"edits": edits, "format": "npz"}, content=file.getvalue())
    inline = layers_of(server, edits=[{"at": "conv", "project": {"off": direction.tolist()}}])
    for reply in (form, query):
        assert reply.status_code == 200, reply.text
        found = np.load(io.BytesIO(reply.content))
        np.testing.assert_allclose(found["conv"] @ direction, 0, atol=1e-5)
        np.testing.assert_array_equal(found["head"], np.array(inline["head"]["data"], np.float32))


def test_values_of_another_run_are_patched_in(server: Server) -> None:
    """Of its own input: not a bit changes; of another: what that gives goes on from there."""
    other = (X + 1).tolist()
    plain, donor = layers_of(server), layers_of(server, inputs=other)
    same = layers_of(server, edits=[{"at": "conv", "patch": {"inputs": X.tolist(), "address": "conv"}}])
    assert (same["conv"]["data"], same["head"]["data"]) == (plain["conv"]["data"], plain["head"]["data"])
    assert same["edits"] == [{"addresses": ["conv"], "changed": 0}]
    patched = layers_of(server, edits=[{"at": "conv", "patch": {"inputs": other, "address": "conv"}}])
    assert patched["head"]["data"] == donor["head"]["data"]


def test_another_edit_has_another_etag(server: Server) -> None:
    """As has another tensor that it is made of."""
    server.client.put("/v1/models/tagged_edits", json=DOCUMENT).raise_for_status()
    tags = []
    for factor in (1, 2):
        for name in ("conv", "flat"):
            file = io.BytesIO()
            np.savez(file, input=X, v=np.float32(factor))
            edits = json.dumps([{"at": name, "scale": {"tensor": "v"}}])
            reply = server.client.post(
                "/v1/models/tagged_edits/activations", params={"edits": edits, "format": "npz"}, content=file.getvalue()
            )
            tags.append(reply.headers["etag"])
    assert len(set(tags)) == 4


def test_an_explanation_sees_the_edits(server: Server) -> None:
    """A channel that is off has no gradient."""
    asked = {"model": DOCUMENT, "inputs": X.tolist(), "of": "head[0]", "to": ["conv"]}
    edits = [{"at": "head", "scale": 3}]
    once = server.client.post("/v1/explanations", json=asked).json()["layers"][0]["data"]
    thrice = server.client.post("/v1/explanations", json={**asked, "edits": edits}).json()["layers"][0]["data"]
    np.testing.assert_allclose(thrice, 3 * np.array(once), rtol=1e-6)


@pytest.mark.parametrize(
    ("edits", "pointer"),
    [
        ([{"at": "nothing", "zero": True}], "/edits/0/at"),
        ([{"at": "conv", "zero": True}, {"at": "conv", "shrink": 1}], "/edits/1"),
        ([{"at": "conv", "set": [1, 2]}], "/edits/0/set"),
        ([{"at": "conv", "set": {"tensor": "v"}}], "/edits/0/set/tensor"),
        ([{"at": "conv", "patch": {"inputs": [1], "address": "conv"}}], "/edits/0/patch/inputs"),
        ([{"at": "conv", "patch": {"inputs": X.tolist(), "address": "nothing"}}], "/edits/0/patch/address"),
        ([{"at": "conv", "patch": {"inputs": X.tolist()}}], "/edits/0/patch"),
        ([{"at": "conv", "patch": {"inputs": np.ones((3, 6, 6, 2)).tolist(), "address": "conv"}}], "/edits/0/set"),
        ([], "/edits"),
        ("conv", "/edits"),
        ([None], "/edits/0"),
        ([{"at": ["conv"], "zero": True}], "/edits/0"),
        ([{"at": "head", "zero": True}], "/edits/0/at"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(server: Server, edits: Any, pointer: str) -> None:
    """With a pointer to the entry."""
    body = {"model": DOCUMENT, "inputs": X.tolist(), "layers": ["conv"], "edits": edits}
    reply = server.client.post("/v1/activations", json=body)
    assert reply.status_code == 422, reply.text
    assert reply.json()["errors"][0]["pointer"] == pointer
