"""The body of an inference taken apart: its JSON, and the bytes of the tensors behind it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import isinf
from typing import Any

import orjson

from models.documents.raw_json import read_json
from models.errors import InvalidOption, Problem, shown
from models.files.signatures import Role
from models.files.unread import Advice
from models.json_text.keys import check_keys
from models.json_text.limits import UNCOUNTED, Claim, check_keys_of_objects, nothing_claimed, parsed_bytes
from service.open_inference.codec import HEADER
from service.requests.body import INPUTS, parse_json

ADVICE: Advice = {Role.PICTURE: "a picture is an input of datatype BYTES, in JSON as base64"}
POINTER = ""
"""Problems of the header have no place in the JSON."""


@dataclass(frozen=True)
class Envelope:
    """A body: its parsed JSON, and the bytes behind it. Without JSON all of it is the one input's bytes."""

    head: Any
    tensors: memoryview
    has_json: bool = True


def opened(body: bytes, header: str | None, claim: Claim = nothing_claimed) -> Envelope:
    """A body and its `Inference-Header-Content-Length`.

    Raises:
        InvalidOption: the header is no length, or longer than the body.
        Unparsable, TooLarge: what it delimits is not JSON, or has more than is read.
    """
    view = memoryview(body)
    if header is None:
        return Envelope(_parsed(body, claim), view[len(body) :])
    length = _length(header, len(body))
    if not length:
        return Envelope(None, view, has_json=False)
    return Envelope(_parsed(bytes(view[:length]), claim), view[length:])


def _length(header: str, available: int) -> int:
    text = header.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 20) or int(text) > available:
        message = f"{HEADER} is not the length of the JSON"
        raise InvalidOption("", [Problem(POINTER, message, f"0 to {available}, the bytes of the body", shown(header))])
    return int(text)


def _parsed(text: bytes, claim: Claim) -> Any:
    try:
        return read_json(text, INPUTS, claim)
    except orjson.JSONDecodeError:
        return _with_literals(text, claim) if b"NaN" in text or b"Infinity" in text else _refused(text)


def _refused(text: bytes) -> Any:
    """The value behind a byte order mark.

    Raises:
        Unparsable: it is not JSON; says where it stops being so.
    """
    return parse_json(text, advice=ADVICE, inputs=INPUTS)


def _with_literals(text: bytes, claim: Claim) -> Any:
    """Triton's clients write NaN, Infinity and -Infinity as they are."""
    if len(text) > UNCOUNTED:
        check_keys_of_objects(text, 0, len(text))
        claim(parsed_bytes(text, 0, len(text)), len(text), "")
    try:
        value = json.loads(text, parse_float=_finite)
        json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate, which no text holds, is a ValueError too
    except (ValueError, RecursionError):
        return _refused(text)
    check_keys(text, value)
    return value


def _finite(text: str) -> float:
    """A number that is not infinite by being written too large."""
    value = float(text)
    if isinf(value):
        raise ValueError("too large")
    return value
