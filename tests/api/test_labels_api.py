"""Class labels: in documents and parts of uploads, beside the indices of top units in every reply that has text."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import keras
import numpy as np
import pytest
import tritonclient.http as triton

from tests.api.conftest import Array, decoded, encoded

if TYPE_CHECKING:
    from tests.conftest import Server

UNITS = 7
NAMES = ["cat", "dog", "고양이", 'a "quoted" one', "bird", "cat", "2 fish"]
INPUTS = np.random.default_rng(0).normal(size=(3, 4)).astype("f4")
LAYERS = [
    {"type": "Dense", "units": 9, "name": "hidden"},
    {"type": "Dense", "units": UNITS, "name": "scores", "activation": "softmax"},
]
DOCUMENT: dict[str, Any] = {"input": [4], "layers": LAYERS}
LABELLED = {**DOCUMENT, "labels": NAMES}
NUMBERED = "".join(f"{number} {name}\r\n" for number, name in reversed(list(enumerate(NAMES)))).encode("utf-8-sig")


@pytest.fixture
def models(server: Server) -> Iterator[httpx.Client]:
    """The client of a server whose store is emptied afterwards."""
    yield server.client
    for entry in server.client.get("/v1/models").json()["models"]:
        server.client.delete(f"/v1/models/{entry['name']}")


@pytest.fixture(scope="module")
def scores(server: Server) -> Array:
    """The output of DOCUMENT for INPUTS, without labels."""
    reply = server.run(DOCUMENT, encoded(INPUTS), layers=["scores"], data="base64")
    return decoded(reply["layers"][0])


def put(client: httpx.Client, name: str, document: Any, **files: Any) -> dict[str, Any]:
    """Register a model, as a form if there are files, and return its entry."""
    path = f"/v1/models/{name}"
    reply = (
        client.put(path, files={"model": json.dumps(document), **files}) if files else client.put(path, json=document)
    )
    assert reply.status_code in (200, 201), reply.text
    return dict(reply.json())


def layers_of(client: httpx.Client, name: str, **options: Any) -> dict[str, dict[str, Any]]:
    """Run a registered model on INPUTS and return its layers by address."""
    reply = client.post(f"/v1/models/{name}/activations", json={"inputs": encoded(INPUTS), **options})
    assert reply.status_code == 200, reply.text
    return {row["address"]: row for row in reply.json()["layers"]}


def problem_of(reply: httpx.Response) -> tuple[int, str, str | None, str | None]:
    """Return status, pointer, expectation and received value of the only problem of a refusal."""
    (problem,) = reply.json()["errors"]
    assert len(reply.content) < 4000
    return reply.status_code, problem["pointer"], problem.get("expected"), problem.get("received")


def ranked(scores: Array, k: int) -> Array:
    """Return the indices of the k largest units of each item by NumPy."""
    return np.argsort(-scores, axis=-1, kind="stable")[..., :k]


def named(indices: Array) -> list[Any]:
    """Return the names of units, nested as their indices are."""
    return list(np.array(NAMES, object)[indices].tolist())


def test_top_units_have_names(models: httpx.Client, scores: Array) -> None:
    """Those of NumPy's argsort, before the softmax too; other layers have none."""
    put(models, "pets", LABELLED)
    rows = layers_of(models, "pets", layers=["hidden", "scores", "scores:pre"], top=3)
    for address in ("scores", "scores:pre"):
        assert rows[address]["top"]["indices"] == ranked(scores, 3).tolist()
        assert rows[address]["top"]["labels"] == named(ranked(scores, 3))
        assert "labels" not in rows[address]
    assert set(rows["hidden"]["top"]) == {"indices", "values"}


