"""Every error, from whichever layer, is one problem document with pointers into the request."""

from __future__ import annotations

import errno
import json
import logging
import re
from asyncio import timeout
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from asgi_lifespan import LifespanManager
from safetensors.numpy import save as safetensors

import service.edge.http_protocol
from service.app import create_app
from service.settings import Settings
from tests.unit.serving import running

if TYPE_CHECKING:
    from tests.conftest import Server

Dialogue = Callable[..., httpx.Response]
StartServer = Callable[..., AbstractContextManager[Any]]

DENSE: dict[str, Any] = {"input": [4], "layers": [{"type": "Dense", "units": 2}]}
PICTURE: dict[str, Any] = {"input": [4, 4, 3], "layers": [{"type": "Flatten"}]}
RUN: dict[str, Any] = {"model": DENSE, "inputs": [1, 2, 3, 4]}
JSON = {"Content-Type": "application/json"}
MAX_REPLY = 4096
"""Upper bound of the size of error responses, whatever the size of the request."""


def problem(reply: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Return the body of an error response after checking its shape."""
    assert reply.status_code == status, reply.text[:2000]
    assert reply.headers["content-type"] == "application/problem+json"
    assert len(reply.content) < MAX_REPLY
    body = dict(reply.json())
    assert set(body) == {"type", "title", "status", "detail", "instance", "code", "request_id", "errors"}
    assert (body["type"], body["status"], body["code"]) == (f"urn:layerscope:error:{code}", status, code)
    assert body["request_id"] == reply.headers["x-request-id"] != ""
    assert body["title"]
    assert body["detail"]
    for item in body["errors"]:
        assert {"pointer", "message"} <= set(item) <= {"pointer", "message", "expected", "received", "suggestion"}
        assert all(isinstance(value, str) for value in item.values())
    return body


def part(name: str, value: bytes, head: bytes = b"") -> bytes:
    """Build one part of a form whose boundary is `b`."""
    disposition = f'--b\r\nContent-Disposition: form-data; name="{name}"'.encode()
    return disposition + head + b"\r\n\r\n" + value + b"\r\n"


FORM = part("model", json.dumps(DENSE).encode()) + part("inputs", b"[1, 2, 3, 4]")
FORM_TYPE = {"Content-Type": "multipart/form-data; boundary=b"}
UNPARSABLE: Mapping[str, tuple[bytes, dict[str, str], str]] = {
    "nothing": (b"", JSON, ""),
    "half of an object": (b'{"model": {', JSON, ""),
    "bytes": (b"\xff\xfe\x00", JSON, ""),
    "NaN": (b'{"model": {"layers": []}, "inputs": [NaN]}', JSON, ""),
    "a number beyond doubles": (b'{"model": {"seed": 1e400}, "inputs": [1]}', JSON, ""),
    "a lone surrogate": (b'{"model": {"name": "\\ud800"}, "inputs": [1]}', JSON, ""),
    "a surrogate in bytes": (b'{"model": {"name": "\xed\xa0\x80"}, "inputs": [1]}', JSON, ""),
    "nesting without end": (b"[" * 50_000, JSON, ""),
    "a form cut short": (FORM, FORM_TYPE, ""),
    "a form without a boundary": (FORM + b"--b--\r\n", {"Content-Type": "multipart/form-data"}, ""),
    "a form with another boundary": (FORM + b"--b--\r\n", {"Content-Type": "multipart/form-data; boundary=c"}, ""),
    "a form that ends in another boundary": (
        FORM + b"--b--\r\n--c--", {"Content-Type": "multipart/form-data; boundary=c"}, ""
    ),
    "a boundary that is none": (FORM + b"--b--\r\n", {"Content-Type": 'multipart/form-data; boundary="\\"<>"'}, ""),
    "a part without a name": (
        b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n", FORM_TYPE, ""
    ),
    "a part that is not JSON": (part("model", b"{") + b"--b--\r\n", FORM_TYPE, "/model"),
    "a part in another charset": (part("model", b'{"name": "\xe9"}') + b"--b--\r\n", FORM_TYPE, "/model"),
    "a tensor that is none": (
        part("model", json.dumps(DENSE).encode()) + part("tensor", b"hello") + b"--b--\r\n", FORM_TYPE, "/tensor"
    ),
    "a broken npy": (
        part("model", json.dumps(DENSE).encode()) + part("tensor", b"\x93NUMPY\x01\x00\xff\xffx") + b"--b--\r\n",
        FORM_TYPE, "/tensor",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", UNPARSABLE)
def test_unparsable_bodies_are_rejected(server: Server, what: str) -> None:
    """With a 400 for bodies that do not match their declared type."""
    content, headers, pointer = UNPARSABLE[what]
    body = problem(server.post("/v1/activations", content=content, headers=headers), 400, "unparsable")
    assert [item["pointer"] for item in body["errors"]] == [pointer]
    assert body["errors"][0]["expected"]


def test_a_problem_document_has_every_member(server: Server) -> None:
    """For the tutorial's commonest mistake."""
    model = {"input": [4], "layers": [{"type": "Dense", "units": 2}, {"type": "Dense", "unit": 2}]}
    reply = server.post("/v1/activations", json={"model": model, "inputs": [1, 2, 3, 4]},
                        headers={"X-Request-ID": "a.B-9_"})  # fmt: skip
    body = reply.json()
    assert "kernel_initializer" in body["errors"][0].pop("expected")
    assert body == {
        "type": "urn:layerscope:error:invalid_document",
        "title": "The model document makes no sense",
        "status": 422,
        "detail": '"unit" is not an argument of Dense',
        "instance": "/v1/activations",
        "code": "invalid_document",
        "request_id": "a.B-9_",
        "errors": [
            {
                "pointer": "/model/layers/1/unit",
                "message": '"unit" is not an argument of Dense',
                "received": '"unit"',
                "suggestion": 'write "units"',
            }
        ],
    }
    assert (reply.status_code, reply.headers["x-request-id"]) == (422, "a.B-9_")


def with_layer(**arguments: Any) -> dict[str, Any]:
    """Build a request whose second layer is this."""
    return {"model": {"input": [4], "layers": [{"type": "ReLU"}, arguments]}, "inputs": [1, 2, 3, 4]}


INVALID: list[tuple[dict[str, Any], str, str]] = [
    ({"model": "Dense"}, "invalid_document", "/model"),
    ({"model": None}, "invalid_document", "/model"),
    ({"model": {}}, "invalid_document", "/model/layers"),
    ({"model": []}, "invalid_document", "/model"),
    ({"model": [3]}, "invalid_document", "/model/0"),
    ({"model": [{"type": "Flatten"}, {"type": "Cov2D"}]}, "invalid_document", "/model/1/type"),
    ({"model": DENSE | {"seed": 2**70}}, "invalid_document", "/model/seed"),
    ({"model": DENSE | {"name": "n" * 129}}, "invalid_document", "/model/name"),
    ({"model": DENSE | {"input": [0]}}, "invalid_document", "/model/input/0"),
    ({"model": DENSE | {"input": "4"}}, "invalid_document", "/model/input"),
    ({"model": DENSE | {"outputs": ["dens"]}}, "invalid_document", "/model/outputs/0"),
    ({"model": DENSE | {"a/b~c": 1}}, "invalid_document", "/model/a~1b~0c"),
    (with_layer(type="Dense"), "invalid_document", "/model/layers/1/units"),
    (with_layer(units=1), "invalid_document", "/model/layers/1/type"),
    (with_layer(type="Dense", units="many"), "invalid_document", "/model/layers/1/units"),
    (with_layer(type="Dense", units=-1), "invalid_document", "/model/layers/1/units"),
    (with_layer(type="Dense", units=1, activation="rleu"), "invalid_document", "/model/layers/1/activation"),
    (with_layer(type="Dense", units=1, inputs=["re_lo"]), "invalid_document", "/model/layers/1/inputs/0"),
    (with_layer(type="Dense", units=1, name="a/b"), "invalid_document", "/model/layers/1/name"),
    ({"model": [{"type": "ReLU", "name": "a"}, {"type": "ReLU", "name": "a"}]}, "invalid_document", "/model/1/name"),
    (with_layer(type="Conv2D", filters=1, kernel_size=3), "invalid_document", "/model/layers/1"),
    (with_layer(type="Block", name="b", layers=[{"type": "Dense", "units": 0}]), "invalid_document",
     "/model/layers/1/layers/0/units"),
    ({"inputs": None}, "invalid_tensor", "/inputs"),
    ({"inputs": "1 2 3 4"}, "invalid_tensor", "/inputs"),
    ({"inputs": [1, 2, 3]}, "invalid_tensor", "/inputs"),
    ({"inputs": [[1, 2, 3, 4], [1, 2, 3]]}, "invalid_tensor", "/inputs/1"),
    ({"inputs": [1, 2, 3, "four"]}, "invalid_tensor", "/inputs/3"),
    ({"inputs": []}, "invalid_tensor", "/inputs"),
    ({"model": [{"type": "Dense", "units": 2}], "inputs": [[]]}, "invalid_tensor", "/inputs"),
    ({"model": [{"type": "Flatten"}], "inputs": {"shape": [1, 0], "data": []}}, "invalid_tensor", "/inputs"),
    ({"inputs": {"inptu": [1, 2, 3, 4], "input": [1, 2, 3, 4]}}, "invalid_tensor", "/inputs/inptu"),
    ({"inputs": {"shape": [5], "data": [1, 2, 3, 4]}}, "invalid_tensor", "/inputs/data"),
    ({"inputs": {"shape": [4], "dtype": "flaot32", "data": [1, 2, 3, 4]}}, "invalid_tensor", "/inputs/dtype"),
    ({"inputs": {"shape": [-4], "data": [1, 2, 3, 4]}}, "invalid_tensor", "/inputs/shape"),
    ({"inputs": {"shape": [4], "dtype": "float32", "base64": "AAA"}}, "invalid_tensor", "/inputs/base64"),
    ({"inputs": {"shape": [4], "dtype": "float32", "base64": "A_-="}}, "invalid_tensor", "/inputs/base64"),
    ({"inputs": {"input": {"shape": [4], "dtype": "float32", "base64": "AAAA"}}}, "invalid_tensor",
     "/inputs/input/base64"),
    ({"inputs": {"image": "AAAA"}}, "invalid_tensor", "/inputs/image"),
    ({"model": PICTURE, "inputs": {"image": "AAAA"}}, "invalid_image", "/inputs/image"),
    ({"model": PICTURE, "inputs": {"image": "no base64"}}, "invalid_tensor", "/inputs/image"),
    ({"layers": ["dens"]}, "unknown_address", "/layers/0"),
    ({"layers": ["dense", "dense:pre"]}, "unknown_address", "/layers/1"),
    ({"layers": ["type:Conv2D"]}, "unknown_address", "/layers/0"),
    ({"layers": ["conv*"]}, "unknown_address", "/layers/0"),
    ({"layers": []}, "invalid_option", "/layers"),
    ({"layers": 5}, "invalid_option", "/layers"),
    ({"layers": ["dense", 5]}, "invalid_option", "/layers/1"),
    ({"data": "nestde"}, "invalid_option", "/data"),
    ({"data": None}, "invalid_option", "/data"),
    ({"weights": "perhaps"}, "invalid_option", "/weights"),
    ({"scale": 255}, "invalid_option", "/scale"),
    ({"resize": "cubic"}, "invalid_option", "/resize"),
    ({"format": 5}, "invalid_option", "/format"),
    ({"wieghts": True}, "invalid_option", "/wieghts"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "code", "pointer"), INVALID, ids=lambda value: value if isinstance(value, str) else ""
)
def test_invalid_requests_are_rejected_with_a_pointer(
    server: Server, change: dict[str, Any], code: str, pointer: str
) -> None:
    """With a 422 and a pointer into the body."""
    body = problem(server.post("/v1/activations", json=RUN | change), 422, code)
    assert body["errors"][0]["pointer"] == pointer
    assert all(item["expected"] for item in body["errors"])


def test_all_problems_are_reported_at_once(server: Server) -> None:
    """One reply lists every problem of a document, up to twenty."""
    layers: list[Any] = [{"type": "Dense", "units": -1}, {"type": "ReLU"}, {"type": "Dense", "unit": 2}]
    body = problem(server.post("/v1/activations", json=RUN | {"model": {"layers": layers}}), 422, "invalid_document")
    assert [item["pointer"] for item in body["errors"]] == ["/model/layers/0/units", "/model/layers/2/unit"]
    reply = server.post("/v1/plan", json={"model": {"layers": layers * 100}})
    assert len(reply.json()["errors"]) <= 20


@pytest.mark.parametrize(("query", "body"), [
    ([("data", "none"), ("data", "none")], {}),
    ([("data", "none")], {"data": "none"}),
    ([("layers", "dense")], {"layers": ["dense"]}),
])  # fmt: skip
def test_duplicate_options_are_rejected(server: Server, query: list[tuple[str, str]], body: dict[str, Any]) -> None:
    """Both in the query and in the body, whether the values agree or not."""
    reply = problem(server.post("/v1/activations", params=query, json=RUN | body), 422, "invalid_option")
    assert [item["pointer"] for item in reply["errors"]] == [f"/{query[0][0]}"]


def test_duplicate_form_parts_are_rejected(server: Server) -> None:
    """Two models, or two values of an option, in one form."""
    for parts, pointer in (
        (FORM + part("model", b"[]"), "/model"),
        (FORM + part("data", b"none") * 2, "/data"),
    ):
        reply = server.post("/v1/activations", content=parts + b"--b--\r\n", headers=FORM_TYPE)
        assert [item["pointer"] for item in problem(reply, 422, "invalid_option")["errors"]] == [pointer]


@pytest.mark.parametrize("charset", ["utf-7", "utf-16", "idna", "punycode", "undefined", "unicode_escape", "nonsense"])
def test_the_charset_of_a_form_is_ignored(server: Server, charset: str) -> None:
    """Forms are UTF-8; a client cannot select another Python codec."""
    headers = {"Content-Type": f"multipart/form-data; boundary=b; charset={charset}"}
    assert server.post("/v1/activations", content=FORM + b"--b--\r\n", headers=headers).status_code == 200
    bytes_ = FORM + part("data", b"xn--\\ud800\xff") + b"--b--\r\n"
    reply = problem(server.post("/v1/activations", content=bytes_, headers=headers), 422, "invalid_option")
    assert reply["errors"][0]["message"] == "data is not text"


@pytest.mark.parametrize(("method", "path"), [
    ("GET", "/index.html"), ("GET", "/v1"), ("GET", "/v1/typo"), ("POST", "/v1/activation"),
    ("GET", "/swagger/none.js"), ("GET", "/assets/none.js"), ("GET", "/v1/models/none"), ("GET", "/v1/layers/Cov2D"),
    ("GET", "/%ED%A0%80"), ("GET", "/v1/models/%ED%A0%80"), ("GET", "/v1/models/a%00b"), ("PUT", "/v1/models/a/b"),
])  # fmt: skip
def test_unknown_paths_are_404(server: Server, method: str, path: str) -> None:
    """From the framework and from handlers in one shape."""
    problem(server.client.request(method, path), 404, "not_found")


@pytest.mark.parametrize(("method", "path", "allowed"), [
    ("GET", "/v1/activations", "POST"), ("POST", "/healthz", "GET, HEAD"),
    ("PATCH", "/v1/models", "GET, HEAD"), ("DELETE", "/v1/plan", "POST"), ("POST", "/docs", "GET, HEAD"),
    ("POST", "/", "GET, HEAD"), ("PUT", "/assets/a.js", "GET, HEAD"),
])  # fmt: skip
def test_wrong_methods_are_405_with_allow(server: Server, method: str, path: str, allowed: str) -> None:
    """The Allow header lists the supported methods."""
    reply = server.client.request(method, path)
    problem(reply, 405, "method_not_allowed")
    assert reply.headers["allow"] == allowed


@pytest.mark.parametrize(("method", "path"), [
    ("POST", "/v1/activations"), ("POST", "/v1/plan"), ("PUT", "/v1/models/m"), ("POST", "/v1/models/m/activations"),
])  # fmt: skip
@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "k" * 10_000])
def test_unsupported_media_types_are_415(server: Server, method: str, path: str, media_type: str) -> None:
    """The problem lists the supported types and echoes the received one unless it is long."""
    assert server.client.put("/v1/models/m", json=DENSE).status_code in (200, 201)
    reply = server.client.request(method, path, content=json.dumps(RUN), headers={"Content-Type": media_type})
    (item,) = problem(reply, 415, "unsupported_media_type")["errors"]
    assert item["expected"].startswith("one of application/json")
    assert "accept-encoding" not in reply.headers
    assert media_type.startswith(item["received"])


