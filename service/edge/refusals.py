"""Error responses to requests refused by their heads, built without the application: under overload a refusal must cost
a fraction of a served request.
"""

from __future__ import annotations

from functools import lru_cache
from random import getrandbits
from typing import NamedTuple

from starlette.requests import Request
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from models.errors import Overloaded
from service.access.origins import Origins, RawHeaders
from service.edge.constant_headers import ALWAYS
from service.edge.response_headers import headers_of, read_head, record_for, with_common_headers
from service.errors.handlers import problem_response, whole_seconds
from service.observing.access_log import AccessLog
from service.observing.records import SCOPE_KEY

MAX_CACHED_PATHS = 256
"""Most paths whose responses are cached."""
CLOSE = (b"connection", b"close")
RETRY = b"retry-after"
LENGTH = b"content-length"
PLACEHOLDER_ID = f"{getrandbits(128):032x}"
"""Placeholder for the request's own ID in a template."""


class Template(NamedTuple):
    """A response without its variable parts: the request ID, Content-Length and Retry-After."""

    status: int
    headers: RawHeaders
    body: tuple[bytes, bytes]
    """Before the request ID, and after it."""


class Refusals:
    """Builds the responses to runs refused because all queues are full, with the headers, access log line and problem
    document of any other response.
    """

    def __init__(self, origins: Origins, log: AccessLog, always: RawHeaders = ALWAYS) -> None:
        self._origins, self._log, self._always = origins, log, always

    def response_bytes(self, scope: Scope, error: Overloaded, defaults: RawHeaders, keep_alive: bool) -> bytes:
        """Return the bytes of the response to a request with this head; `defaults` are the server's default headers."""
        head = read_head(scope)
        record = scope[SCOPE_KEY] = record_for(scope, head)
        template = _template(scope["path"], error.detail)
        body = record.request_id.encode().join(template.body)
        record.status, record.code, record.bytes_out, record.complete = template.status, error.code, len(body), True
        self._log.add(scope, record)
        own = [*template.headers, (LENGTH, b"%d" % len(body)), (RETRY, whole_seconds(error.seconds).encode())]
        headers = [
            *defaults,
            *with_common_headers(own, record, headers_of(self._always, self._origins, head)),
            *(() if keep_alive else (CLOSE,)),
        ]
        fields = [b"%s: %s\r\n" % field for field in headers]
        return b"".join([STATUS_LINE[template.status], *fields, b"\r\n", body])


@lru_cache(MAX_CACHED_PATHS)
def _template(path: str, detail: str) -> Template:
    """Build the template from the application's own response."""
    scope = {"type": "http", "path": path, "headers": [], "method": "POST", "request_id": PLACEHOLDER_ID}
    response = problem_response(Request(scope), Overloaded(detail))
    before, after = bytes(response.body).split(PLACEHOLDER_ID.encode())
    headers = tuple(field for field in response.raw_headers if field[0] not in (LENGTH, RETRY))
    return Template(response.status_code, headers, (before, after))