def test_values_have_the_names_of_their_units(models: httpx.Client, scores: Array) -> None:
    """After slices those that are left; where the units are no axis any more, none, but of argmax."""
    put(models, "pets", LABELLED)

    def labels(**options: Any) -> Any:
        return layers_of(models, "pets", layers=["scores"], **options)["scores"].get("labels")

    assert labels() == labels(data="base64") == labels(reduce="mean@n") == NAMES
    assert labels(slice="0, 2:5") == NAMES[2:5]
    assert labels(slice="..., ::-2") == NAMES[::-2]
    assert labels(data="none") is labels(slice=":, 2") is labels(reduce="max@c") is labels(histogram=4) is None
    row = layers_of(models, "pets", layers=["scores"], reduce="argmax@c", slice=":, 1:5")["scores"]
    assert row["labels"] == NAMES[1:5]
    assert [row["labels"][index] for index in row["data"]] == named(1 + scores[:, 1:5].argmax(-1))
    row = layers_of(models, "pets", layers=["scores"], slice=":, 1:5", top=2)["scores"]
    assert row["top"]["labels"] == named(1 + ranked(scores[:, 1:5], 2))


def test_formats_of_text_have_names(models: httpx.Client, scores: Array) -> None:
    """JSON lines, and the metadata of safetensors; the tensors' bytes are those without labels."""
    put(models, "pets", LABELLED)
    put(models, "plain", DOCUMENT)
    run = {"inputs": encoded(INPUTS), "layers": ["scores"], "top": 2}
    lines = models.post("/v1/models/pets/activations?format=jsonl", json=run).text.splitlines()
    assert json.loads(lines[1])["top"]["labels"] == named(ranked(scores, 2))
    bodies = [models.post(f"/v1/models/{name}/activations?format=safetensors", json=run) for name in ("pets", "plain")]
    heads, tensors = zip(*(split_safetensors(reply.content) for reply in bodies), strict=True)
    entry, plain = (json.loads(head["__metadata__"]["layerscope"])["layers"][0] for head in heads)
    assert entry == {**plain, "labels": NAMES}
    assert tensors[0] == tensors[1]
    npz = [models.post(f"/v1/models/{name}/activations?format=npz", json=run).content for name in ("pets", "plain")]
    assert npz[0] == npz[1]


def split_safetensors(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the header and the tensors of a safetensors file."""
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def test_labels_are_no_part_of_the_identity(models: httpx.Client) -> None:
    """The id is the same with them; what the bytes of replies follow from is not, and has other ETags."""
    labels_of_name = {"a": None, "b": NAMES, "c": NAMES[::-1]}
    for name, labels in labels_of_name.items():
        put(models, name, DOCUMENT if labels is None else {**DOCUMENT, "labels": labels})
    graphs = [models.get(f"/v1/models/{name}") for name in labels_of_name]
    assert len({graph.json()["id"] for graph in graphs}) == 1
    assert [graph.json()["labels"] for graph in graphs] == [{}, {"scores": NAMES}, {"scores": NAMES[::-1]}]
    put(models, "c", {**DOCUMENT, "labels": NAMES})
    again = models.get("/v1/models/c", headers={"If-None-Match": graphs[2].headers["etag"]})
    assert again.json()["labels"] == {"scores": NAMES}
    run = {"inputs": encoded(INPUTS), "top": 1, "layers": ["scores"]}
    tag = models.post("/v1/models/c/activations", json=run).headers["etag"]
    assert models.post("/v1/models/c/activations", json=run, headers={"If-None-Match": tag}).status_code == 304
    put(models, "c", {**DOCUMENT, "labels": NAMES[::-1]})
    changed = models.post("/v1/models/c/activations", json=run, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


@pytest.mark.parametrize(
    "part",
    [
        ("labels.txt", NUMBERED),
        ("labels.txt", NUMBERED, "text/plain"),
        (None, json.dumps(NAMES)),
        (None, json.dumps({"scores": NAMES})),
        ("names.json", json.dumps(NAMES), "application/json"),
    ],
)
def test_a_part_of_the_form_has_the_labels(models: httpx.Client, part: Any) -> None:
    """Teachable Machine's file out of order with CRLF and a byte order mark, or JSON; as a file or as text."""
    put(models, "pets", DOCUMENT, labels=part)
    assert models.get("/v1/models/pets").json()["labels"] == {"scores": NAMES}


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # raised by Keras
def test_labels_come_with_a_file_of_keras(models: httpx.Client, tmp_path: Path) -> None:
    """Beside the one file, and stay when other weights are uploaded."""
    network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(UNITS, name="d")])
    network.save(tmp_path / "pets.keras")
    files = {"weights": (tmp_path / "pets.keras").read_bytes(), "labels": NUMBERED}
    assert models.put("/v1/models/pets", files=files).status_code == 201
    row = layers_of(models, "pets", layers=["d"], top=1)["d"]["top"]
    best = network.predict(INPUTS, verbose=0).argmax(-1)
    assert row["indices"] == best[:, None].tolist()
    assert row["labels"] == named(best[:, None])
    weights = models.get("/v1/models/pets/weights?format=npz").content
    assert models.put("/v1/models/pets/weights", content=weights).status_code == 200
    assert models.get("/v1/models/pets").json()["labels"] == {"d": NAMES}


