"""Hand-written requests to `/v2`: bodies that clients do not send, repository, statistics, errors."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from tritonclient.utils import InferenceServerException

from tests.unit.serving import StoppedPool, StubPool, running, wait_until

if TYPE_CHECKING:
    from tests.conftest import Server

HEADER = "Inference-Header-Content-Length"
MODEL = {"input": [None, 2], "layers": [{"type": "Dense", "units": 3}, {"type": "ReLU"}]}
PATH = "/v2/models/small/infer"
X = np.float32([[[1, -2], [3, 4]]])
INPUT = {"name": "input", "shape": [1, 2, 2], "datatype": "FP32"}
IN_JSON = {**INPUT, "data": X.tolist()}
IN_BYTES = {**INPUT, "parameters": {"binary_data_size": 16}}


@pytest.fixture(scope="module")
def url(server: Server) -> str:
    """The address of a service with MODEL registered as `small`."""
    server.client.put("/v1/models/small", json=MODEL).raise_for_status()
    return server.url.removeprefix("http://")


@pytest.fixture
def client(url: str) -> Iterator[triton.InferenceServerClient]:
    """Triton's client."""
    with triton.InferenceServerClient(url) as made:
        yield made


@pytest.fixture(scope="module")
def infer(server: Server, url: str) -> Callable[..., httpx.Response]:
    """`infer(head, tail, **headers)`: posts JSON followed by bytes."""

    def post(head: Any, tail: bytes = b"", encode: Callable[[bytes], bytes] = bytes, **headers: str) -> httpx.Response:
        text = head if isinstance(head, bytes) else json.dumps(head).encode()
        own = {HEADER: str(len(text))} if tail else {}
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return server.post(PATH, content=encode(text + tail), headers={"Accept-Encoding": "identity", **own, **given})

    return post


def error_of(reply: httpx.Response, status: int) -> dict[str, Any]:
    """Return the error of a response, after checking the members of the protocol and of problem documents."""
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/json"
    body: dict[str, Any] = reply.json()
    assert body["status"] == status
    assert isinstance(body["error"], str)
    assert body["code"] == body["type"].rpartition(":")[2]
    return body


def values(reply: httpx.Response) -> np.ndarray[Any, Any]:
    """Return the only, binary output of a response."""
    assert reply.status_code == 200, reply.text
    head = int(reply.headers[HEADER])
    (output,) = json.loads(reply.content[:head])["outputs"]
    assert reply.headers["content-type"] == "application/octet-stream"
    assert len(reply.content) - head == output["parameters"]["binary_data_size"]
    return np.frombuffer(reply.content[head:], np.float32).reshape(output["shape"])


def test_a_raw_binary_body_is_one_input(server: Server, infer: Callable[..., httpx.Response]) -> None:
    """One example; the free dimension follows from the length, and every output is binary."""
    expected = np.float32(server.run(MODEL, X.tolist())["layers"][1]["data"])
    reply = server.post(PATH, content=X.tobytes(), headers={HEADER: "0"})
    assert np.array_equal(values(reply), expected)
    asked = {"inputs": [IN_JSON], "parameters": {"binary_data_output": True}}
    assert np.array_equal(values(infer(asked)), expected)
    error = error_of(server.post(PATH, content=X.tobytes()[1:], headers={HEADER: "0"}), 400)
    assert error["error"] == "the body is not input (expected (1, any, 2) of FP32; received 15 bytes)"


def test_data_may_be_flat_nested_and_contain_literals(infer: Callable[..., httpx.Response]) -> None:
    """NaN and infinities as Triton's clients write them, and as `/v1` does."""
    flat = infer({"inputs": [{**INPUT, "data": X.reshape(-1).tolist()}]}).json()["outputs"]
    assert flat == infer({"inputs": [IN_JSON]}).json()["outputs"]
    assert flat[0]["shape"] == [1, 2, 3]
    text = json.dumps({"inputs": [{**INPUT, "data": [float("nan"), 1, float("inf"), "-Infinity"]}],
                       "outputs": [{"name": "input"}]}).encode()  # fmt: skip
    assert b"[NaN, 1, Infinity, " in text
    assert b'"data":[NaN,1.0,Infinity,-Infinity]' in infer(text).content