def test_json_suffix_types_and_missing_types_are_json(server: Server) -> None:
    """On every route: `+json`, other case and parameters, and a body without a type."""
    assert server.client.put("/v1/models/m", json=DENSE).status_code in (200, 201)
    for headers in (
        {"Content-Type": "application/vnd.x+json"},
        {"Content-Type": "Application/JSON; charset=utf-8"},
        {},
    ):
        for method, path, body in (
            ("POST", "/v1/activations", RUN),
            ("POST", "/v1/plan", {"model": DENSE}),
            ("PUT", "/v1/models/m", DENSE),
            ("POST", "/v1/models/m/activations", {"inputs": [1, 2, 3, 4]}),
        ):
            request = server.client.build_request(method, path, content=json.dumps(body), headers=headers)
            assert server.client.send(request).status_code == 200


@pytest.mark.parametrize("sent", ["a", "A.b_c-9", "0" * 128])
def test_a_valid_request_id_is_echoed(server: Server, sent: str) -> None:
    """On successes and errors."""
    for path in ("/healthz", "/none", "/v1/models/none"):
        reply = server.client.get(path, headers={"X-Request-ID": sent})
        assert reply.headers["x-request-id"] == sent
        assert reply.json().get("request_id", sent) == sent


@pytest.mark.parametrize("sent", [b"", b"a b", b"\xe9", b"a\tb", b"<script>", b"0" * 129])
def test_an_invalid_request_id_is_replaced(server: Server, sent: bytes) -> None:
    """By a new random one for each request."""
    ids = [server.client.get("/none", headers={b"X-Request-ID": sent}).headers["x-request-id"] for _ in range(2)]
    assert all(re.fullmatch(r"[0-9a-f]{32}", one) for one in ids)
    assert ids[0] != ids[1]


