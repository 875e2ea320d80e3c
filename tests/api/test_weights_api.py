"""Weights over HTTP: four upload formats, three download formats, bit by bit; partial matches are not stored."""

from __future__ import annotations

import io
import json
import os
import signal
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
from keras import layers
from safetensors.numpy import load, save

if TYPE_CHECKING:
    import httpx

    from tests.conftest import Server

StartServer = Callable[..., AbstractContextManager[Any]]
SAFETENSORS = "application/vnd.safetensors"
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # raised by Keras


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """A trained network: no weight has its initial value."""
    made = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(2, 3, activation="relu", name="conv"),
         layers.BatchNormalization(name="norm"), layers.Flatten(), layers.Dense(3, name="head")]
    )  # fmt: skip
    chance = np.random.default_rng(0)
    made.set_weights([chance.uniform(0.1, 1, weight.shape).astype("f4") for weight in made.get_weights()])
    return made


@pytest.fixture(scope="module")
def files(network: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Its weights as files of Keras, NumPy and safetensors."""
    folder = tmp_path_factory.mktemp("weights")
    network.save(folder / "m.keras")
    network.save_weights(folder / "m.weights.h5")
    np.savez(folder / "m.npz", *network.get_weights())
    paths = [weight.path for weight in network.weights]
    named = dict(zip(paths, network.get_weights(), strict=True))
    (folder / "m.safetensors").write_bytes(save(named))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    """The client of a server whose store is emptied before and afterwards."""
    delete_all(server.client)
    yield server.client
    delete_all(server.client)


def delete_all(client: httpx.Client) -> None:
    """Delete every model."""
    for entry in client.get("/v1/models").json()["models"]:
        client.delete(f"/v1/models/{entry['name']}")


def names(network: keras.Model) -> list[str]:
    """Return `weights/<address>/<name>` in the order of `get_weights()`."""
    return [f"weights/{weight.path.split('/')[-2]}/{weight.name}" for weight in network.weights]


def download_weights(client: httpx.Client, name: str) -> dict[str, np.ndarray]:
    """Download a model's weights as safetensors."""
    reply = client.get(f"/v1/models/{name}/weights", headers={"accept": SAFETENSORS})
    assert reply.headers["content-type"] == SAFETENSORS
    return dict(load(reply.content))


def problems(reply: httpx.Response, status: int) -> list[dict[str, Any]]:
    """Return the problems of an error response."""
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    return list(reply.json()["errors"])


@pytest.mark.parametrize("file", ["m.safetensors", "m.npz", "m.weights.h5", "m.keras"])
def test_every_upload_format_gives_the_weights_of_keras(
    client: httpx.Client, network: keras.Model, files: dict[str, bytes], file: str
) -> None:
    """With the model or later: the same id, bit-identical weights, and Keras' activations."""
    form = {"model": network.to_json(), "weights": files[file]}
    created = client.put("/v1/models/m", files=form)
    assert created.status_code == 201, created.text
    client.put("/v1/models/later", content=network.to_json())
    replaced = client.put("/v1/models/later/weights", content=files[file])
    assert (replaced.status_code, replaced.json()["id"]) == (200, created.json()["id"])
    weights = download_weights(client, "m")
    assert sorted(weights) == sorted(names(network))
    for name, expected in zip(names(network), network.get_weights(), strict=True):
        np.testing.assert_array_equal(weights[name], expected)
    image = np.random.default_rng(1).random((2, 8, 8, 1), "f4")
    reply = client.post("/v1/models/m/activations?layers=head", content=save({"input": image}),
                        headers={"content-type": SAFETENSORS, "accept": SAFETENSORS})  # fmt: skip
    np.testing.assert_allclose(load(reply.content)["head"], network(image), rtol=1e-5)


def test_a_keras_file_alone_is_a_model(client: httpx.Client, network: keras.Model, files: dict[str, bytes]) -> None:
    """Its config is used as the document."""
    alone = client.put("/v1/models/alone", files={"weights": files["m.keras"]})
    both = client.put("/v1/models/both", files={"model": network.to_json(), "weights": files["m.npz"]})
    assert alone.status_code == 201, alone.text
    assert alone.json()["id"] == both.json()["id"]


@pytest.mark.parametrize("kind", [SAFETENSORS, "application/x-npz"])
def test_downloaded_weights_can_be_uploaded(
    client: httpx.Client, network: keras.Model, files: dict[str, bytes], kind: str
) -> None:
    """A round trip preserves bits and id, raw or as a form."""
    entry = client.put("/v1/models/m", files={"model": network.to_json(), "weights": files["m.npz"]}).json()
    body = client.get("/v1/models/m/weights", headers={"accept": kind}).content
    client.put("/v1/models/m", content=network.to_json())
    assert client.get("/v1/models/m/weights", headers={"accept": kind}).content != body
    for arguments in ({"content": body, "headers": {"content-type": kind}}, {"files": {"weights": body}}):
        again = client.put("/v1/models/m/weights", **arguments)  # type: ignore[arg-type]
        assert again.json()["id"] == entry["id"]
        assert client.get("/v1/models/m/weights", headers={"accept": kind}).content == body


def test_json_weights_have_full_precision(client: httpx.Client, network: keras.Model, files: dict[str, bytes]) -> None:
    """Numbers parsed as float32 equal the weights, also of a single layer."""
    client.put("/v1/models/m", files={"weights": files["m.keras"]})
    reply = client.get("/v1/models/m/weights").json()
    rows = [row for layer in reply["layers"] for row in layer["weights"]]
    for row, expected in zip(rows, network.get_weights(), strict=True):
        np.testing.assert_array_equal(np.array(row["data"], "f4"), expected)
    one = client.get("/v1/models/m/layers/head/weights?format=npz").content
    with np.load(io.BytesIO(one)) as archive:
        np.testing.assert_array_equal(archive["weights/head/kernel"], network.get_layer("head").get_weights()[0])


def test_new_weights_change_the_id_and_unused_files_are_removed(
    server: Server, client: httpx.Client, network: keras.Model, files: dict[str, bytes]
) -> None:
    """The list contains the digest of uploaded weights, null for those of the seed."""
    plain = client.put("/v1/models/m", content=network.to_json()).json()
    given = client.put("/v1/models/m/weights", content=files["m.npz"]).json()
    assert (plain["weights"], given["weights"][:7]) == (None, "sha256:")
    assert plain["id"] != given["id"]
    assert client.get("/v1/models").json()["models"] == [given]
    assert len(list((server.data_dir / "weights").iterdir())) == 1
    client.put("/v1/models/m", content=network.to_json())
    assert list((server.data_dir / "weights").iterdir()) == []


def test_mismatched_tensors_are_listed_by_name(
    server: Server, client: httpx.Client, network: keras.Model, files: dict[str, bytes]
) -> None:
    """Missing, unknown, wrong shape or dtype, or not finite; the model is unchanged and nothing is stored."""
    before = client.put("/v1/models/m", files={"model": network.to_json(), "weights": files["m.npz"]}).json()
    weights = download_weights(client, "m")
    del weights["weights/conv/bias"]
    weights["weights/head/kernel"] = weights["weights/head/kernel"].T.copy()
    weights["weights/norm/gamma"] = weights["weights/norm/gamma"].astype("f8")
    found = problems(client.put("/v1/models/m/weights", content=save({**weights, "extra": np.ones(1)})), 422)
    assert {problem["message"] for problem in found} == {
        "the network has no such weight", "conv/bias is missing", "head/kernel is of another shape",
        "norm/gamma is of another dtype",
    }  # fmt: skip
    whole = download_weights(client, "m")
    whole["weights/head/bias"][:] = np.nan
    (found_nan,) = problems(client.put("/v1/models/m", files={"model": network.to_json(), "weights": save(whole)}), 422)
    assert found_nan["pointer"] == "/weights/head~1bias"
    assert client.get("/v1/models").json()["models"] == [before]
    assert len(list((server.data_dir / "weights").iterdir())) == 1
    assert {file.name for folder in (server.data_dir / "tmp").iterdir() for file in folder.iterdir()} <= {"lock"}


def test_a_keras_file_with_code_is_rejected(client: httpx.Client, tmp_path: Path) -> None:
    """The pointer names the Lambda in the file's config."""
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2), layers.Lambda(lambda x: x, name="code")])
    model.save(tmp_path / "m.keras")
    found = problems(client.put("/v1/models/m", files={"weights": (tmp_path / "m.keras").read_bytes()}), 422)
    assert [problem["pointer"] for problem in found] == ["/weights/config.json/config/layers/2/class_name"]
    assert client.get("/v1/models").json()["models"] == []


