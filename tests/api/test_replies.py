"""One result in every format: equal bits and names, exact lengths, and clients that read slowly or disconnect."""

from __future__ import annotations

import base64
import io
import json
import re
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np
import pytest

if TYPE_CHECKING:
    import httpx

    from tests.conftest import Server

Array = np.ndarray[Any, Any]
StartServer = Callable[..., AbstractContextManager[Any]]

SAFETENSORS_DTYPES = {"F32": "<f4", "F16": "<f2", "BF16": ml_dtypes.bfloat16, "I64": "<i8", "I32": "<i4", "U8": "u1"}
SHARED: dict[str, Any] = {
    "seed": 3,
    "input": [4, 4, 2],
    "layers": [
        {"type": "Conv2D", "filters": 3, "kernel_size": 2, "activation": "tanh", "name": "conv"},
        {"type": "Block", "name": "block", "layers": [{"type": "BatchNormalization"}, {"type": "Flatten"}]},
        {"type": "Dense", "units": 2, "name": "half", "dtype": "float16", "inputs": ["block"]},
        {"type": "Dense", "units": 2, "name": "brain", "dtype": "bfloat16", "inputs": ["block"]},
        {"type": "Dense", "units": 4, "name": "twice", "calls": [["half"], ["brain"]]},
        {"type": "Add", "inputs": ["twice@0", "twice@1"]},
    ],
}
"""Several dtypes, a block and a shared layer."""
PICTURE = np.random.default_rng(0).normal(size=(2, 4, 4, 2)).astype(np.float32)
SELECTED = ["twice@1", "conv:pre", "conv", "half", "brain", "block/flatten", "input", "twice@0"]
WEIGHTS = ["twice/kernel", "twice/bias", "conv/kernel", "conv/bias", "half/kernel", "half/bias", "brain/kernel",
           "brain/bias"]  # fmt: skip
LINE = {"input": [None], "layers": [{"type": "Activation", "activation": "linear", "name": "line"}]}


def post(server: Server, model: Any, inputs: Array, accept: str | None = None, **options: Any) -> httpx.Response:
    """Run a model and return the reply, which must be a 200."""
    reply = request_run(server, model, inputs, accept, **options)
    assert reply.status_code == 200, reply.text[:2000]
    return reply


def request_run(server: Server, model: Any, inputs: Array, accept: str | None = None, **options: Any) -> httpx.Response:
    """Run a model and return the reply."""
    data = base64.b64encode(np.ascontiguousarray(inputs).tobytes()).decode()
    tensor = {"shape": list(inputs.shape), "dtype": inputs.dtype.name, "base64": data}
    headers = {"Accept-Encoding": "identity"} | ({"Accept": accept} if accept else {})
    return server.post("/v1/activations", json={"model": model, "inputs": tensor, **options}, headers=headers)


def safetensors(content: bytes) -> tuple[dict[str, Array], dict[str, str]]:
    """Parse the tensors in file order, and the metadata. (The safetensors library has no bfloat16 for NumPy.)"""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    metadata = header.pop("__metadata__")
    found = {}
    for name, entry in header.items():
        start, end = (8 + length + offset for offset in entry["data_offsets"])
        dtype = SAFETENSORS_DTYPES[entry["dtype"]]
        found[name] = np.frombuffer(content[start:end], dtype).reshape(entry["shape"])
    return found, metadata


def npz(content: bytes) -> dict[str, Array]:
    """Load the arrays of a .npz in file order."""
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def from_base64(row: dict[str, Any]) -> Array:
    """Decode the array of `{"shape", "dtype", "base64"}`."""
    dtype = np.dtype(getattr(ml_dtypes, row["dtype"], row["dtype"]))
    return np.frombuffer(base64.b64decode(row["base64"]), dtype).reshape(row["shape"])


def bits(array: Array) -> tuple[str, tuple[int, ...], bytes]:
    """Return dtype, shape and bits for comparison."""
    return (array.dtype.name, array.shape, array.tobytes())


