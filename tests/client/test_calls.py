"""What the Python client sends and how it reads what comes back, without a network."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import httpx2
import numpy as np
import pytest
from layerscope_client import errors
from layerscope_client.calls import Body, Call, JsonLines, Reply, known_error, seconds_before_another, seconds_of
from layerscope_client.tensors import Tensors
from safetensors.numpy import save

PROBLEM = {
    "type": "urn:layerscope:error:invalid_document", "title": "The model document makes no sense", "status": 422,
    "detail": "there is no layer of this type", "instance": "/v1/models/x", "code": "invalid_document",
    "request_id": "r1", "errors": [
        {"pointer": "/layers/0/type", "message": "there is no layer of this type", "expected": "a layer",
         "received": '"Cov2D"', "suggestion": 'write "Conv2D"'},
        {"pointer": "/layers/1", "message": "units is missing", "expected": "an integer"},
    ],
}  # fmt: skip


def reply(status: int, document: Any, **headers: str) -> Reply:
    """Return a reply with a JSON body."""
    return Reply(status, headers, np.frombuffer(json.dumps(document).encode(), np.uint8))


def refused(status: int, document: Any, **headers: str) -> errors.Refused:
    """Return the error of a reply."""
    with pytest.raises(errors.Refused) as caught:
        reply(status, document, **headers).accepted()
    return caught.value


def test_an_error_has_what_the_service_says() -> None:
    """Its class is that of the code, and its text begins with what to do."""
    error = refused(422, PROBLEM)
    assert type(error) is errors.InvalidDocument
    assert isinstance(error, errors.Invalid)
    assert (error.status, error.code, error.request_id) == (422, "invalid_document", "r1")
    assert error.pointers == ["/layers/0/type", "/layers/1"]
    assert (error.expected, error.received, error.suggestion) == ("a layer", '"Cov2D"', 'write "Conv2D"')
    assert str(error).splitlines() == [
        'write "Conv2D": there is no layer of this type (at /layers/0/type; expected a layer; received "Cov2D")',
        "send an integer: units is missing (at /layers/1)",
        "[422 invalid_document, request r1]",
    ]
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own)
    assert (type(again), str(again)) == (type(error), str(error))


def test_a_later_version() -> None:
    """A code and members that this one does not know are an error of the general kind, with what is known."""
    error = refused(418, {"code": "too_hot", "detail": "it boils", "new": 1, "errors": [{"pointer": "/a", "heat": 9}]})
    assert type(error) is errors.Refused
    assert (error.code, error.pointers, error.document["new"]) == ("too_hot", ["/a"], 1)


@pytest.mark.parametrize("body", [b"<html>", b"", b"[1]", b"null"])
def test_an_error_that_is_none_of_the_services(body: bytes) -> None:
    """Of a proxy: its status is kept."""
    with pytest.raises(errors.Refused, match="check the URL: there is a 502 without a reason") as caught:
        Reply(502, {}, np.frombuffer(body, np.uint8)).accepted()
    assert caught.value.status == 502


@pytest.mark.parametrize(
    ("text", "seconds"), [("3", 3), ("0", 0), ("-1", 0), ("1.5", 1.5), (None, None), ("soon", None), ("", None)]
)
def test_when_to_try_again(text: str | None, seconds: float | None) -> None:
    """Numbers are seconds; what is neither a number nor a date says nothing."""
    assert seconds_of(text) == seconds


def test_when_to_try_again_as_a_date() -> None:
    """RFC 9110 has both; a date that is past is now."""
    now = datetime.now(UTC)
    assert 28 < (seconds_of(format_datetime(now + timedelta(seconds=30), usegmt=True)) or 0) <= 30
    assert seconds_of(format_datetime(now - timedelta(seconds=30), usegmt=True)) == 0


@pytest.mark.parametrize(
    ("status", "after", "seconds"),
    [(503, None, 0.5), (503, "7", 7), (429, "1", 1), (429, "61", None), (500, "1", None), (422, None, None)],
)
def test_what_is_tried_again(status: int, after: str | None, seconds: float | None) -> None:
    """What the service has no time for, after as long as it says, if that is not more than a minute."""
    headers = {} if after is None else {"retry-after": after}
    assert seconds_before_another(refused(status, {}, **headers), 0.5) == seconds


def test_connections_are_tried_again_and_removals_are_not() -> None:
    """Nor what takes too long already."""
    assert seconds_before_another(errors.ConnectionLost(), 2.0) == 2.0
    assert seconds_before_another(errors.TimedOut(), 2.0) is None
    assert (len(Call("POST", "/").pauses()), len(Call("PUT", "/").pauses())) == (2, 2)
    assert Call("DELETE", "/").pauses() == ()


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_errors_of_both_libraries(library: Any) -> None:
    """They are told by the names of their classes; a bug stays what it is."""
    kinds = {
        errors.ConnectionLost: (library.ConnectError, library.ReadError, library.RemoteProtocolError),
        errors.TimedOut: (library.ReadTimeout, library.ConnectTimeout, library.PoolTimeout),
        errors.LayerscopeError: (library.UnsupportedProtocol, library.ProxyError, library.DecodingError),
    }
    for kind, examples in kinds.items():
        assert [type(known_error(example("why"))) for example in examples] == [kind] * len(examples)
    assert known_error(ZeroDivisionError()) is None


def test_a_body_of_known_length_is_one_buffer() -> None:
    """Pieces are written to their places."""
    body = Body({"content-length": "5"}, None)
    body.add(b"abc")
    body.add(b"de")
    assert body.whole().tobytes() == b"abcde"
    assert body.whole() is body.whole()


def test_half_a_body() -> None:
    """Is a lost connection, not an array of zeros."""
    body = Body({"content-length": "5"}, None)
    body.add(b"abc")
    with pytest.raises(errors.ConnectionLost, match="3 of 5 bytes"):
        body.whole()


@pytest.mark.parametrize("headers", [{"content-length": "5"}, {}, {"content-length": "2", "content-encoding": "gzip"}])
def test_a_body_over_its_budget(headers: dict[str, str]) -> None:
    """Is not read: by its length, or as soon as it is too long, compressed or not."""
    with pytest.raises(errors.OverBudget):  # noqa: PT012 (either may raise)
        body = Body(headers, 4)
        body.add(b"abcde")


def test_lines_in_pieces() -> None:
    """They end at line feeds alone, wherever the pieces end."""
    lines = JsonLines()
    text = '{"a": "x\u2028y"}\n{"b": 1}\n'.encode()
    found = [row for at in range(len(text)) for row in lines.feed(text[at : at + 1])]
    assert found == [{"a": "x\u2028y"}, {"b": 1}]


def test_a_stream_that_ends_early() -> None:
    """Its last line is the error."""
    with pytest.raises(errors.EngineLost):
        JsonLines().feed(b'{"error": {"code": "engine_lost", "status": 503}}\n')


def test_tensors_of_every_dtype() -> None:
    """Views of the file, with their bits."""
    arrays = {
        name: np.arange(6).astype(name).reshape(2, 3)
        for name in (
            "float16",
            "float32",
            "float64",
            "int8",
            "int16",
            "int32",
            "int64",
            "uint8",
            "uint16",
            "uint32",
            "uint64",
            "bool",
        )
    }
    arrays["scalar"] = np.array(1.5, np.float32)
    arrays["empty"] = np.zeros((0, 3), np.float32)
    file = np.frombuffer(bytearray(save(arrays)), np.uint8)
    tensors = Tensors(file)
    for name, array in arrays.items():
        np.testing.assert_array_equal(tensors[name], array, strict=True)
        assert tensors[name].size == 0 or np.shares_memory(tensors[name], file)


def test_bfloat16_becomes_float32() -> None:
    """With the same value, NaN and infinities too."""
    header = json.dumps({"x": {"dtype": "BF16", "shape": [4], "data_offsets": [0, 8]}}).encode()
    bits = np.array([0x3F80, 0xC020, 0x7F80, 0x7FC0], "<u2")
    file = np.frombuffer(len(header).to_bytes(8, "little") + header + bits.tobytes(), np.uint8)
    np.testing.assert_array_equal(Tensors(file)["x"], np.array([1, -2.5, np.inf, np.nan], np.float32), strict=True)


@pytest.mark.parametrize(
    "file",
    [b"", b"12345678", (2).to_bytes(8, "little") + b"[]", (2**40).to_bytes(8, "little") + b"{}",
     (10).to_bytes(8, "little") + b'{"x": 123}', save({"x": np.ones(3)})[:-1], save({"x": np.ones(3)}) + b"1"],
)  # fmt: skip
def test_a_file_that_is_none(file: bytes) -> None:
    """Or whose tensors are not all there, or more than there are."""
    with pytest.raises(errors.BrokenReply):
        Tensors(np.frombuffer(file, np.uint8))


def test_a_dtype_of_a_later_version() -> None:
    """Is refused when it is asked for; the other tensors are there."""
    header = json.dumps({"x": {"dtype": "F8_E4M3", "shape": [2], "data_offsets": [0, 2]},
                         "y": {"dtype": "U8", "shape": [1], "data_offsets": [2, 3]}}).encode()  # fmt: skip
    tensors = Tensors(np.frombuffer(len(header).to_bytes(8, "little") + header + b"\0\0\7", np.uint8))
    assert tensors["y"].tolist() == [7]
    with pytest.raises(errors.BrokenReply, match="use a newer client"):
        _ = tensors["x"]
