"""Parsing of an inference body into its JSON and the bytes of the tensors after it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import isinf
from typing import Any

import orjson

from models.documents.raw_json import read_json
from models.errors import InvalidOption, shown
from models.files.signatures import Role
from models.files.unsupported import Advice
from models.json_text.keys import check_keys
from models.json_text.limits import UNCOUNTED, Claim, check_keys_of_objects, claim_nothing, parsed_bytes
from service.open_inference.codec import HEADER
from service.options.field_names import INPUTS
from service.requests.body import parse_json

ADVICE: Advice = {Role.PICTURE: "a picture is an input of datatype BYTES, in JSON as base64"}
POINTER = ""
"""Problems of the header have no position in the JSON."""


@dataclass(frozen=True)
class Envelope:
    """Parsed JSON of a body, and the bytes after it. Without JSON, the whole body is the bytes of the one input."""

    head: Any
    tensors: memoryview
    has_json: bool = True


def parse_envelope(body: bytes, header: str | None, claim: Claim = claim_nothing) -> Envelope:
    """Parse a body by its `Inference-Header-Content-Length`.

    Raises:
        InvalidOption: the header is not a length, or longer than the body.
        Unparsable, TooLarge: the JSON part is not JSON, or over a limit.
    """
    view = memoryview(body)
    if header is None:
        return Envelope(_parse(body, claim), view[len(body) :])
    length = _length(header, len(body))
    if not length:
        return Envelope(None, view, has_json=False)
    return Envelope(_parse(bytes(view[:length]), claim), view[length:])


def _length(header: str, available: int) -> int:
    text = header.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 20) or int(text) > available:
        message = f"{HEADER} is not the length of the JSON"
        raise InvalidOption.at(
            POINTER, message, expected=f"0 to {available}, the bytes of the body", received=shown(header)
        )
    return int(text)


def _parse(text: bytes, claim: Claim) -> Any:
    try:
        return read_json(text, INPUTS, claim)
    except orjson.JSONDecodeError:
        return _parse_with_literals(text, claim) if b"NaN" in text or b"Infinity" in text else _parse_or_raise(text)


def _parse_or_raise(text: bytes) -> Any:
    """Parse the value after a byte order mark, or report the error.

    Raises:
        Unparsable: with the position of the syntax error.
    """
    return parse_json(text, advice=ADVICE, inputs=INPUTS)


def _parse_with_literals(text: bytes, claim: Claim) -> Any:
    """Parse JSON with the literals NaN, Infinity and -Infinity, which Triton's clients write."""
    if len(text) > UNCOUNTED:
        check_keys_of_objects(text, 0, len(text))
        claim(parsed_bytes(text, 0, len(text)), len(text), "")
    try:
        value = json.loads(text, parse_float=_finite)
        json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate, which is not text, is a ValueError too
    except (ValueError, RecursionError):
        return _parse_or_raise(text)
    check_keys(text, value)
    return value


def _finite(text: str) -> float:
    """Parse a number; a ValueError if it overflows to infinity."""
    value = float(text)
    if isinf(value):
        raise ValueError("too large")
    return value