def test_put_replaces_labels_too(models: httpx.Client) -> None:
    """By others, or by none, as it does the weights; so does DELETE."""
    put(models, "pets", LABELLED)
    put(models, "pets", DOCUMENT, labels=json.dumps(NAMES[::-1]))
    assert models.get("/v1/models/pets").json()["labels"] == {"scores": NAMES[::-1]}
    put(models, "pets", DOCUMENT)
    assert models.get("/v1/models/pets").json()["labels"] == {}
    assert "labels" not in layers_of(models, "pets")["scores"]
    put(models, "pets", LABELLED)
    assert models.delete("/v1/models/pets").status_code == 204
    put(models, "pets", DOCUMENT)
    assert models.get("/v1/models/pets").json()["labels"] == {}


def test_forms_of_the_document_keep_the_labels(models: httpx.Client) -> None:
    """The short form has them; beside Keras' JSON, which has no place for them, they are read."""
    put(models, "pets", LABELLED)
    document = models.get("/v1/models/pets?as=document").json()
    assert document["labels"] == NAMES
    put(models, "again", document)
    keras_json = models.get("/v1/models/pets?as=keras").json()
    assert "labels" not in keras_json
    for name, model in (
        ("k", {**keras_json, "labels": NAMES}),
        ("js", {"modelTopology": {"model_config": keras_json}, "labels": NAMES}),
    ):
        put(models, name, model)
    for name in ("again", "k", "js"):
        assert models.get(f"/v1/models/{name}").json()["labels"] == {"scores": NAMES}


def test_a_model_in_the_request_has_labels(server: Server, scores: Array) -> None:
    """With declared inputs or without."""
    for model in (LABELLED, {"layers": LAYERS, "labels": NAMES}, {**DOCUMENT, "labels": {"scores": NAMES}}):
        reply = server.run(model, encoded(INPUTS), layers=["scores"], top=2)
        assert reply["layers"][0]["top"]["labels"] == named(ranked(scores, 2))


@pytest.mark.parametrize(
    ("labels", "pointer", "expected", "received"),
    [
        (NAMES[:3], "/labels", "7, one for each unit of scores", "3"),
        ([*NAMES, "more"], "/labels", "7, one for each unit of scores", "8"),
        ({"scores": NAMES[:2]}, "/labels/scores", "7, one for each unit of scores", "2"),
        ({"hidden": NAMES}, "/labels/hidden", "one of scores", '"hidden"'),
        (["a", "b", "c", 4], "/labels/3", "a string", "4"),
        (["a", None], "/labels/1", "a string", "null"),
        (["a", " "], "/labels/1", "1 to 256 characters without control characters", '" "'),
        (["a", "b\0"], "/labels/1", "1 to 256 characters without control characters", '"b\\x00"'),
        (["a" * 1000], "/labels/0", "1 to 256 characters without control characters", "a string of 1000 characters"),
        ([], "/labels", "at least 1 items, or an object", "[]"),
        (7, "/labels", "an array, or an object", "7"),
        ("cat dog", "/labels", "an array, or an object", '"cat dog"'),
    ],
)
def test_labels_that_do_not_fit(models: httpx.Client, labels: Any, pointer: str, expected: str, received: str) -> None:
    """The same refusal of every route that reads a document, and nothing is stored."""
    document = {**DOCUMENT, "labels": labels}
    problem = (422, pointer, expected, received)
    below_model = (422, f"/model{pointer}", expected, received)
    assert problem_of(models.put("/v1/models/bad", json=document)) == problem
    assert problem_of(models.put("/v1/models/bad", files={"model": json.dumps(document)})) == below_model
    assert problem_of(models.post("/v1/plan", json={"model": document})) == below_model
    run = {"model": document, "inputs": encoded(INPUTS), "layers": ["hidden"]}
    assert problem_of(models.post("/v1/activations", json=run)) == below_model
    assert models.get("/v1/models/bad").status_code == 404


