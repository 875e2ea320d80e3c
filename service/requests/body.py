"""Bodies taken apart: by type, as JSON, as multipart forms. How large they may be is `body_limit`'s."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec
import orjson
from fastapi import Request
from starlette.datastructures import FormData, Headers
from starlette.formparsers import MultiPartException, MultiPartParser

from models.documents.raw_json import read_json
from models.errors import Problem, Unparsable, UnsupportedMedia
from models.files.not_json import ADVICE, not_json
from models.files.printed import text_advice
from models.files.signatures import JSON, MARK, TEXT
from models.files.unread import Advice, advice_on, told_of
from models.json_text.keys import check_keys
from models.json_text.limits import UNCOUNTED, Claim, check_document, nothing_claimed, parsed_bytes
from models.json_text.pieces import PIECE
from models.tensors.numbers import Numbers, numbers_in
from service.requests.decode_memory import MemoryShare
from service.requests.multipart import MULTIPART, form_boundary, parts_of

JSON_TYPES = ("application/json", "")
"""A body without a type is taken for JSON."""
FORM_OF_URLS = "application/x-www-form-urlencoded"
"""What curl says of a body, and a browser of a form without files."""
MAX_FILES = 256
"""Most files in one form: the largest batch of images."""
MAX_FIELDS = 64
THREAD_BYTES = 64 * 1024
"""Larger bodies are decoded on a thread."""
MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
"""Tells the members of an object apart: that each is one JSON value is checked, its numbers and strings are not."""
INPUTS = "inputs"
"""The member of a body that holds numbers."""
FORM_COPIES = 3
"""What is made of a form: its parts as they are gathered, as text, and as bytes."""
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
    return kind in JSON_TYPES or kind.endswith("+json")


def parse_json(
    body: bytes, what: str = "the body", advice: Advice = ADVICE, inputs: str | None = None,
    claim: Claim = nothing_claimed,
) -> Any:  # fmt: skip
    """The JSON value of a body, or of `what` else it is; a byte order mark is passed over. `inputs` and `claim` are as
    in `read_json`.

    Raises:
        Unparsable: saying where it stops being JSON, which key an object has twice, or what it is instead and, by
            `advice`, where that goes.
        TooLarge: it has more than is read.
    """
    try:
        return read_json(body.removeprefix(MARK), inputs, claim)
    except orjson.JSONDecodeError as error:
        raise Unparsable("", [not_json(body, error, what, advice)]) from None


def parse_run(body: bytes, claim: Claim = nothing_claimed) -> Any:
    """`parse_json`, but regular arrays of numbers under `inputs` come as `Numbers`: in half the time.

    Raises:
        Unparsable, TooLarge: as `parse_json`.
    """
    if len(body) > PIECE:
        return parse_json(body, inputs=INPUTS, claim=claim)
    if len(body) > THREAD_BYTES:
        claim(parsed_bytes(body, 0, len(body)), len(body), "")
    with suppress(msgspec.DecodeError, orjson.JSONDecodeError, UnicodeDecodeError, RecursionError):
        members = {name: bytes(text) for name, text in MEMBERS.decode(body).items()}
        numbers = numbers_in(members.get(INPUTS, b""))
        if numbers is not None:
            return _run_of(body, members, numbers)
    return parse_json(body, inputs=INPUTS)


def _run_of(body: bytes, members: Mapping[str, bytes], numbers: Numbers) -> dict[str, Any]:
    """The members of a body of which the inputs are read already."""
    if len(body) > UNCOUNTED:
        for name in members.keys() - {INPUTS}:
            check_document(members[name], f"/{name}")
    value = {name: numbers if name == INPUTS else orjson.loads(text) for name, text in members.items()}
    check_keys(body, value)
    return value


Parse = Callable[..., Any]
"""`parse_json` or the like, of a body and, by name, `claim`."""


async def json_of(body: bytes, share: MemoryShare, parse: Parse = parse_json) -> Any:
    """What `parse` makes of a body, on a thread where it takes a while.

    Raises:
        Unparsable, TooLarge: as `parse` does.
        Overloaded: there is no room for what is made of it.
    """
    return await share.run(partial(parse, claim=share.claim_json), body, on_thread=len(body) > THREAD_BYTES)


async def parse_form(request: Request, body: bytes, share: MemoryShare) -> FormData:
    """The parts of a multipart form.

    Raises:
        Unparsable: when a part or the closing boundary is missing (parsers take half a form for a whole one).
        TooLarge, Overloaded: there is no room for its parts beside it.
    """
    await share.run(share.claim, FORM_COPIES * len(body), len(body), "bytes of a form", on_thread=False)
    boundary = form_boundary(request)
    body = parts_of(body, boundary)
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


async def _once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body


def unsupported(request: Request, *accepted: str, body: bytes = b"", advice: Advice = ADVICE) -> UnsupportedMedia:
    """The error for a body of a type that this route does not read; the body says what to write instead."""
    kind = media_type(request)
    received, hint = (kind or "no Content-Type")[:100], _type_advice(body, kind, advice)
    problem = Problem("", "bodies of this type are not read here", f"one of {', '.join(accepted)}", received, hint)
    return UnsupportedMedia("", [problem])


def _type_advice(body: bytes, kind: str, advice: Advice) -> str | None:
    """What to send in place of a body."""
    if kind == MULTIPART:
        return 'send its fields as one JSON object, {"model": …}'
    told = told_of(body)
    if told is JSON and kind not in JSON_TYPES:
        return "say that it is JSON: curl -H 'Content-Type: application/json', json= in Python, headers of fetch()"
    if kind == FORM_OF_URLS and told is TEXT:
        return text_advice(body) or "send a form with curl -F, or JSON with json= in place of data= in Python"
    return advice_on(told, advice) or text_advice(body)