@pytest.mark.parametrize(
    ("form", "pointer"),
    [({"model": b"{}", "wieghts": b""}, "/wieghts"), ({"weights": b"{}"}, "/weights"),
     ({"model": b"PK\x03\x04"}, "/model"), ({"model": b"{"}, "/model"),
     ({"model": b'{"input":[4],"layers":[{"type":"Dens","units":1}]}'}, "/model/layers/0/type"),
     ({"model": b'[{"type":"Flatten"}]', "weights": b"x" * 20}, "/model/input")],
)  # fmt: skip
def test_invalid_forms_are_rejected(client: httpx.Client, form: dict[str, bytes], pointer: str) -> None:
    """The pointer begins with the part's name."""
    reply = client.put("/v1/models/m", files=form)
    assert reply.status_code in (400, 422)
    assert [problem["pointer"] for problem in reply.json()["errors"]] == [pointer]


def test_uploads_of_weights_need_a_name_and_a_file(
    client: httpx.Client, network: keras.Model, files: dict[str, bytes]
) -> None:
    """Models addressed by id are immutable, JSON is not a weights file, and a truncated form is a 400."""
    assert client.put("/v1/models/m/weights", content=files["m.npz"]).status_code == 404
    entry = client.put("/v1/models/m", content=network.to_json()).json()
    assert client.put(f"/v1/models/{entry['id']}/weights", content=files["m.npz"]).status_code == 422
    assert client.put("/v1/models/m/weights", json={}).status_code == 415
    assert client.put("/v1/models/m/weights", content=b"").status_code == 400
    assert client.put("/v1/models/m/weights", content=b"not a file of weights").status_code == 400
    half = b'--b\r\nContent-Disposition: form-data; name="weights"; filename="w"\r\n\r\n' + files["m.npz"]
    kind = {"content-type": "multipart/form-data; boundary=b"}
    assert client.put("/v1/models/m/weights", content=half, headers=kind).status_code == 400
    both = client.put("/v1/models/m/weights", files={"model": b"{}", "weights": files["m.npz"]})
    assert both.status_code == 422
    assert client.get("/v1/models").json()["models"] == [entry]