def test_every_format_has_the_same_bits(server: Server) -> None:
    """JSON, base64, npz and safetensors of eight tensors with weights, in four dtypes and the requested order."""
    options = {"layers": SELECTED, "weights": True}
    rows = post(server, SHARED, PICTURE, **options, data="base64").json()["layers"]
    weights = {
        f"weights/{row['address'].partition('@')[0].removesuffix(':pre')}/{weight['name']}": bits(from_base64(weight))
        for row in rows
        for weight in row.get("weights", [])
    }
    expected = {row["address"]: bits(from_base64(row)) for row in rows} | weights
    assert [row["address"] for row in rows] == SELECTED
    assert list(weights) == [f"weights/{name}" for name in WEIGHTS]
    assert {dtype for dtype, _, _ in expected.values()} == {"float32", "float16", "bfloat16"}

    tensors, _ = safetensors(post(server, SHARED, PICTURE, **options, format="safetensors").content)
    assert {name: bits(array) for name, array in tensors.items()} == expected

    archive = npz(post(server, SHARED, PICTURE, **options, format="npz").content)
    widened = {name: array.astype(np.float32) if array.dtype == ml_dtypes.bfloat16 else array
               for name, array in tensors.items()}  # fmt: skip
    assert {name: bits(array) for name, array in archive.items()} == {n: bits(array) for n, array in widened.items()}

    nested = post(server, SHARED, PICTURE, **options).json()["layers"]
    for row in nested:
        assert bits(np.array(row["data"]).astype(tensors[row["address"]].dtype)) == expected[row["address"]]
        assert row["shape"] == list(np.shape(row["data"]))


def test_members_are_in_the_requested_order(server: Server) -> None:
    """Each layer is followed by its weights; shared weights follow the first call."""
    content = post(server, SHARED, PICTURE, layers=["twice@1", "half", "twice@0"], weights=True, format="npz").content
    assert list(npz(content)) == [
        "twice@1", "weights/twice/kernel", "weights/twice/bias", "half", "weights/half/kernel", "weights/half/bias",
        "twice@0",
    ]  # fmt: skip


def test_safetensors_metadata_contains_the_reply(server: Server) -> None:
    """It is the JSON reply without the arrays."""
    _, metadata = safetensors(post(server, SHARED, PICTURE, format="safetensors", stats=True).content)
    reply = post(server, SHARED, PICTURE, data="none").json()
    reported = json.loads(metadata["layerscope"])
    assert reported | {"timing": None} == reply | {"timing": None}
    assert set(reported["timing"]) == {"build_ms", "run_ms", "total_ms"}


@pytest.mark.parametrize(("accept", "format", "expected"), [
    (None, None, "application/json"),
    ("*/*", None, "application/json"),
    ("application/x-npz", None, "application/x-npz"),
    ("application/vnd.safetensors, */*;q=0.1", None, "application/vnd.safetensors"),
    ("application/json;q=0.5, application/x-npz;q=0.6", None, "application/x-npz"),
    ("application/json", "npz", "application/x-npz"),
    ("text/html", "safetensors", "application/vnd.safetensors"),
    ("application/x-npz", "json", "application/json"),
])  # fmt: skip
def test_format_takes_precedence_over_accept(
    server: Server, accept: str | None, format: str | None, expected: str
) -> None:
    """The `format`, else the preferred type of Accept, else JSON."""
    options = {"format": format} if format else {}
    assert post(server, LINE, np.ones((1, 2)), accept, **options).headers["content-type"] == expected


