"""Boundaries of a multipart form, with an optional preamble and epilogue (RFC 2046 section 5.1)."""

from __future__ import annotations

import re

from fastapi import Request
from python_multipart.multipart import parse_options_header

from models.errors import Unparsable

MULTIPART = "multipart/form-data"
BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,./:=? -]{1,70}")
"""RFC 2046 section 5.1.1."""
MAX_PREAMBLE = 16 * 1024
"""Most bytes of a preamble, which is skipped."""
MAX_NAMED, MAX_PADDING = 16, 256
"""Most occurrences of the closing boundary that are tried, and most padding after it."""
LEAVE_TO_CLIENT = "leave Content-Type out: curl -F, requests' files= and FormData write it with their own boundary"


def form_boundary(request: Request) -> bytes:
    """Return the boundary of a multipart form.

    Raises:
        Unparsable: the Content-Type has no valid one.
    """
    _, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary", b"")
    if not BOUNDARY.fullmatch(boundary):
        expected, received = "multipart/form-data; boundary=… (RFC 2046)", "a Content-Type without a usable one"
        raise Unparsable.at(
            "", "the form has no boundary", expected=expected, received=received, suggestion=LEAVE_TO_CLIENT
        )
    return boundary


def incomplete_form(size: int) -> Unparsable:
    """Return the error for a form that ends before its closing boundary."""
    expected = "a multipart body that ends with its closing boundary"
    return Unparsable.at("", "the form is not complete", expected=expected, received=f"{size:,} bytes")


def strip_form(body: bytes, boundary: bytes) -> bytes:
    """Strip preamble and epilogue from a form; its first and its closing boundary are lines of their own.

    Raises:
        Unparsable: either is missing (parsers accept a truncated form).
    """
    start = 0 if body.startswith(b"--" + boundary) else find_first_part(body[:MAX_PREAMBLE], boundary)
    end = find_closing(body, boundary)
    if start is None or end is None or start >= end:
        raise incomplete_form(len(body))
    return body if not start and end == len(body) else body[start:end]


def find_first_part(start: bytes, boundary: bytes) -> int | None:
    """Return the offset of the first part after a preamble; None if no part begins in these bytes."""
    match = re.search(b"\r\n(--%b)[ \t]*\r\n" % re.escape(boundary), start)
    return match.start(1) if match else None


def find_closing(body: bytes, boundary: bytes) -> int | None:
    """Return the offset after the closing boundary, which an epilogue may repeat a few times; None if it is missing."""
    last = b"--%b--" % boundary
    position = len(body)
    for _ in range(MAX_NAMED):
        position = body.rfind(last, 0, position)
        if position < 0:
            return None
        end = position + len(last)
        begins_line = position == 0 or body[position - 2 : position] == b"\r\n"
        if begins_line and body[end : end + MAX_PADDING].lstrip(b" \t")[:1] in (b"", b"\r", b"\n"):
            return end
    return None
