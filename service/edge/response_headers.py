"""Response headers common to every response."""

from __future__ import annotations

import re
from collections.abc import Iterable
from random import getrandbits

from starlette.types import Scope

from service.access.authentication import key_name_of
from service.access.origins import Origins, RawHeaders
from service.edge.constant_headers import UNCACHED
from service.observing.records import Record

REQUEST_ID_SYNTAX = re.compile(rb"[A-Za-z0-9._-]{1,128}")
ASKS_METHOD, ASKS_NETWORK = b"access-control-request-method", b"access-control-request-private-network"
READ = frozenset((b"host", b"origin", b"sec-fetch-site", b"x-request-id", ASKS_METHOD, ASKS_NETWORK))
Head = dict[bytes, bytes]


def read_head(scope: Scope) -> Head:
    """Return the request headers on which admission and response headers depend. The values of a repeated header are
    joined, which makes it invalid.
    """
    head: Head = {}
    for name, value in scope["headers"]:
        if name in READ:
            head[name] = f"{head[name]!r}, {value!r}".encode() if name in head else value
    return head


def record_for(scope: Scope, head: Head) -> Record:
    """Create the record of a request, with the client's request ID or a generated one."""
    header = head.get(b"x-request-id", b"")
    request_id = header.decode() if REQUEST_ID_SYNTAX.fullmatch(header) else f"{getrandbits(128):032x}"
    scope["request_id"] = request_id
    return Record(request_id, scope["method"], key=key_name_of(scope))


def headers_of(always: RawHeaders, origins: Origins, head: Head) -> RawHeaders:
    """Return the headers of any response to this request."""
    origin = head.get(b"origin")
    return (*always, *origins.headers(origin)) if origin is not None else always


def with_common_headers(
    headers: Iterable[tuple[bytes, bytes]], record: Record, common: RawHeaders
) -> list[tuple[bytes, bytes]]:
    """Return a response's own headers together with the common ones."""
    own = list(headers)
    caching = () if any(name == b"cache-control" for name, _ in own) else (UNCACHED,)
    return [*own, *caching, (b"x-request-id", record.request_id.encode()), *common]