def test_unsupported_formats_are_406(server: Server) -> None:
    """The problem lists the supported formats, for Accept and for `format`."""
    body = {"model": LINE, "inputs": [[1, 2]]}
    offered = "one of application/json (json), application/x-npz (npz), application/vnd.safetensors (safetensors)"
    by_accept = server.post("/v1/activations", json=body, headers={"Accept": "text/html, image/jpeg"})
    by_name = server.post("/v1/activations", json=body | {"format": "nzp"})
    for reply, problem in (
        (by_accept, {"pointer": "", "message": "none of the accepted formats can be produced",
                     "received": '"text/html, image/jpeg"'}),
        (by_name, {"pointer": "/format", "message": "there is no such format here", "received": '"nzp"',
                   "suggestion": 'write "npz"'}),
    ):  # fmt: skip
        assert (reply.status_code, reply.json()["code"]) == (406, "not_acceptable")
        assert reply.json()["errors"][0].pop("expected").startswith(offered)
        assert {key: value for key, value in reply.json()["errors"][0].items() if key != "expected"} == problem


STRANGE = np.array([[np.nan, np.inf, -np.inf, -0.0, 1e-45, 3.4028235e38, 0.1, 0.0]], np.float32)
STRANGE.view(np.uint32)[0, 0] = 0x7FC12345  # a NaN with a payload
STRANGE_STATS = {
    "min": 0.0, "max": pytest.approx(3.4028235e38), "mean": pytest.approx(3.4028235e38 / 5),
    "std": pytest.approx(3.4028235e38 * 0.4), "zeros": 0.25, "nan": 1, "inf": 2,
}  # fmt: skip


def test_special_values_in_json(server: Server) -> None:
    """NaN and infinities are strings, never null; -0.0 and the extreme float32 values round-trip."""
    reply = post(server, LINE, STRANGE)
    (layer,) = reply.json()["layers"]
    assert b"null" not in reply.content.partition(b'"layers":')[2]
    assert layer["data"] == [["NaN", "Infinity", "-Infinity", 0.0, pytest.approx(1e-45), 3.4028235e38, 0.1, 0.0]]
    assert re.search(rb'"-Infinity",-0\.0,', reply.content)
    assert np.float32(layer["data"][0][4]) == STRANGE[0, 4] > 0
    assert layer["stats"] == STRANGE_STATS
    assert server.run(LINE, layer["data"])["layers"][0]["data"] == layer["data"]


def test_binary_formats_keep_every_bit(server: Server) -> None:
    """Including the payload of a NaN and the sign of a zero."""
    assert bits(npz(post(server, LINE, STRANGE, format="npz").content)["line"]) == bits(STRANGE)
    assert bits(safetensors(post(server, LINE, STRANGE, format="safetensors").content)[0]["line"]) == bits(STRANGE)
    assert bits(from_base64(post(server, LINE, STRANGE, data="base64").json()["layers"][0])) == bits(STRANGE)


def test_stats_without_finite_values_are_null(server: Server) -> None:
    """Without a finite value there is no minimum, maximum, mean and deviation."""
    layer = server.run(LINE, [["NaN", "Infinity"]])["layers"][0]
    assert layer["stats"] == {"min": None, "max": None, "mean": None, "std": None, "zeros": 0.0, "nan": 1, "inf": 1}


def test_stats_default_to_json_only(server: Server) -> None:
    """Binary formats include them on request, JSON unless disabled."""
    ones = np.ones((1, 2), np.float32)
    stats = {"min": 1.0, "max": 1.0, "mean": 1.0, "std": 0.0, "zeros": 0.0, "nan": 0, "inf": 0}
    whole = post(server, LINE, ones).json()
    assert (whole["layers"][0]["stats"], whole["inputs"]["input"]["stats"]) == (stats, stats)
    without = post(server, LINE, ones, stats=False).json()
    assert "stats" not in without["layers"][0]
    assert "stats" not in without["inputs"]["input"]
    metas = [json.loads(safetensors(post(server, LINE, ones, format="safetensors", **options).content)[1]["layerscope"])
            for options in ({}, {"stats": True})]  # fmt: skip
    assert [layer.get("stats") for one in metas for layer in one["layers"]] == [None, stats]