def test_uploads_are_limited(start_stub_server: StartServer, tmp_path: Path) -> None:
    """By received bytes, announced or not, by decompressed size, and by concurrent uploads."""
    document = b'{"input":[4],"layers":[{"type":"Dense","units":1}]}'
    with start_stub_server(
        tmp_path, MAX_WEIGHTS="64KiB", MAX_BODY="64KiB", MAX_UPLOADS="1", BODY_SECONDS="30"
    ) as server:
        server.client.put("/v1/models/m", content=document)
        big = bytes(200_000)
        (announced,) = problems(server.client.put("/v1/models/m/weights", content=big), 413)
        assert announced["expected"] == "at most 131,072 bytes"
        pieces = (big[start : start + 1000] for start in range(0, len(big), 1000))
        problems(server.client.put("/v1/models/m/weights", content=pieces), 413)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.npy", "w") as member:
            np.save(member, np.zeros(20_000, "f4"))
        problems(server.client.put("/v1/models/m/weights", content=packed.getvalue()), 413)
        with server.begun("PUT", "/v1/models/m/weights", 1) as first:
            refused = server.client.put("/v1/models/m/weights", content=b"y")
            first.send(b"x")
            assert first.getresponse().status == 400
        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
        assert refused.headers["retry-after"]
        assert server.client.put("/v1/models/m/weights", content=b"y").status_code == 400


@contextmanager
def stopped_engine(server: Server) -> Iterator[None]:
    """Stop the engine's process during the block."""
    pid = server.engine_pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_requests_in_flight_finish_on_the_old_weights(
    server: Server, client: httpx.Client, network: keras.Model, files: dict[str, bytes]
) -> None:
    """A queued run keeps its weights although the name is deleted."""
    client.put("/v1/models/m", files={"model": network.to_json(), "weights": files["m.npz"]})
    image = np.ones((1, 8, 8, 1), "f4")
    body = json.dumps({"inputs": image.tolist()}).encode()
    path = "/v1/models/m/activations?layers=head&format=safetensors"
    with server.begun("POST", path, len(body)) as waiting:
        with stopped_engine(server):
            waiting.send(body)
            assert client.get("/v1/models/m?as=document").status_code == 200  # later, so the run has its model
            assert client.delete("/v1/models/m").status_code == 204
        reply = waiting.getresponse()
        assert reply.status == 200
        np.testing.assert_allclose(load(reply.read())["head"], network(image), rtol=1e-5)
    assert client.get("/v1/models/m").status_code == 404


def test_empty_weights_equal_no_weights(client: httpx.Client) -> None:
    """For a network without weights: the same id, and nothing is stored."""
    document = b'{"input":[4],"layers":[{"type":"ReLU"}]}'
    plain = client.put("/v1/models/plain", content=document).json()
    given = client.put("/v1/models/given", files={"model": document, "weights": save({})}).json()
    assert (given["id"], given["weights"]) == (plain["id"], None)


def test_the_id_of_a_run_depends_on_the_input_shape(client: httpx.Client) -> None:
    """For a document without a declared input."""
    client.put("/v1/models/free", content=b'[{"type":"Dense","units":4}]')
    replies = [client.post("/v1/models/free/activations", json={"inputs": [[1] * n]}).json() for n in (2, 4, 2)]
    ids = [reply["model"]["id"] for reply in replies]
    assert ids[0] == ids[2] != ids[1]
    assert [reply["model"]["parameters"] for reply in replies] == [12, 20, 12]


def uploads(server: Server) -> list[Path]:
    """Return the files of received or incoming weights."""
    return list(server.data_dir.glob("tmp/*/*/weights"))


def test_a_conflicting_update_is_rejected(
    server: Server, client: httpx.Client, network: keras.Model, files: dict[str, bytes]
) -> None:
    """A document put during the upload wins; the upload gets a 503 with Retry-After."""
    client.put("/v1/models/m", content=network.to_json())
    body = files["m.weights.h5"]
    with server.begun("PUT", "/v1/models/m/weights", len(body)) as late:
        with stopped_engine(server):
            late.send(body)
            server.wait_until(lambda: [file.stat().st_size for file in uploads(server)] == [len(body)])
            assert client.get("/v1/models/m?as=document").status_code == 200  # later, so the upload has its model
            replaced = client.put("/v1/models/m", content=b'[{"type":"Flatten"}]').json()
        reply = late.getresponse()
        assert (reply.status, json.load(reply)["code"]) == (503, "superseded")
        assert reply.headers["retry-after"]
    assert client.get("/v1/models").json()["models"] == [replaced]
