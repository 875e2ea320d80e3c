"""What the head of every reply says, whoever makes it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from random import getrandbits

from starlette.types import Scope

from service.access.origins import Headers, Origins
from service.observing.records import Record

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
ASKS_METHOD, ASKS_NETWORK = b"access-control-request-method", b"access-control-request-private-network"
READ = frozenset((b"host", b"origin", b"sec-fetch-site", b"x-request-id", ASKS_METHOD, ASKS_NETWORK))
ALWAYS: Headers = ((b"x-content-type-options", b"nosniff"), (b"vary", b"Origin"))
UNCACHED = (b"cache-control", b"no-store")
"""Of replies that say nothing themselves: nobody could ask whether they still hold."""
Head = dict[bytes, bytes]


def read_head(scope: Scope) -> Head:
    """The headers of a request that its reply's depend on, and those that tell whether it goes on. One that comes twice
    is a list, which none of them may be.
    """
    head: Head = {}
    for name, value in scope["headers"]:
        if name in READ:
            head[name] = f"{head[name]!r}, {value!r}".encode() if name in head else value
    return head


def record_for(scope: Scope, head: Head) -> Record:
    """The record of a request, which has the id that it brings, or one of ours."""
    given = head.get(b"x-request-id", b"")
    request_id = given.decode() if REQUEST_ID.fullmatch(given) else f"{getrandbits(128):032x}"
    scope["request_id"] = request_id
    return Record(request_id, scope["method"])


def headers_of(origins: Origins, head: Head) -> Headers:
    """What the reply says whatever it is."""
    origin = head.get(b"origin")
    return (*ALWAYS, *origins.headers(origin)) if origin is not None else ALWAYS


def completed(headers: Iterable[tuple[bytes, bytes]], record: Record, always: Headers) -> list[tuple[bytes, bytes]]:
    """A reply's own headers with all that there have to be."""
    own = list(headers)
    caching = () if any(name == b"cache-control" for name, _ in own) else (UNCACHED,)
    return [*own, *caching, (b"x-request-id", record.request_id.encode()), *always]
