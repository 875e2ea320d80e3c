"""Replies to requests that are refused by their heads, made without the application: under load a refusal costs a
fraction of what an answer does, or there is no time left for answers.
"""

from __future__ import annotations

from functools import lru_cache
from random import getrandbits
from typing import NamedTuple

from starlette.requests import Request
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from models.errors import Overloaded
from service.access.origins import Headers, Origins
from service.edge.reply_heads import completed, headers_of, read_head, record_for
from service.errors.handlers import problem_response, whole_seconds
from service.observing.access_log import AccessLog
from service.observing.records import SCOPE_KEY

KEPT = 256
"""Most paths whose replies are remembered."""
CLOSE = (b"connection", b"close")
RETRY = b"retry-after"
LENGTH = b"content-length"
REQUEST_ID = f"{getrandbits(128):032x}"
"""Stands for the request's own."""


class Template(NamedTuple):
    """A reply without what is another each time: the request's id, the length that follows, and when to come again."""

    status: int
    headers: Headers
    body: tuple[bytes, bytes]
    """Before the request's id, and after it."""


class Refusals:
    """Of runs for which no line has a place. They are like every other reply: its headers, its line of the log, the
    shape of errors.
    """

    def __init__(self, origins: Origins, log: AccessLog) -> None:
        self._origins, self._log = origins, log

    def reply(self, scope: Scope, error: Overloaded, defaults: Headers, keep_alive: bool) -> bytes:
        """The bytes of the reply to a request of which the head has come; `defaults` are what every reply says."""
        head = read_head(scope)
        record = scope[SCOPE_KEY] = record_for(scope, head)
        template = _template(scope["path"], error.detail)
        body = record.request_id.encode().join(template.body)
        record.status, record.code, record.bytes_out, record.complete = template.status, error.code, len(body), True
        self._log.add(scope, record)
        own = [*template.headers, (LENGTH, b"%d" % len(body)), (RETRY, whole_seconds(error.seconds).encode())]
        headers = [
            *defaults,
            *completed(own, record, headers_of(self._origins, head)),
            *(() if keep_alive else (CLOSE,)),
        ]
        fields = [b"%s: %s\r\n" % field for field in headers]
        return b"".join([STATUS_LINE[template.status], *fields, b"\r\n", body])


@lru_cache(KEPT)
def _template(path: str, detail: str) -> Template:
    """The application's own reply."""
    scope = {"type": "http", "path": path, "headers": [], "method": "POST", "request_id": REQUEST_ID}
    response = problem_response(Request(scope), Overloaded(detail))
    before, after = bytes(response.body).split(REQUEST_ID.encode())
    headers = tuple(field for field in response.raw_headers if field[0] not in (LENGTH, RETRY))
    return Template(response.status_code, headers, (before, after))
