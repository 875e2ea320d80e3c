"""What a request's head may be, and what is said of one that may not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import httptools

from models.errors import BadRequest, LargeHead, LayerscopeError, LongAddress, Problem, UnknownMethod

LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+)(\Z| [^ \r\n]*(\Z| ([HTP/1.0]{0,8}\Z|HTTP/1\.[01]\r?\n)))")
"""A request line (RFC 9112 section 3), or what there is of it: a method is told from what is no HTTP."""
BESIDES = len(": \r\n")
"""Bytes of a header's line besides its name and value."""


@dataclass(frozen=True)
class HeadLimits:
    """How long a head may be."""

    max_headers: int = 32 * 1024
    max_fields: int = 100
    max_url: int = 16 * 1024

    def refusal(self, url: bytes, headers: Sequence[tuple[bytes, bytes]], most: int) -> LayerscopeError | None:
        """What is wrong with a head that is no longer than `most`, as far as it has come."""
        if most <= self.max_headers and len(headers) <= self.max_fields and len(url) <= self.max_url:
            return None
        if len(url) > self.max_url:
            return LongAddress("", [_over(LongAddress, self.max_url, "bytes of path and query", "send it in the body")])
        if len(headers) > self.max_fields:
            return LargeHead("", [_over(LargeHead, self.max_fields, "headers")])
        size = sum(len(name) + len(value) + BESIDES for name, value in headers)
        return self.endless() if size > self.max_headers else None

    def endless(self) -> LayerscopeError:
        """What is said of headers that are too long, whole or not."""
        return LargeHead("", [_over(LargeHead, self.max_headers, "bytes of headers")])


def _over(error: type[LayerscopeError], limit: int, what: str, advice: str | None = None) -> Problem:
    return Problem("", error.title, f"at most {limit:,} {what}", f"more than {limit:,}", advice)


def unknown_method(method: str) -> UnknownMethod:
    """The error for a method that is not offered anywhere."""
    expected = "GET, HEAD, POST, PUT, DELETE or OPTIONS"
    return UnknownMethod("", [Problem("", UnknownMethod.title, expected, method[:60])])


def refusal_of(error: httptools.HttpParserError, data: bytes) -> LayerscopeError:
    """What is wrong with what the parser stopped at; `data` is what came last."""
    if isinstance(error.__context__, LayerscopeError):
        return error.__context__
    if isinstance(error, httptools.HttpParserInvalidMethodError) and (line := LINE.match(data)):
        return unknown_method(line[1].decode())
    received = str(error.__context__ or error)
    return BadRequest("This is not HTTP/1.1.", [Problem("", "this is not HTTP/1.1", "RFC 9112", received)])