def test_data_can_be_omitted(server: Server) -> None:
    """`data=none` keeps shapes, statistics and the weights' shapes."""
    model = {"input": [2], "layers": [{"type": "Dense", "units": 1, "kernel_initializer": "ones", "name": "d"}]}
    body = server.run(model, [[1, 2]], data="none", weights=True)
    assert body["layers"] == [
        {
            "address": "d", "type": "Dense", "shape": [1, 1], "dtype": "float32", "parameters": 3,
            "stats": {"min": 3.0, "max": 3.0, "mean": 3.0, "std": 0.0, "zeros": 0.0, "nan": 0, "inf": 0},
            "weights": [{"name": "kernel", "shape": [2, 1], "dtype": "float32"},
                        {"name": "bias", "shape": [1], "dtype": "float32"}],
        }
    ]  # fmt: skip


def test_selected_layers_are_ordered_and_unique(server: Server) -> None:
    """In the order of the selectors; one that several select appears at its first position."""
    chosen = ["type:Dense", "conv", "block/*", "half", "**"]
    body = server.run(SHARED, PICTURE.tolist(), layers=chosen, data="none")
    assert [layer["address"] for layer in body["layers"]] == [
        "half", "brain", "twice@0", "twice@1", "conv", "block/batch_normalization", "block/flatten", "block", "add",
    ]  # fmt: skip
    every = [layer["address"] for layer in server.run(SHARED, PICTURE.tolist(), data="none")["layers"]]
    assert every == [
        "conv", "block/batch_normalization", "block/flatten", "half", "brain", "twice@0", "twice@1", "add",
    ]  # fmt: skip


LENGTH_KNOWN: dict[str, dict[str, Any]] = {
    "npz": {"format": "npz"}, "safetensors": {"format": "safetensors"}, "npy": {"format": "npy"},
    "base64": {"data": "base64"},
}  # fmt: skip


@pytest.mark.parametrize("options", LENGTH_KNOWN.values(), ids=LENGTH_KNOWN)
@pytest.mark.parametrize("size", [2, 300_000], ids=["small", "large"])
def test_content_length_is_exact(server: Server, options: dict[str, Any], size: int) -> None:
    """Whether streamed or not."""
    reply = post(server, LINE, np.ones((1, size), np.float32), **options)
    assert int(reply.headers["content-length"]) == len(reply.content)
    assert "transfer-encoding" not in reply.headers


def test_json_has_a_content_length_up_to_a_mebibyte(server: Server) -> None:
    """Larger nested arrays are sent in chunks."""
    small, large = (post(server, LINE, np.ones((1, size), np.float32)) for size in (1 << 18, (1 << 18) + 1))
    assert int(small.headers["content-length"]) == len(small.content)
    assert large.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in large.headers


def upsampling_case(side: int) -> tuple[dict[str, Any], Array, Array]:
    """Return a model that upscales every pixel to 8 × 8, an input, and its output."""
    picture = np.random.default_rng(side).normal(size=(1, side, side, 1)).astype(np.float32)
    model = {"input": [None, None, 1], "layers": [{"type": "UpSampling2D", "size": 8, "name": "up"}]}
    return model, picture, picture.repeat(8, 1).repeat(8, 2)


@contextmanager
def open_run(server: Server, model: Any, picture: Array, format: str = "safetensors") -> Iterator[socket.socket]:
    """Open a connection with a small receive buffer on which a run was requested."""
    data = base64.b64encode(picture.tobytes()).decode()
    inputs = {"shape": list(picture.shape), "dtype": "float32", "base64": data}
    body = json.dumps({"model": model, "inputs": inputs, "format": format}).encode()
    head = f"POST /v1/activations HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}"
    url = server.client.base_url
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        connection.settimeout(60)
        connection.connect((url.host, url.port))
        connection.sendall(head.encode() + b"\r\n\r\n" + body)
        yield connection