@pytest.mark.parametrize("sent", [
    b"hello\r\n\r\n",
    b"POST /v1/plan HTTP/1.1\r\nHost: localhost\r\nContent-Length: abc\r\n\r\n",
    b"POST /v1/plan HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
])  # fmt: skip
def test_malformed_http_is_400(server: Server, dialogue: Dialogue, sent: bytes) -> None:
    """The HTTP server's own 400 is a problem document too, and the connection is closed."""
    assert problem(dialogue(server, sent), 400, "bad_request")["detail"] == "This is not HTTP/1.1."


@pytest.fixture(scope="module")
def strict(start_server: StartServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server with small limits."""
    limits = {"MAX_BODY": "1MiB", "MAX_INPUT_BYTES": "64KiB", "MAX_PIXELS": "10000", "MAX_MACS": "1000000",
              "MAX_ACTIVATION_BYTES": "100KiB", "MAX_WORKING_BYTES": "1MiB", "MAX_MODEL_BYTES": "1MiB"}  # fmt: skip
    with start_server(tmp_path_factory.mktemp("strict"), **limits) as server:
        yield server


@pytest.mark.parametrize("path", ["/v1/activations", "/v1/plan"])
def test_content_length_over_the_limit_is_413(strict: Any, path: str) -> None:
    """Both sizes are reported before the body is read, and the connection stays usable."""
    reply = strict.post(path, content=b"[" + b" " * 2**20, headers=JSON)
    (item,) = problem(reply, 413, "too_large")["errors"]
    assert (item["expected"], item["received"]) == ("at most 1,048,576 bytes", "1,048,577 bytes")
    assert strict.client.get("/healthz").status_code == 200


def test_chunked_bodies_over_the_limit_are_413(strict: Any, dialogue: Dialogue) -> None:
    """A chunked body is counted while it is received."""
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    head = b"POST /v1/plan HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    reply = dialogue(strict, head, chunk * 16, b"1\r\n \r\n0\r\n\r\n")
    (item,) = problem(reply, 413, "too_large")["errors"]
    assert (item["expected"], item["received"]) == ("at most 1,048,576 bytes", "more than 1,048,576 bytes")


def test_a_body_of_exactly_the_limit_is_accepted(strict: Any) -> None:
    """The limit is inclusive."""
    body = json.dumps(RUN).encode()
    assert strict.post("/v1/activations", content=body.ljust(2**20), headers=JSON).status_code == 200


async def test_a_rejected_body_is_not_awaited_forever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server disconnects a client that stops sending after its 413."""
    monkeypatch.setattr(service.edge.http_protocol, "LINGER_SECONDS", 0.2)
    async with running(tmp_path, max_body="1MiB") as one, timeout(4):  # idle connections are closed after 5 s
        client = await one.client()
        client.send(b"POST /v1/activations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\n\r\n[")
        assert (await client.reply())[0] == 413
        client.send(b" ")
        assert await client.is_closed()


PIXELS = {"input": [8, 8, 1], "layers": [{"type": "Conv2D", "filters": 8, "kernel_size": 3, "padding": "same"}]}
WIDE = {"input": [1024], "layers": [{"type": "Dense", "units": 1024}]}
LARGE: Mapping[str, tuple[dict[str, Any], str, str]] = {
    "input": ({"model": [{"type": "Flatten"}], "inputs": [[0] * 1024] * 17}, "", "at most 65,536 bytes"),
    "reply": (
        {"model": PIXELS, "inputs": [[[[0]] * 8] * 8] * 60}, "/layers", "at most 102,400 bytes",
    ),
    "model": ({"model": WIDE, "inputs": [0] * 1024}, "", "at most 1,048,576 bytes"),
    "work": (
        {"model": [{"type": "Conv2D", "filters": 16, "kernel_size": 15, "padding": "same"},
                   {"type": "GlobalMaxPooling2D"}],
         "inputs": [[[0]] * 20] * 20, "layers": ["global_max_pooling2d"]}, "", "at most 1,000,000 multiply-adds",
    ),
    "working memory": (
        {"model": {"input": [16], "layers": [{"type": "RepeatVector", "n": 20000}, {"type": "GlobalMaxPooling1D"}]},
         "inputs": [0] * 16, "layers": ["global_max_pooling1d"]}, "", "at most 1,048,576 bytes",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", LARGE)
def test_other_limits_are_413(strict: Any, what: str) -> None:
    """Inputs, replies, models and work have separate limits; each error contains both numbers."""
    body, pointer, expected = LARGE[what]
    (item,) = problem(strict.post("/v1/activations", json=body), 413, "too_large")["errors"]
    assert (item["pointer"], item["expected"]) == (pointer, expected)
    assert re.match(r"[\d,]{6,} (bytes|multiply-adds)", item["received"])


def test_too_many_pixels_are_rejected_by_the_header(strict: Any) -> None:
    """The image is not decoded."""
    header = b"BM" + b"\0" * 8 + b"\x36\0\0\0\x28\0\0\0" + b"\x65\0\0\0" * 2 + b"\x01\0\x18\0" + b"\0" * 24
    files = {"model": (None, json.dumps(PICTURE)), "image": ("x.bmp", header)}
    (item,) = problem(strict.post("/v1/activations", files=files), 413, "too_large")["errors"]
    assert (item["pointer"], item["expected"]) == ("/image", "at most 10000 pixels")
    assert "101 × 101" in item["received"]


def test_an_oversized_reply_suggests_fitting_layers(strict: Any) -> None:
    """With the suggested layers the request succeeds."""
    model = {"input": [8, 8, 1], "layers": [*PIXELS["layers"], {"type": "MaxPooling2D"}, {"type": "Flatten"}]}
    body = {"model": model, "inputs": [[[[0]] * 8] * 8] * 40}
    (item,) = problem(strict.post("/v1/activations", json=body), 413, "too_large")["errors"]
    fitting = item["suggestion"].removeprefix("ask for fewer layers; these fit together: ").split(", ")
    assert fitting == ["max_pooling2d", "flatten"]
    assert strict.post("/v1/activations", json=body | {"layers": fitting}).status_code == 200


def test_hostile_tensor_files_are_rejected(server: Server) -> None:
    """Headers that contradict the data are rejected with a pointer; none causes a 500."""
    good = safetensors({"x": np.ones((1, 4), np.float32)})
    lie = (2**40).to_bytes(8, "little") + good[8:]
    for content in (lie, good[:-1], good + b"x", b"\x93NUMPY\x01\x00v\x00" + b"{" * 118, b"PK\x03\x04" + b"\0" * 40):
        files = {"model": (None, json.dumps(DENSE)), "tensor": ("x", content)}
        reply = server.post("/v1/activations", files=files)
        body = problem(reply, reply.status_code, reply.json()["code"])
        assert reply.status_code in (400, 413, 422)
        assert body["errors"][0]["pointer"].startswith("/tensor")


class Broken:
    """An engine pool whose methods raise unexpected exceptions."""

    draining = False

    async def start(self) -> None:
        """Nothing to start."""

    async def stop(self) -> None:
        """Nothing to stop."""

    def states(self) -> list[Any]:
        """Raise an unexpected exception."""
        raise RuntimeError("a secret")

    async def submit(self, _: Any) -> Any:
        """Raise an unexpected exception."""
        raise ValueError("a secret")


async def test_internal_errors_disclose_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A 500 has the request id but nothing of the exception; the log has all of it."""
    app = create_app(Settings(data_dir=str(tmp_path)), Broken())
    async with LifespanManager(app) as manager:
        transport = httpx.ASGITransport(manager.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            replies = [
                await client.post("/v1/activations", json=RUN, headers={"X-Request-ID": "mine"}),
                await client.post("/v1/plan", json={"model": DENSE}),
                await client.get("/readyz"),
            ]
    for reply in replies:
        assert problem(reply, 500, "internal")["errors"] == []
        assert "secret" not in reply.text
    assert replies[0].headers["x-request-id"] == "mine"
    assert [record.levelno for record in caplog.records if record.name == "layerscope"] == [logging.ERROR] * 3
    assert caplog.text.count("Error: a secret") == 3


async def test_a_full_disk_is_503_with_retry_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once there is space the same request succeeds, and no partial files remain."""

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device: /a/secret/path")

    app = create_app(Settings(data_dir=str(tmp_path)), Broken())
    async with LifespanManager(app) as manager:
        transport = httpx.ASGITransport(manager.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            with monkeypatch.context() as patched:
                patched.setattr("os.fsync", full)
                refused = await client.put("/v1/models/m", json=[{"type": "Flatten"}])
            assert "secret" not in refused.text
            assert problem(refused, 503, "store_full")["errors"] == []
            assert refused.headers["retry-after"] == "1"
            assert (await client.get("/v1/models")).json() == {"models": []}
            assert (await client.put("/v1/models/m", json=[{"type": "Flatten"}])).status_code == 201
    assert [path for path in (tmp_path / "tmp").rglob("*") if path.is_file()] == []


def test_deeply_nested_documents_are_rejected(server: Server) -> None:
    """Deeper than the encoder's limit; the request is sent to both routes."""
    nested = "[" * 300 + "]" * 300
    for path in ("/v1/activations", "/v1/plan"):
        body = f'{{"model": {{"layers": {nested}}}, "inputs": [1]}}'
        reply = server.client.post(path, content=body, headers={"Content-Type": "application/json"})
        assert reply.status_code == 422
        assert reply.json()["code"] in ("invalid_document", "invalid_option")
