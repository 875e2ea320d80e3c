"""Where the parts of a multipart form lie, and what may stand before and behind them (RFC 2046 section 5.1)."""

from __future__ import annotations

import re

from fastapi import Request
from python_multipart.multipart import parse_options_header

from models.errors import Problem, Unparsable

MULTIPART = "multipart/form-data"
BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,./:=? -]{1,70}")
"""RFC 2046 section 5.1.1."""
MAX_PREAMBLE = 16 * 1024
"""Bytes before the first part that are passed over."""
MAX_NAMED, MAX_PADDING = 16, 256
"""How often an epilogue may name the closing boundary, and the spaces behind that one."""
LEAVE_TO_CLIENT = "leave Content-Type out: curl -F, requests' files= and FormData write it with their own boundary"


def form_boundary(request: Request) -> bytes:
    """What separates the parts of a multipart form.

    Raises:
        Unparsable: the Content-Type does not say.
    """
    _, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary", b"")
    if not BOUNDARY.fullmatch(boundary):
        expected, received = "multipart/form-data; boundary=… (RFC 2046)", "a Content-Type without a usable one"
        raise Unparsable("", [Problem("", "the form has no boundary", expected, received, LEAVE_TO_CLIENT)])
    return boundary


def incomplete(size: int) -> Unparsable:
    """The error for a form that stops before its closing boundary."""
    expected = "a multipart body that ends with its closing boundary"
    return Unparsable("", [Problem("", "the form is not complete", expected, f"{size:,} bytes")])


def parts_of(body: bytes, boundary: bytes) -> bytes:
    """A form from its first to its closing boundary, which are lines of their own; the rest says nothing.

    Raises:
        Unparsable: either is missing (parsers take half a form for a whole one).
    """
    start = 0 if body.startswith(b"--" + boundary) else first_part(body[:MAX_PREAMBLE], boundary)
    end = closing(body, boundary)
    if start is None or end is None or start >= end:
        raise incomplete(len(body))
    return body if not start and end == len(body) else body[start:end]


def first_part(start: bytes, boundary: bytes) -> int | None:
    """Where the first part begins behind a preamble; None where no part begins in these bytes."""
    found = re.search(b"\r\n(--%b)[ \t]*\r\n" % re.escape(boundary), start)
    return found.start(1) if found else None


def closing(body: bytes, boundary: bytes) -> int | None:
    """Where a form ends: behind its closing boundary, which an epilogue may name a few times more."""
    last = b"--%b--" % boundary
    place = len(body)
    for _ in range(MAX_NAMED):
        place = body.rfind(last, 0, place)
        if place < 0:
            return None
        end = place + len(last)
        stands_alone = place == 0 or body[place - 2 : place] == b"\r\n"
        if stands_alone and body[end : end + MAX_PADDING].lstrip(b" \t")[:1] in (b"", b"\r", b"\n"):
            return end
    return None
