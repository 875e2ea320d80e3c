"""Parsing of request bodies: by media type, as JSON, as multipart forms. `body_limit` limits their size."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec
import orjson
from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, Headers
from starlette.formparsers import MultiPartException, MultiPartParser

from models.documents.raw_json import read_json
from models.errors import Unparsable, UnsupportedMedia
from models.files.mistaken_text import text_advice
from models.files.not_json import ADVICE, not_json
from models.files.signatures import BOM, JSON, TEXT
from models.files.unsupported import Advice, advice_on, kind_of_data
from models.json_text.keys import check_keys
from models.json_text.limits import UNCOUNTED, Claim, check_document, claim_nothing, parsed_bytes
from models.json_text.pieces import PIECE
from models.tensors.numbers import Numbers, numbers_in
from service.options.field_names import INPUTS, SIDES
from service.requests.decode_memory import MemoryShare
from service.requests.multipart import MULTIPART, form_boundary, strip_form

JSON_TYPES = ("application/json", "")
"""Media types of JSON; a body without a type is parsed as JSON."""
FORM_OF_URLS = "application/x-www-form-urlencoded"
"""The default type of curl, and of a browser's form without files."""
MAX_FILES = 256
"""Most files in one form: the largest batch of images."""
MAX_FIELDS = 64
THREAD_BYTES = 64 * 1024
"""Larger bodies are decoded on a thread."""
JOIN_BYTES = 1024 * 1024
"""Larger bodies are joined on a thread: from this size on `bytes.join` releases the interpreter lock."""
MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
"""Decoder that splits an object into its members: it checks the syntax of each, but not its numbers and strings."""
FORM_COPIES = 3
"""Copies of a form in memory: its parts as they are received, as text, and as bytes."""
BYTES = "latin-1"
"""The charset of text parts, in which every byte is a character: the code that uses a part decodes it. The client's
`charset` is ignored: some of Python's codecs raise errors that the parser does not catch.
"""


def media_type(request: Request) -> str:
    """Return the media type of the body without parameters, in lower case; empty without a Content-Type."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def is_json(request: Request) -> bool:
    """Whether the media type of the body is JSON, or missing."""
    content_type = media_type(request)
    return content_type in JSON_TYPES or content_type.endswith("+json")


def parse_json(
    body: bytes, what: str = "the body", advice: Advice = ADVICE, inputs: str | None = None,
    claim: Claim = claim_nothing,
) -> Any:  # fmt: skip
    """Parse the JSON of a body, called `what` in errors; a byte order mark is skipped. `inputs` and `claim` are as in
    `read_json`.

    Raises:
        Unparsable: with the position of the syntax error, the duplicate key, or the actual format and, from `advice`,
            where a file of that format belongs.
        TooLarge: it is over a limit.
    """
    try:
        return read_json(body.removeprefix(BOM), inputs, claim)
    except orjson.JSONDecodeError as error:
        raise Unparsable("", [not_json(body, error, what, advice)]) from None


def parse_run(body: bytes, claim: Claim = claim_nothing) -> Any:
    """Parse as `parse_json`, but regular arrays of numbers under `inputs` as `Numbers`: it takes half the time.

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
            return _run_body(body, members, numbers)
    return parse_json(body, inputs=INPUTS)


def parse_comparison(body: bytes, claim: Claim = claim_nothing) -> Any:
    """Parse as `parse_json` a body with two sides, each with inputs of its own.

    Raises:
        Unparsable, TooLarge: as `parse_json`.
    """
    try:
        return read_json(body.removeprefix(BOM), INPUTS, claim, SIDES)
    except orjson.JSONDecodeError as error:
        raise Unparsable("", [not_json(body, error, "the body", ADVICE)]) from None


def _run_body(body: bytes, members: Mapping[str, bytes], numbers: Numbers) -> dict[str, Any]:
    """Parse the members of a body other than the inputs."""
    if len(body) > UNCOUNTED:
        for name in members.keys() - {INPUTS}:
            check_document(members[name], f"/{name}")
    value = {name: numbers if name == INPUTS else orjson.loads(text) for name, text in members.items()}
    check_keys(body, value)
    return value


Parse = Callable[..., Any]
"""A parser such as `parse_json`, called with a body and the keyword `claim`."""


async def read_body(request: Request) -> bytes:
    """Return the whole body of a request; to copy one of 60 MB takes 50 ms."""
    chunks = [chunk async for chunk in request.stream()]
    if sum(map(len, chunks)) <= JOIN_BYTES:
        return b"".join(chunks)
    return await run_in_threadpool(b"".join, chunks)


async def decode_json(body: bytes, share: MemoryShare, parse: Parse = parse_json) -> Any:
    """Decode a body with `parse`, a large one on a thread.

    Raises:
        Unparsable, TooLarge: as `parse` does.
        Overloaded: there is no memory for the result.
    """
    return await share.run(partial(parse, claim=share.claim_json), body, on_thread=len(body) > THREAD_BYTES)


async def parse_form(request: Request, body: bytes, share: MemoryShare) -> FormData:
    """Parse a multipart form into its parts.

    Raises:
        Unparsable: a part or the closing boundary is missing (parsers accept a truncated form).
        TooLarge, Overloaded: there is no memory for the copies of its parts.
    """
    await share.run(share.claim, FORM_COPIES * len(body), len(body), "bytes of a form", on_thread=False)
    boundary = form_boundary(request)
    body = strip_form(body, boundary)
    content_type = f'multipart/form-data; boundary="{boundary.decode()}"; charset={BYTES}'
    parser = MultiPartParser(
        Headers({"content-type": content_type}), _single_chunk(body), max_files=MAX_FILES, max_fields=MAX_FIELDS,
        max_part_size=len(body) + 1,
    )  # fmt: skip
    try:
        form = await parser.parse()
        return FormData([(name.encode(BYTES).decode("utf-8", "replace"), part) for name, part in form.multi_items()])
    except MultiPartException as error:
        raise Unparsable.at(
            "", "the form cannot be read", expected="multipart/form-data", received=error.message
        ) from None


async def _single_chunk(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body


def unsupported(request: Request, *accepted: str, body: bytes = b"", advice: Advice = ADVICE) -> UnsupportedMedia:
    """Return the error for a body of a media type that the route does not support, with advice by its content."""
    content_type = media_type(request)
    received, hint = (content_type or "no Content-Type")[:100], _type_advice(body, content_type, advice)
    return UnsupportedMedia.at(
        "",
        "bodies of this type are not read here",
        expected=f"one of {', '.join(accepted)}",
        received=received,
        suggestion=hint,
    )


def _type_advice(body: bytes, content_type: str, advice: Advice) -> str | None:
    """Return the advice for a body of an unsupported media type."""
    if content_type == MULTIPART:
        return 'send its fields as one JSON object, {"model": …}'
    content = kind_of_data(body)
    if content is JSON and content_type not in JSON_TYPES:
        return "say that it is JSON: curl -H 'Content-Type: application/json', json= in Python, headers of fetch()"
    if content_type == FORM_OF_URLS and content is TEXT:
        return text_advice(body) or "send a form with curl -F, or JSON with json= in place of data= in Python"
    return advice_on(content, advice) or text_advice(body)
