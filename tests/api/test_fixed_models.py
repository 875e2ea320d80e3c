"""Fixed models over a socket, with an engine: each kind of file has Keras' bits, and a broken one its row."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
from keras import layers
from safetensors.numpy import load, save_file

from models.store.opening import open_store
from tests.unit.models.store.test_fixed import network

if TYPE_CHECKING:
    from tests.conftest import Server

pytestmark = [
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # raised by Keras
]
KINDS = ("whole", "older", "listed", "tensors", "inner")
INPUT = np.random.default_rng(0).normal(size=(2, 4)).astype("f4")


@pytest.fixture(scope="module")
def model() -> Any:
    """A network with weights that no seed gives."""
    keras.utils.set_random_seed(7)
    built = keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, activation="relu", name="one"), layers.Dense(2, name="two")]
    )
    built.set_weights([value + 0.25 for value in built.get_weights()])
    return built


@pytest.fixture(scope="module")
def fixed(
    model: Any, start_server: Callable[..., AbstractContextManager[Server]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server with fixed models: of each kind, of a seed, and broken ones; `seeded` is registered, too."""
    folder, data = tmp_path_factory.mktemp("models"), tmp_path_factory.mktemp("data")
    model.save(folder / "whole.keras")
    model.save(folder / "older.h5")
    (folder / "listed.json").write_text(model.to_json())
    model.save_weights(folder / "listed.weights.h5")
    (folder / "tensors.json").write_text(model.to_json())
    weights = {f"{layer.name}/{weight.name}": weight.numpy() for layer in model.layers for weight in layer.weights}
    save_file(weights, folder / "tensors.safetensors")
    (folder / "inner").mkdir()
    model.save(folder / "inner" / "model.keras")
    (folder / "seeded.json").write_text('{"input": [4], "layers": [{"type": "Dense", "units": 5}]}')
    (folder / "typo.json").write_text('{"input": [4], "layers": [{"type": "Dens"}]}')
    (folder / "torn.keras").write_bytes(b"PK\x03\x04")
    (folder / "misfit.json").write_text('{"input": [4], "layers": [{"type": "Dense", "units": 9}]}')
    save_file(weights, folder / "misfit.safetensors")
    open_store(str(data)).put("seeded", network(2))
    with start_server(data, MODELS=str(folder)) as running:
        yield running


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_has_the_bits_of_keras(fixed: Server, model: Any, name: str) -> None:
    """Every layer, under `/v1` and `/v2`."""
    reply = fixed.post(f"/v1/models/{name}/activations?format=safetensors", json={"inputs": INPUT.tolist()})
    assert reply.status_code == 200, reply.text
    expected = [np.asarray(model.layers[0](INPUT)), np.asarray(model(INPUT))]
    tensors = load(reply.content)
    for address, wanted in zip(("one", "two"), expected, strict=True):
        np.testing.assert_array_equal(tensors[address], wanted)
    body = {"inputs": [{"name": "input", "shape": [2, 4], "datatype": "FP32", "data": INPUT.ravel().tolist()}]}
    body["inputs"][0]["name"] = fixed.client.get(f"/v2/models/{name}").json()["inputs"][0]["name"]
    outputs = fixed.post(f"/v2/models/{name}/infer", json=body).json()["outputs"]
    np.testing.assert_array_equal(np.array(outputs[0]["data"], "f4").reshape(2, 2), expected[1])


def test_the_list_has_every_model_and_what_is_wrong_with_others(fixed: Server) -> None:
    """Equal files have one id; what cannot be read is damaged, in both protocols."""
    listed = fixed.client.get("/v1/models").json()
    assert [row["name"] for row in listed["models"]] == sorted([*KINDS, "seeded"])
    assert len({row["id"] for row in listed["models"]}) == 2
    problems = {row["name"]: row["problem"] for row in listed["damaged"]}
    assert list(problems) == ["misfit", "torn", "typo"]
    assert problems["typo"].startswith("/layers/0/type: there is no layer of this type; expected")
    index = fixed.post("/v2/repository/index").json()
    assert {row["name"]: row.get("reason") for row in index if row["state"] != "READY"} == problems
    refused = fixed.post("/v1/models/typo/activations", json={"inputs": INPUT.tolist()})
    assert (refused.status_code, refused.json()["code"]) == (503, "model_damaged")
    assert refused.json()["errors"][0]["suggestion"] == "correct its file, and start the service again"


def test_a_fixed_model_is_not_changed(fixed: Server) -> None:
    """Whoever tries is told so, before a body is read; one that is registered is hidden by it."""
    document = {"input": [4], "layers": [{"type": "Dense", "units": 1}]}
    changes = [
        fixed.client.put("/v1/models/whole", json=document), fixed.client.put("/v1/models/typo", json=document),
        fixed.client.put("/v1/models/whole/weights", content=b"x"), fixed.client.delete("/v1/models/whole"),
        fixed.client.delete("/v1/models/torn"),
    ]  # fmt: skip
    assert [(reply.status_code, reply.json()["code"]) for reply in changes] == [(409, "fixed_model")] * len(changes)
    assert changes[0].json()["errors"][0]["suggestion"] == "register a model under another name"
    summary = fixed.client.get("/v1/models/seeded").json()
    assert summary["nodes"][0]["shape"] == [None, 5]
    assert fixed.client.put("/v1/models/other", json=document).status_code == 201
    assert fixed.client.delete("/v1/models/other").status_code == 204


def test_a_service_is_not_ready_before_its_models_are_read(
    start_stub_server: Callable[..., AbstractContextManager[Server]], tmp_path: Path
) -> None:
    """The plan of one stalls; the front answers meanwhile, and says what is waited for."""
    (tmp_path / "models").mkdir()
    slow = {"input": [2], "layers": [{"type": "Dense", "units": 1}], "name": "stall"}
    (tmp_path / "models" / "slow.json").write_text(json.dumps(slow))
    (tmp_path / "models" / "later.json").write_text(json.dumps({**slow, "name": "label"}))
    models = str(tmp_path / "models")
    with start_stub_server(tmp_path / "data", wait=False, MODELS=models, DEADLINE="1") as server:
        reasons = {"no engine has warmed up yet"}

        def says_what() -> bool:
            reasons.add(server.client.get("/readyz").json()["reason"])
            return "the models of LAYERSCOPE_MODELS are being read" in reasons

        server.wait_until(says_what)
        server.wait_until(lambda: server.client.get("/readyz").status_code == 200)
        listed = server.client.get("/v1/models").json()
        assert [row["name"] for row in listed["models"]] == ["later"]
        assert [row["name"] for row in listed["damaged"]] == ["slow"]