@pytest.mark.parametrize(
    ("text", "status", "pointer", "received"),
    [
        (b"0 cat\n1 dog", 422, "/labels", "2"),
        (b"0 cat\ndog", 422, "/labels", "line 1 with, line 2 without"),
        (b"1 cat\n2 dog", 422, "/labels", "no 0"),
        (b"cat\0\n", 422, "/labels", '"cat\\x00"'),
        (b"\xff\xfe\xfa\xfb", 422, "/labels", "text in UTF-16"),
        (b"caf\xe9", 422, "/labels", "byte 0xe9 at offset 3"),
        (b"a\n" * 1_000_000, 413, "/labels", "1,000,000"),
        (b"a" * 10_000_000, 413, "/labels", "more"),
        (b'["a", "b", "c", 4]', 422, "/labels/3", "4"),
        (b"", 422, "/labels", "nothing"),
    ],
)
def test_hostile_parts(models: httpx.Client, text: bytes, status: int, pointer: str, received: str) -> None:
    """A short refusal that names the part; nothing is stored."""
    for part in (text, ("labels.txt", text)):
        reply = models.put("/v1/models/bad", files={"model": json.dumps(DOCUMENT), "labels": part})
        assert problem_of(reply)[:2] == (status, pointer)
        assert problem_of(reply)[3] == received
    assert models.get("/v1/models/bad").status_code == 404


def test_labels_belong_to_one_place(models: httpx.Client) -> None:
    """Not to the document and the form both, not to an upload of weights, and not to the options of a run."""
    reply = models.put("/v1/models/bad", files={"model": json.dumps(LABELLED), "labels": NUMBERED})
    assert problem_of(reply)[:2] == (422, "/labels")
    assert problem_of(models.put("/v1/models/bad", files={"labels": NUMBERED}))[:2] == (422, "")
    put(models, "pets", DOCUMENT)
    weights = models.get("/v1/models/pets/weights?format=npz").content
    reply = models.put("/v1/models/pets/weights", files={"weights": weights, "labels": NUMBERED})
    assert problem_of(reply) == (422, "", "one part, weights", "labels")
    reply = models.post("/v1/models/pets/activations", json={"inputs": encoded(INPUTS), "labels": NAMES})
    assert "a member of the document" in reply.json()["errors"][0]["suggestion"]
    reply = models.put("/v1/models/bad", files={"model": json.dumps(DOCUMENT), "class_names": NUMBERED})
    assert reply.json()["errors"][0]["suggestion"] == 'write "labels"'


def test_several_outputs(models: httpx.Client) -> None:
    """A list belongs to the one that it fits; where two do, an object says which."""
    layers = [
        {"type": "Dense", "units": units, "name": name, "inputs": ["input"]}
        for name, units in (("a", 2), ("b", 2), ("c", 3))
    ]
    document = {"input": [4], "layers": layers, "outputs": ["a", "b", "c"]}
    put(models, "heads", {**document, "labels": ["x", "y", "z"]})
    assert models.get("/v1/models/heads").json()["labels"] == {"c": ["x", "y", "z"]}
    reply = models.put("/v1/models/heads", json={**document, "labels": ["x", "y"]})
    assert reply.json()["errors"][0]["suggestion"] == 'write "labels": {"a": […], "b": […]}'
    put(models, "heads", document, labels=json.dumps({"b": ["x", "y"], "c": ["u", "v", "w"]}))
    rows = layers_of(models, "heads")
    assert [rows[address].get("labels") for address in "abc"] == [None, ["x", "y"], ["u", "v", "w"]]


def test_inputs_that_are_known_later(models: httpx.Client) -> None:
    """Labels of a document without inputs are checked when it runs."""
    put(models, "later", {"layers": LAYERS, "labels": NAMES[:3]})
    assert models.get("/v1/models/later").json()["labels"] == {"scores": NAMES[:3]}
    reply = models.post("/v1/models/later/activations", json={"inputs": encoded(INPUTS)})
    assert problem_of(reply) == (422, "/labels", "7, one for each unit of scores", "3")


