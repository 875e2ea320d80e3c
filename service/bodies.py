"""Bodies taken apart: by type, as JSON, as multipart forms. How large they may be is `body_limit`'s."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from email.message import Message
from typing import Any

import msgspec
import orjson
from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from models.errors import Problem, Unparsable, UnsupportedMedia
from models.json_keys import check_keys
from models.json_value import read_json
from models.tensors.numbers import numbers_in

MULTIPART = "multipart/form-data"
MAX_FILES = 256
"""Most files in one form: the largest batch of images."""
MAX_FIELDS = 64
THREAD_BYTES = 64 * 1024
"""Larger bodies are decoded on a thread."""
BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{1,70}")
"""RFC 2046 section 5.1.1."""
MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
"""Tells the members of an object apart: that each is one JSON value is checked, its numbers and strings are not."""
BYTES = "latin-1"
"""Text parts are read as this, in which every byte is a character: what they are is decided by who decodes them. The
client's `charset` is not heeded: some of Python's codecs raise what the parser does not catch.
"""


def media_type(request: Request) -> str:
    """The body's type without parameters, in lower case; empty when none is given."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def is_json(request: Request) -> bool:
    """Whether the body says that it is JSON; one without a type is taken for it."""
    kind = media_type(request)
    return kind in ("application/json", "") or kind.endswith("+json")


def parse_json(body: bytes) -> Any:
    """The JSON value of a body.

    Raises:
        Unparsable: saying where it stops being JSON, or which key an object has twice.
    """
    try:
        return read_json(body)
    except orjson.JSONDecodeError as error:
        message = "the body is not JSON" if body.strip() else "the body is empty"
        where = f"JSON (RFC 8259, UTF-8); line {error.lineno}, column {error.colno} is not" if body.strip() else "JSON"
        hint = 'write NaN and infinities as the strings "NaN", "Infinity", "-Infinity"' if b"NaN" in body else None
        raise Unparsable("", [Problem("", message, where, f"{len(body):,} bytes", hint)]) from None


def parse_run(body: bytes) -> Any:
    """`parse_json`, but regular arrays of numbers under `inputs` come as `Numbers`: in half the time.

    Raises:
        Unparsable: as `parse_json`.
    """
    with suppress(msgspec.DecodeError, orjson.JSONDecodeError, UnicodeDecodeError, RecursionError):
        members = {name: bytes(text) for name, text in MEMBERS.decode(body).items()}
        numbers = numbers_in(members.get("inputs", b""))
        if numbers is not None:
            value = {name: numbers if name == "inputs" else orjson.loads(text) for name, text in members.items()}
            check_keys(body, value)
            return value
    return parse_json(body)


async def json_of(body: bytes, parse: Callable[[bytes], Any] = parse_json) -> Any:
    """`parse_json` or the like, on a thread where it takes a while.

    Raises:
        Unparsable: as they do.
    """
    return await run_in_threadpool(parse, body) if len(body) > THREAD_BYTES else parse(body)


async def parse_form(request: Request, body: bytes) -> FormData:
    """The parts of a multipart form.

    Raises:
        Unparsable: when a part or the closing boundary is missing (parsers take half a form for a whole one).
    """
    boundary = form_boundary(request)
    if not body.rstrip(b"\r\n \t").endswith(b"--" + boundary + b"--"):
        raise incomplete(len(body))
    described = f'multipart/form-data; boundary="{boundary.decode()}"; charset={BYTES}'
    parser = MultiPartParser(
        Headers({"content-type": described}), _once(body), max_files=MAX_FILES, max_fields=MAX_FIELDS,
        max_part_size=len(body) + 1,
    )  # fmt: skip
    try:
        form = await parser.parse()
        return FormData([(name.encode(BYTES).decode("utf-8", "replace"), part) for name, part in form.multi_items()])
    except MultiPartException as error:
        raise Unparsable("", [Problem("", "the form cannot be read", "multipart/form-data", error.message)]) from None


def form_boundary(request: Request) -> bytes:
    """What separates the parts of a multipart form.

    Raises:
        Unparsable: the Content-Type does not say.
    """
    message = Message()
    message["content-type"] = request.headers.get("content-type", "")
    boundary = message.get_param("boundary")
    if not isinstance(boundary, str) or not BOUNDARY.fullmatch(boundary):
        expected = "multipart/form-data; boundary=… (RFC 2046)"
        raise Unparsable("", [Problem("", "the form has no boundary", expected, "a Content-Type without a usable one")])
    return boundary.encode()


def incomplete(size: int) -> Unparsable:
    """The error for a form that stops before its closing boundary."""
    expected = "a multipart body that ends with its closing boundary"
    return Unparsable("", [Problem("", "the form is not complete", expected, f"{size:,} bytes")])


async def _once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body


async def part_bytes(part: UploadFile | str) -> bytes:
    """A part's bytes, whether it came as a file or as text."""
    return part.encode(BYTES) if isinstance(part, str) else await part.read()


def unsupported(request: Request, *accepted: str) -> UnsupportedMedia:
    """The error for a body of a type that this route does not read."""
    received = media_type(request) or "no Content-Type"
    problem = Problem("", "bodies of this type are not read here", f"one of {', '.join(accepted)}", received[:100])
    return UnsupportedMedia("", [problem])
