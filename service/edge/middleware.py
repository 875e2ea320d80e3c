"""Outermost ASGI middleware: the first to see a request and the last to touch its response.

Every response gets an `X-Request-ID`, CORS headers and an access log line; requests of disallowed pages, or to unknown
host names, are refused here. Starlette's CORSMiddleware would reply to refused preflights in plain text instead of a
problem document, and checks neither `Host` nor `Sec-Fetch-Site`.
"""

from __future__ import annotations

import asyncio
import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.errors import BadRequest, CrossSite, Draining, LayerscopeError, Misdirected, shown
from service.access.authentication import key_of
from service.access.clients import CLIENT, SHARE
from service.access.control import AccessControl
from service.access.hosts import is_well_formed
from service.access.origins import RawHeaders
from service.access.quotas import Price
from service.edge.body_limit import REFUSAL, content_length
from service.edge.constant_headers import ALWAYS
from service.edge.http_middleware import HttpMiddleware
from service.edge.response_headers import (
    ASKS_METHOD,
    ASKS_NETWORK,
    Head,
    headers_of,
    read_head,
    record_for,
    with_common_headers,
)
from service.errors.handlers import problem_response
from service.observing.access_log import AccessLog
from service.observing.records import SCOPE_KEY, Record, end

SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
"""Methods that change and run nothing (RFC 9110 section 9.2.1); browsers hide their responses from other pages."""
PREFLIGHT_VARY = (b"vary", b"Access-Control-Request-Method, Access-Control-Request-Headers")


class EdgeMiddleware(HttpMiddleware):
    """ASGI middleware between the connections and the application."""

    def __init__(self, app: ASGIApp, access: AccessControl, log: AccessLog, always: RawHeaders = ALWAYS) -> None:
        super().__init__(app)
        self._access, self._log, self._always = access, log, always

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, answer and log a request."""
        head = read_head(scope)
        CLIENT.set(self._access.keys.identify(scope))
        if (key := key_of(scope)) is not None:
            SHARE.set(key.share)
        record = scope[SCOPE_KEY] = record_for(scope, head)
        logged_send = LoggedSend(send, record, headers_of(self._always, self._access.origins, head))
        try:
            app = self._early_response(scope, head) or self.app
            await app(scope, receive, logged_send)
        except asyncio.CancelledError:  # by shutdown, after the deadline
            if not record.status:
                await problem_response(Request(scope), Draining())(scope, receive, logged_send)
        finally:
            end(scope)
            self._log.add(scope, record)
            if key is not None:
                self._access.quotas.owe(key, Price(0, record.bytes_in))

    def _early_response(self, scope: Scope, head: Head) -> Response | None:
        """Return the response to a refused or preflight request; None to call the application."""
        try:
            self._check(scope, head)
        except LayerscopeError as error:
            return problem_response(Request(scope), error)
        if scope["method"] == "OPTIONS" and ASKS_METHOD in head and b"origin" in head:
            return _preflight(self._access.origins.preflight(ASKS_NETWORK in head))
        return None

    def _check(self, scope: Scope, head: Head) -> None:
        """Raise BadRequest, Misdirected, CrossSite, an error of keys or quotas, or the one the protocol stopped for."""
        if REFUSAL in scope:
            raise scope[REFUSAL]
        host, origin, origins = head.get(b"host"), head.get(b"origin"), self._access.origins
        if host is None and scope["http_version"] == "1.0":
            host = b""
        elif host is None or not is_well_formed(host):
            raise _bad_host(host)
        elif not self._access.hosts.knows(host):
            raise _misdirected(host)
        method = scope["method"]
        if method not in SAFE and not origins.may_act(origin, head.get(b"sec-fetch-site", b""), host):
            raise _cross_site(origin)
        if method == "OPTIONS" and ASKS_METHOD in head and origin is not None and not origins.allows(origin):
            raise _cross_site(origin)
        key = self._access.keys.check(scope)
        if key is not None and key.is_limited:
            self._access.quotas.check(key, Price(0, content_length(scope)))


class LoggedSend:
    """Send function that adds the common headers and updates the record."""

    __slots__ = ("_headers", "_record", "_send")

    def __init__(self, send: Send, record: Record, headers: RawHeaders) -> None:
        self._send, self._record, self._headers = send, record, headers

    async def __call__(self, message: Message) -> None:
        record = self._record
        if message["type"] == "http.response.start":
            record.status, record.responded = message["status"], time.perf_counter()
            message["headers"] = with_common_headers(message.get("headers", ()), record, self._headers)
        await self._send(message)
        if message["type"] == "http.response.body":
            record.bytes_out += len(message.get("body", b""))
            record.complete = not message.get("more_body", False)


def _preflight(headers: RawHeaders) -> Response:
    response = Response(status_code=204)
    response.raw_headers = [*headers, PREFLIGHT_VARY]
    return response


def _bad_host(host: bytes | None) -> BadRequest:
    message = "there is no Host" if host is None else "this is no Host"
    received = "nothing" if host is None else shown(host.decode("latin-1"))
    expected = "Host with a name or an address, and a port or none"
    return BadRequest.at("", message, expected=expected, received=received)


def _misdirected(host: bytes) -> Misdirected:
    advice = "whoever runs the service adds the name to LAYERSCOPE_HOSTS"
    expected = "localhost, 127.0.0.1, [::1], or a name of LAYERSCOPE_HOSTS"
    return Misdirected.at(
        "", Misdirected.title, expected=expected, received=shown(host.decode("latin-1")), suggestion=advice
    )


def _cross_site(origin: bytes | None) -> CrossSite:
    advice = "whoever runs the service adds the page's origin to LAYERSCOPE_ORIGINS"
    received = "a request of another site" if origin is None else shown(origin.decode("latin-1"))
    return CrossSite.at(
        "", CrossSite.title, expected="an origin of LAYERSCOPE_ORIGINS", received=received, suggestion=advice
    )
