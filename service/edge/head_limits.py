"""Limits on request heads, and the errors for heads that are refused."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import httptools

from models.errors import BadRequest, LargeHead, LayerscopeError, LongAddress, Problem, UnknownMethod, shown

LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+)(\Z| [^ \r\n]*(\Z| ([HTP/1.0]{0,8}\Z|HTTP/1\.[01]\r?\n)))")
"""A request line (RFC 9112 section 3) or a prefix of one, to tell an unknown method from data that is not HTTP."""
ABSOLUTE = re.compile(rb"https?://([^/?#]*)", re.IGNORECASE)
"""A target in absolute form, with its authority."""
FIELD_OVERHEAD = len(": \r\n")
"""Bytes of a header line other than its name and value."""


@dataclass(frozen=True)
class HeadLimits:
    """Size limits of a request head."""

    max_headers: int = 32 * 1024
    max_fields: int = 100
    max_url: int = 16 * 1024

    def refusal(self, url: bytes, headers: Sequence[tuple[bytes, bytes]], received: int) -> LayerscopeError | None:
        """Return the error for a head, possibly incomplete, of at most `received` bytes; None if within limits."""
        if received <= self.max_headers and len(headers) <= self.max_fields and len(url) <= self.max_url:
            return None
        if len(url) > self.max_url:
            return LongAddress("", [_over(LongAddress, self.max_url, "bytes of path and query", "send it in the body")])
        if len(headers) > self.max_fields:
            return LargeHead("", [_over(LargeHead, self.max_fields, "headers")])
        size = sum(len(name) + len(value) + FIELD_OVERHEAD for name, value in headers)
        return self.oversized() if size > self.max_headers else None

    def oversized(self) -> LayerscopeError:
        """Return the error for headers that are too long, complete or not."""
        return LargeHead("", [_over(LargeHead, self.max_headers, "bytes of headers")])


def _over(error: type[LayerscopeError], limit: int, what: str, advice: str | None = None) -> Problem:
    return Problem("", error.title, f"at most {limit:,} {what}", f"more than {limit:,}", advice)


def unknown_method(method: str) -> UnknownMethod:
    """Return the error for a method that no route supports."""
    expected = "GET, HEAD, POST, PUT, DELETE or OPTIONS"
    return UnknownMethod.at("", UnknownMethod.title, expected=expected, received=method[:60])


def check_transfer_coding(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Check that a body is chunked once, or not coded: the parser takes `identity, chunked`, which others may frame in
    another way. Source: RFC 9112 section 6.1.

    Raises:
        BadRequest: another transfer coding, or several.
    """
    codings = [value.lower() for name, value in headers if name == b"transfer-encoding"]
    if codings and codings != [b"chunked"]:
        received = shown(b", ".join(codings).decode("latin-1"), 100)
        raise BadRequest.at("", "this transfer coding is not read", expected="chunked", received=received)


def use_host_of_target(url: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    """Put the host of a target in absolute form in place of the header `Host`: it is the one that is meant. What stands
    before an @ is no part of it, and may be a password. Source: RFC 9112 section 3.2.2.
    """
    if (match := ABSOLUTE.match(url)) is not None:
        headers[:] = [(b"host", match[1].rpartition(b"@")[2]), *(field for field in headers if field[0] != b"host")]


def refusal_of(error: httptools.HttpParserError, data: bytes) -> LayerscopeError:
    """Return the error for which the parser stopped; `data` is the chunk it was fed last."""
    if isinstance(error.__context__, LayerscopeError):
        return error.__context__
    if isinstance(error, httptools.HttpParserInvalidMethodError) and (line := LINE.match(data)):
        return unknown_method(line[1].decode())
    received = str(error.__context__ or error)
    return BadRequest("This is not HTTP/1.1.", [Problem("", "this is not HTTP/1.1", "RFC 9112", received)])