@pytest.mark.parametrize(
    ("head", "tail", "message"),
    [
        ({"inputs": []}, b"", "/inputs: the input input is missing"),
        ({"inputs": [{**IN_JSON, "name": "inputs"}]}, b"", "/inputs/0/name: the model has no input of this name"),
        ({"inputs": [IN_JSON, IN_JSON]}, b"", "/inputs/1/name: the input input is given twice"),
        ({"inputs": [INPUT]}, b"", "/inputs/0: an input has either data or binary_data_size"),
        ({"inputs": [{**IN_BYTES, "data": [1]}]}, b"x" * 16, "/inputs/0: an input has either data or"),
        ({"inputs": [IN_BYTES]}, b"x" * 15, "/inputs/0: unexpected size for input input"),
        ({"inputs": [IN_BYTES]}, b"x" * 17, "unexpected additional input data"),
        ({"inputs": [{**IN_BYTES, "shape": [1, 2, 3]}]}, b"x" * 16, "/inputs/0: the bytes do not fill the shape"),
        ({"inputs": [{**IN_BYTES, "shape": [2**40, 2**40, 2]}]}, b"x" * 16, "/inputs/0/shape: the shape is too large"),
        ({"inputs": [{**IN_BYTES, "shape": [-1, 2, 2]}]}, b"x" * 16, "/inputs/0/shape: this is not a shape"),
        ({"inputs": [{**IN_JSON, "data": [1, 2, 3]}]}, b"", "/inputs/0/data: the data does not fill the shape"),
        ({"inputs": [{**IN_JSON, "datatype": "INT8", "data": [1.5, 2, 3, 4]}]}, b"", "/inputs/0/data: a value cannot"),
        ({"inputs": [{**IN_JSON, "datatype": "BF16"}]}, b"", "/inputs/0: BF16 has no form in JSON"),
        ({"inputs": [{**IN_JSON, "shape": [1, 4], "data": [1, 2, 3, 4]}]}, b"", "/inputs/0: the shape of input"),
        ({"inputs": [{**INPUT, "shape": [0, 2, 2], "data": []}]}, b"", "/inputs/0: input is empty: axis 0"),
        ({"inputs": [{**INPUT, "shape": [1], "datatype": "BYTES", "data": ["eA=="]}]}, b"", "/inputs/0: the network's"),
        ({"inputs": [IN_JSON], "outputs": [{"name": "dense*"}]}, b"", "/outputs/0/name: an output is one tensor"),
        ({"inputs": [IN_JSON], "outputs": [{"name": "dense"}] * 2}, b"", "/outputs/1/name: dense is asked for twice"),
        ({"inputs": [IN_JSON], "outputs": [{"name": "dense", "parameters": {"top": 9}}]}, b"",
         "/outputs/0/parameters/top: dense: the last axis has fewer units"),
        ({"inputs": [IN_JSON], "outputs": [{"name": "dense", "parameters": {"top": 1, "classification": 1}}]}, b"",
         "/outputs/0/parameters/classification: classes are made"),
        ({"inputs": [IN_JSON], "parameters": {"reduce": "mean@z"}}, b"", "/parameters/reduce: "),
        (b"{", b"", "the body is not JSON"),
        (b"[]", b"", "the body is not an object"),
        (b"", b"", "the body is empty"),
    ],
)  # fmt: skip
def test_invalid_requests_are_400(infer: Callable[..., httpx.Response], head: Any, tail: bytes, message: str) -> None:
    """With a single line that begins with the pointer."""
    assert error_of(infer(head, tail), 400)["error"].startswith(message)


@pytest.mark.parametrize("header", ["-1", "x", "99999999999999999999999", "1000000"])
def test_invalid_header_lengths_are_400(server: Server, url: str, header: str) -> None:
    """The connection stays usable."""
    reply = server.post(PATH, content=b"{}", headers={HEADER: header})
    assert "is not the length of the JSON" in error_of(reply, 400)["error"]