@pytest.mark.parametrize("binary", [True, False])
def test_classes_of_the_open_inference_protocol(
    models: httpx.Client, server: Server, scores: Array, binary: bool
) -> None:
    """`value:index:label`, as Triton writes them; of other layers `value:index`; after a slice, its units."""
    put(models, "pets", LABELLED)
    image = triton.InferInput("input", list(INPUTS.shape), "FP32").set_data_from_numpy(INPUTS)
    outputs = [triton.InferRequestedOutput(name, binary_data=binary, class_count=3) for name in ("scores", "hidden")]
    with triton.InferenceServerClient(server.url.removeprefix("http://")) as client:
        reply = client.infer("pets", [image], outputs=outputs)
        classes, others = (
            [[text_of(word) for word in row] for row in reply.as_numpy(name)] for name in ("scores", "hidden")
        )
    assert [[word.split(":", 2)[2] for word in row] for row in classes] == named(ranked(scores, 3))
    assert [[int(word.split(":")[1]) for word in row] for row in classes] == ranked(scores, 3).tolist()
    assert all(word.count(":") == 1 for row in others for word in row)
    body = {"inputs": [{"name": "input", "shape": [3, 4], "datatype": "FP32", "data": INPUTS.tolist()}],
            "outputs": [{"name": "scores", "parameters": {"classification": 1, "slice": ":, 1:3"}}]}  # fmt: skip
    data = models.post("/v2/models/pets/infer", json=body).json()["outputs"][0]["data"]
    assert [word.split(":", 2)[1:] for word in data] == [[str(i), NAMES[1 + i]] for i in scores[:, 1:3].argmax(-1)]


def text_of(word: bytes | str) -> str:
    """Return an element of BYTES as text."""
    return word.decode() if isinstance(word, bytes) else word


def test_labels_last(tmp_path: Path, start_stub_server: Callable[..., Any]) -> None:
    """In the store, in the document of those that have some, which another process opens."""
    with start_stub_server(tmp_path / "store") as first:
        put(first.client, "pets", {"layers": LAYERS, "labels": NAMES})
        put(first.client, "plain", {"layers": LAYERS})
    objects = sorted((tmp_path / "store" / "objects").glob("*.json"), key=lambda path: path.stat().st_size)
    assert ["labels" in json.loads(path.read_bytes()) for path in objects] == [False, True]
    with start_stub_server(tmp_path / "store") as second:
        labels = [second.client.get(f"/v1/models/{name}").json()["labels"] for name in ("pets", "plain")]
    assert labels == [{"scores": NAMES}, {}]


def test_layerscope_open_takes_labels(server: Server, models: httpx.Client, tmp_path: Path) -> None:
    """After the document and its weights, or after one file; before a model they have none."""
    (tmp_path / "pets.json").write_text(json.dumps(DOCUMENT))
    (tmp_path / "labels.txt").write_bytes(NUMBERED)
    put(models, "source", {**DOCUMENT, "seed": 5})
    (tmp_path / "w.npz").write_bytes(models.get("/v1/models/source/weights?format=npz").content)
    for files in (
        ["pets.json", "labels.txt"],
        ["pets.json", "w.npz", "labels.txt"],
        ["pets.json", "labels.txt", "w.npz"],
    ):
        ran = opened(server, *(tmp_path / file for file in files))
        assert ran.returncode == 0, ran.stderr
        graph = models.get("/v1/models/pets").json()
        assert graph["labels"] == {"scores": NAMES}
        assert (graph["weights"] is not None) == ("w.npz" in files)
    assert "labels follow the file" in opened(server, tmp_path / "labels.txt", tmp_path / "pets.json").stderr
    (tmp_path / "labels.txt").write_text("cat\ndog")
    ran = opened(server, tmp_path / "pets.json", tmp_path / "labels.txt")
    assert ran.returncode == 1
    assert "/labels: there are fewer labels than units; expected 7" in ran.stderr


def opened(server: Server, *files: Path) -> subprocess.CompletedProcess[str]:
    """Run `layerscope open` on the server's port."""
    command = [sys.executable, "-m", "service.cli", "open", *map(str, files), "--port", str(httpx.URL(server.url).port)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