def read_head(connection: socket.socket) -> tuple[bytes, int, bytes]:
    """Read the status line, the Content-Length (0: absent) and the received part of the body."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        assert piece, received
        received += piece
    head, _, rest = received.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return head.split(b"\r\n")[0], int(length[1]) if length else 0, rest


def test_a_slow_reader_gets_everything_and_does_not_block_others(server: Server) -> None:
    """Twenty other requests are served while it has received less than half of 52 MB."""
    model, picture, expected = upsampling_case(450)
    with open_run(server, model, picture) as connection:
        status, length, received = read_head(connection)
        assert (status, length > expected.nbytes > 50e6) == (b"HTTP/1.1 200 OK", True)
        pieces = [received]
        for _ in range(20):
            assert server.client.get("/healthz").json() == {"live": True}
            assert server.run(LINE, [[1, 2]])["layers"][0]["data"] == [[1, 2]]
            pieces.append(connection.recv(65536))
        assert sum(map(len, pieces)) < length / 2
        while sum(map(len, pieces[-1:])) and sum(map(len, pieces)) < length:
            pieces.append(connection.recv(4_000_000))
    tensors, _ = safetensors(b"".join(pieces))
    assert bits(tensors["up"]) == bits(expected)


def reset_connection(connection: socket.socket) -> None:
    """Reset a connection, as the death of its process does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


LARGE_BYTES = 6_000_000
"""More than the sockets of a connection buffer, so that a reply that is not read stays in the shared memory."""
LARGE: dict[str, Any] = {"name": f"large {LARGE_BYTES}", "input": [1000], "layers": [{"type": "ReLU", "name": "large"}]}
NUMBERS = np.arange(1000, dtype=np.float32)[np.newaxis]


def begins_reply(connection: socket.socket, format: str) -> bool:
    """Whether there was memory for the reply on this connection, of which this reads the first values."""
    status, length, received = read_head(connection)
    if b" 503 " in status:
        return False
    assert (status, length > LARGE_BYTES) == (b"HTTP/1.1 200 OK", format != "json")
    while len(received) < 65536:
        piece = connection.recv(65536)
        assert piece, received
        received += piece
    return True


def disconnects_during_reply(server: Server, format: str) -> bool:
    """Whether there was memory for the reply, in the middle of which this client disconnects."""
    with open_run(server, LARGE, NUMBERS, format) as connection:
        begun = begins_reply(connection, format)
        reset_connection(connection)
    return begun


def count_unread_replies(server: Server, format: str) -> int:
    """Count the replies that are begun, none of which is read, before there is no memory for another."""
    with ExitStack() as connections:
        opened = (connections.enter_context(open_run(server, LARGE, NUMBERS, format)) for _ in range(9))
        return len(list(takewhile(lambda connection: begins_reply(connection, format), opened)))


def post_until_accepted(server: Server) -> httpx.Response:
    """Repeat the request until other requests have released the memory it needs."""
    replies: list[httpx.Response] = []

    def is_answered() -> bool:
        replies.append(request_run(server, LARGE, NUMBERS, format="safetensors"))
        return replies[-1].status_code != 503

    server.wait_until(is_answered)
    return replies[-1]


@pytest.fixture(scope="module")
def scarce(start_stub_server: StartServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with stub engines and memory for three large replies."""
    with start_stub_server(tmp_path_factory.mktemp("store"), REPLY_MEMORY="20MiB") as running:
        yield running


@pytest.mark.parametrize("format", ["safetensors", "json"])
def test_disconnects_release_reply_memory(scarce: Server, format: str) -> None:
    """Thirty clients disconnect within 6 MB, ten before; a client may hold two of them, half of the memory."""
    pid = scarce.engine_pid()
    assert 0 < count_unread_replies(scarce, format) < 3
    for _ in range(30):
        scarce.wait_until(lambda: disconnects_during_reply(scarce, format))
    for _ in range(10):
        with open_run(scarce, LARGE, NUMBERS, format) as connection:
            reset_connection(connection)
    expected = np.resize(np.frombuffer(NUMBERS.tobytes(), np.uint8), LARGE_BYTES)
    for _ in range(4):
        tensors, _ = safetensors(post_until_accepted(scarce).content)
        assert bits(tensors["large"]) == bits(expected)
    assert scarce.engine_pid() == pid