@pytest.mark.parametrize(("name", "encode"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_compressed_requests_are_accepted(
    infer: Callable[..., httpx.Response], name: str, encode: Callable[[bytes], bytes]
) -> None:
    """The header counts the uncompressed JSON; truncated or overlong streams are rejected."""
    asked = {"inputs": [IN_BYTES]}
    assert infer(asked, X.tobytes(), encode, Content_Encoding=name).json() == infer(asked, X.tobytes()).json()
    torn = infer(asked, X.tobytes(), lambda body: encode(body)[:-3], Content_Encoding=name)
    assert "cut off" in error_of(torn, 400)["error"]
    more = infer(asked, X.tobytes(), lambda body: encode(body) + b"x", Content_Encoding=name)
    assert "more after its end" in error_of(more, 400)["error"]
    assert f"the body is not {name}" in error_of(infer(asked, X.tobytes(), Content_Encoding=name), 400)["error"]


def test_unknown_content_codings_are_501(infer: Callable[..., httpx.Response]) -> None:
    """The response lists the accepted ones."""
    reply = infer({"inputs": [IN_JSON]}, Content_Encoding="br")
    assert error_of(reply, 501)["code"] == "unsupported_encoding"
    assert reply.headers["accept-encoding"] == "gzip, deflate"


def test_only_inference_responses_are_compressed(server: Server, infer: Callable[..., httpx.Response]) -> None:
    """From 1 KiB, by the client's preference; clients cannot decompress other responses and errors."""
    large = {"inputs": [{**INPUT, "shape": [1, 500, 2], "data": [0.1] * 1000}]}
    every = "gzip, deflate, br"
    reply = infer(large, Accept_Encoding=every)
    assert reply.headers["content-encoding"] == "gzip"
    assert reply.json()["outputs"] == infer(large).json()["outputs"]
    assert infer(large, Accept_Encoding="gzip;q=0.1, deflate").headers["content-encoding"] == "deflate"
    assert "content-encoding" not in infer(large, Accept_Encoding="br").headers
    assert "content-encoding" not in infer({"inputs": [IN_JSON]}, Accept_Encoding=every).headers
    for path in ("/v2", "/v2/models/small", "/v2/models/stats", "/v2/models/nobody" + "x" * 2000):
        assert "content-encoding" not in server.client.get(path, headers={"Accept-Encoding": every}).headers


async def test_decompression_bombs_are_rejected(tmp_path: Path) -> None:
    """The decompressed size counts towards both body limits, and is a 413."""
    bomb = gzip.compress(b" " * (3 << 20))
    async with (
        running(tmp_path, pool=StubPool, max_body="2MiB", max_bodies="4MiB") as small,
        httpx.AsyncClient(base_url=small.url, timeout=60) as client,
    ):
        (await client.put("/v1/models/small", json=MODEL)).raise_for_status()
        for _ in range(3):
            reply = await client.post(PATH, content=bomb, headers={"Content-Encoding": "gzip"})
            assert "once it is decompressed" in error_of(reply, 413)["error"]
        reply = await client.post(PATH, content=b" " * (3 << 20))
        assert "the body is over its limit" in error_of(reply, 413)["error"]


def test_models_are_loaded_and_unloaded(client: triton.InferenceServerClient, server: Server) -> None:
    """In `/v2` only; an unknown name is a 400, as from Triton."""
    server.client.put("/v1/models/rests", json=MODEL).raise_for_status()
    client.unload_model("rests", unload_dependents=True)
    assert not client.is_model_ready("rests")
    index = {one["name"]: one for one in client.get_model_repository_index()}
    assert index["rests"] == {"name": "rests", "version": "1", "state": "UNAVAILABLE", "reason": "unloaded"}
    assert index["small"]["state"] == "READY"
    ready = server.post("/v2/repository/index", json={"ready": True}).json()
    assert "small" in {one["name"] for one in ready}
    assert "rests" not in {one["name"] for one in ready}
    with pytest.raises(InferenceServerException, match=r"\[400\] the model rests is not ready: it was unloaded"):
        client.infer("rests", [triton.InferInput("input", [1, 1, 2], "FP32").set_data_from_numpy(X[:, :1])])
    reply = server.post("/v1/models/rests/activations", json={"inputs": X.tolist()})
    assert reply.status_code == 200
    client.load_model("rests")
    assert client.is_model_ready("rests")
    for call in (client.load_model, client.unload_model):
        with pytest.raises(InferenceServerException, match=r'\[400\] there is no model of this name .*use "rests"'):
            call("rest")
    with pytest.raises(InferenceServerException, match=r"\[400\] /parameters: config is not read here"):
        client.load_model("rests", config="{}")
    reply = server.post("/v2/repository/models/rests/load", json={"parameters": {"file:1/model": "eQ=="}})
    assert error_of(reply, 400)["error"].startswith("/parameters: file:1/model is not read here")


def test_statistics_count_inferences_and_failures(client: triton.InferenceServerClient, server: Server) -> None:
    """Examples, runs and failures per batch size, and the time of every phase."""
    server.client.put("/v1/models/counted", json=MODEL).raise_for_status()
    for batch in (1, 3, 3):
        x = np.ones((batch, 2, 2), np.float32)
        client.infer("counted", [triton.InferInput("input", [batch, 2, 2], "FP32").set_data_from_numpy(x)])
    with pytest.raises(InferenceServerException):
        client.infer("counted", [triton.InferInput("x", [1, 2, 2], "FP32").set_data_from_numpy(X)])
    (found,) = client.get_inference_statistics("counted", "1")["model_stats"]
    assert found in client.get_inference_statistics()["model_stats"]
    assert (found["name"], found["inference_count"], found["execution_count"]) == ("counted", 7, 3)
    stats = found["inference_stats"]
    assert (stats["success"]["count"], stats["fail"]["count"], stats["cache_hit"]["count"]) == (3, 1, 0)
    steps = ("queue", "compute_input", "compute_infer", "compute_output")
    assert all(stats[step]["count"] == 3 and stats[step]["ns"] > 0 for step in steps)
    assert sum(stats[step]["ns"] for step in steps) <= stats["success"]["ns"]
    assert [(one["batch_size"], one["compute_infer"]["count"]) for one in found["batch_stats"]] == [(1, 1), (3, 2)]
    assert found["last_inference"] > 1_600_000_000_000


@pytest.mark.parametrize(
    "call",
    ["get_trace_settings", "update_trace_settings", "get_log_settings", "get_system_shared_memory_status",
     "get_cuda_shared_memory_status", "unregister_system_shared_memory", "unregister_cuda_shared_memory"],
)  # fmt: skip
async def test_unsupported_extensions_are_501(client: triton.InferenceServerClient, url: str, call: str) -> None:
    """With a message that both clients show."""
    with pytest.raises(InferenceServerException, match=r"\[501\] Trace settings, log settings and shared memory"):
        getattr(client, call)()
    async with triton_aio.InferenceServerClient(url) as aio:
        with pytest.raises(InferenceServerException, match=r"\[501\]"):
            await getattr(aio, call)()


async def test_the_asynchronous_client_reads_every_response(url: str) -> None:
    """It accepts gzip on every call, but decompresses inferences only."""
    async with triton_aio.InferenceServerClient(url) as aio:
        live, ready, model, index, stats, configuration, server = await asyncio.gather(
            aio.is_server_live(), aio.is_server_ready(), aio.get_model_metadata("small"),
            aio.get_model_repository_index(), aio.get_inference_statistics(), aio.get_model_config("small"),
            aio.get_server_metadata(),
        )  # fmt: skip
        assert live
        assert ready
        assert await aio.is_model_ready("small", "1")
        assert model["name"] == configuration["name"] == "small"
        assert {one["name"] for one in index} == {one["name"] for one in stats["model_stats"]}
        assert server["name"] == "layerscope"
        await aio.unload_model("small")
        assert not await aio.is_model_ready("small")
        await aio.load_model("small")
        with pytest.raises(InferenceServerException, match=r'\[404\] there is no model of this name .*use "small"'):
            await aio.get_model_metadata("smal")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v2/nothing", 404), ("POST", "/v2", 405), ("GET", PATH, 405), ("GET", "/v2/models/nobody/ready", 404),
     ("GET", "/v2/models/small/versions/2", 404), ("POST", "/v2/repository/index", 400)],
)  # fmt: skip
def test_framework_errors_have_the_protocol_shape(
    server: Server, url: str, method: str, path: str, status: int
) -> None:
    """For unknown paths, methods and models."""
    error_of(server.client.request(method, path, content=b"[]"), status)


