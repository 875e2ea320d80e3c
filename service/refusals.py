"""Replies to requests that are refused by their heads, made without the application: under load a refusal costs a
fraction of what an answer does, or there is no time left for answers.
"""

from __future__ import annotations

from collections.abc import Iterable

from starlette.requests import Request
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from models.errors import LayerscopeError
from service.access_log import AccessLog
from service.errors import problem_response
from service.origins import Headers, Origins
from service.records import SCOPE_KEY
from service.reply_heads import completed, headers_of, read_head, record_for

CLOSE = (b"connection", b"close")


class Refusals:
    """Complete like every other reply: with the edge's headers, as a line of the log, in the one shape of errors."""

    def __init__(self, origins: Origins, log: AccessLog) -> None:
        self._origins, self._log = origins, log

    def reply(self, scope: Scope, error: LayerscopeError, defaults: Headers, keep_alive: bool) -> bytes:
        """The bytes of the reply to a request of which the head has come; `defaults` are what every reply says."""
        head = read_head(scope)
        record = scope[SCOPE_KEY] = record_for(scope, head)
        response = problem_response(Request(scope), error)
        body = bytes(response.body)
        record.status, record.bytes_out, record.complete = response.status_code, len(body), True
        always = headers_of(self._origins, head)
        headers = [*defaults, *completed(response.raw_headers, record, always), *(() if keep_alive else (CLOSE,))]
        self._log.add(scope, record)
        return STATUS_LINE[response.status_code] + _written(headers) + body


def _written(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    return b"".join([b"%s: %s\r\n" % field for field in headers]) + b"\r\n"