async def test_live_before_ready(tmp_path: Path) -> None:
    """The server is live at once and ready with the first engine."""
    async with (
        running(tmp_path, pool=StoppedPool) as starting,
        triton_aio.InferenceServerClient(starting.url.removeprefix("http://")) as client,
    ):
        assert await client.is_server_live()
        assert not await client.is_server_ready()
        async with httpx.AsyncClient(base_url=starting.url) as http:
            error_of(await http.get("/v2/health/ready"), 503)
        starting.engines.resume()
        await wait_until(lambda: starting.engines.states()[0].ready)
        assert await client.is_server_ready()


def test_text_outputs_are_bounded(server: Server, infer: Callable[..., httpx.Response]) -> None:
    """Images, classes and numbers as text are limited; binary outputs are not."""
    wide = {"input": [None, 2], "layers": [{"type": "UpSampling1D", "size": 64}] * 2}
    server.client.put("/v1/models/wide", json=wide).raise_for_status()
    x = {"name": "input", "shape": [1, 600, 2], "datatype": "FP32", "data": [0] * 1200}

    def ask(**output: Any) -> httpx.Response:
        head = {"inputs": [x], "outputs": [{"name": "up_sampling1d_1", "parameters": output}]}
        return server.post("/v2/models/wide/infer", json=head)

    assert "binary_data" in error_of(ask(), 413)["error"]
    assert error_of(ask(classification=100_000), 413)["errors"][0]["received"] == "100,000"
    assert ask(binary_data=True).status_code == ask(classification=10).status_code == 200
    server.client.delete("/v1/models/wide")
    images = {"input": [1, 1, 1], "layers": [{"type": "Flatten"}]}
    server.client.put("/v1/models/images", json=images).raise_for_status()
    many = {"name": "input", "shape": [257], "datatype": "BYTES", "parameters": {"binary_data_size": 257 * 4}}
    head = json.dumps({"inputs": [many]}).encode()
    reply = server.post("/v2/models/images/infer", content=head + bytes(257 * 4), headers={HEADER: str(len(head))})
    assert error_of(reply, 413)["errors"][0]["expected"] == "at most 256 images"
    server.client.delete("/v1/models/images")


@pytest.mark.parametrize("text", [b'"id":"\\ud800",', b'"parameters":{"priority":1e400},'])
def test_nan_literals_do_not_relax_other_checks(infer: Callable[..., httpx.Response], text: bytes) -> None:
    """Lone surrogates and numbers out of range are rejected."""
    inputs = json.dumps([{**INPUT, "data": X.tolist()}]).encode().replace(b"1.0", b"NaN", 1)
    error_of(infer(b"{" + text + b'"inputs":' + inputs + b"}"), 400)
    assert infer(b'{"inputs":' + inputs + b"}").status_code == 200


def test_registering_a_name_again_loads_it(client: triton.InferenceServerClient, server: Server) -> None:
    """Unloading applies to the model that the name referred to."""
    server.client.put("/v1/models/again", json=MODEL).raise_for_status()
    client.unload_model("again")
    assert not client.is_model_ready("again")
    server.client.put("/v1/models/again", json={**MODEL, "seed": 5}).raise_for_status()
    assert client.is_model_ready("again")
    server.client.delete("/v1/models/again")
