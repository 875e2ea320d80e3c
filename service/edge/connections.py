"""HTTP connections with connection limits, admission control before the body is read, and graceful shutdown."""

from __future__ import annotations

import asyncio
import re
import select
from random import uniform
from typing import Any, NamedTuple, cast

from starlette.types import Scope

from models.errors import Draining, Overloaded, TooManyConnections
from service.access.arrivals import REFUSED_PAUSE_SECONDS, Gate, arrival_of
from service.access.arrivals import SCOPE_KEY as ARRIVAL
from service.access.authentication import Authenticator
from service.access.clients import identity
from service.edge.body_limit import REFUSAL
from service.edge.descriptors import REFUSED
from service.edge.drain import DrainState
from service.edge.head_limits import HeadLimits
from service.edge.http_protocol import BoundedProtocol
from service.edge.places import Places
from service.edge.refusals import Refusals
from service.observing.records import DISCONNECT_CALLBACKS
from service.settings import Settings

IDLE_SECONDS = 0.5
"""Idle time before a connection is closed on shutdown, or for another one: its client may be sending a request."""
REFUSED_SECONDS = 2.0
"""HEAD_SECONDS of connections over the limit."""
HEALTH = (b"/healthz", b"/readyz")
"""Paths also served on those: otherwise a full service would be taken for a dead one."""
RUNS = re.compile(
    rb"^/v1/(activations|explanations|comparisons|diagnoses|arithmetic)\b"
    rb"|^/v[12]/models/[^?]*/(activations|explanations|comparisons|diagnoses|arithmetic|infer)\b"
)
"""Paths of requests that run something on an engine."""
FORWARDED = b"x-forwarded-for"
"""Header in which a proxy names the client."""


class Admission(NamedTuple):
    """What admits requests before they are read: the gate, its error responses, and the keys."""

    gate: Gate
    refusals: Refusals
    keys: Authenticator


class Connection(BoundedProtocol):
    """Connection that replies with an error if it is over the limit, in total or of its client."""

    places = Places()
    drain = DrainState()
    gate: Gate
    refusals: Refusals
    """Builds error responses without the application."""
    keys = Authenticator(None)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.client_identity = ""
        self._exceeded_limit: str | None = None
        """The limit that this connection is over; None if it is within limits."""
        self._has_key = False
        """Whether a request with a known key has come."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.client_identity = identity(self.client[0]) if self.client else ""
        everyone = cast(set[Connection], self.connections)
        self._exceeded_limit = self.places.take(self.client_identity, everyone)
        if len(everyone) > self.places.most + REFUSED:
            transport.abort()
        elif self._exceeded_limit is not None:
            self.head_seconds = REFUSED_SECONDS
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if not self._has_key:
            self.places.leave(self.client_identity)
        self._notify_disconnect()

    def _leave_address(self) -> None:
        """Give the place of an address to another connection."""
        self._has_key = True
        self.places.leave(self.client_identity)
        if len(self.connections) <= self.places.most:
            self._exceeded_limit, self.head_seconds = None, type(self).head_seconds

    def _notify_disconnect(self) -> None:
        """Notify the handlers of unfinished requests that the client has disconnected."""
        for cycle in (self.cycle, *(waiting for waiting, _ in self.pipeline)):
            if cycle is not None and not cycle.response_complete:
                if (arrival := arrival_of(cycle.scope)) is not None:
                    arrival.end()
                for notify in cast(dict[str, Any], cycle.scope).get(DISCONNECT_CALLBACKS, ()):
                    notify()

    def check_head(self) -> None:
        """Raise TooManyConnections or Draining. A connection with a known key takes no place of its address."""
        if self.keys.are_needed and not self._has_key:
            self.keys.identify(cast(dict[str, Any], self.scope))
            if not self.keys.lacks(cast(dict[str, Any], self.scope)):
                self._leave_address()
        if self._exceeded_limit is not None and self.url not in HEALTH:
            raise TooManyConnections(self._exceeded_limit)
        if self.drain.ended:
            raise Draining()

    def start_request(self) -> None:
        """Refuse a run for which all queues are full without reading its body: at once, unless it has to wait for the
        response before it.
        """
        scope = cast(dict[str, Any], self.scope)
        client = self.keys.identify(scope) if self._waits_for_engine() else ""
        runs = client != "" and not self.keys.lacks(scope)
        refused = self.gate.refusal(client) if runs else None
        if refused is not None and not (self.is_responding or self.flow.write_paused):
            self._send_refusal(refused)
            if self.gate.floods_beside_others(client):
                self._pause_reading()
            return
        if refused is not None:
            scope[REFUSAL] = refused
        elif runs:
            scope[ARRIVAL] = self.gate.arrivals.expect(client)
        super().start_request()
        if self._is_last():
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if (arrival := arrival_of(self.scope)) is not None:
            arrival.mark_received()

    def _waits_for_engine(self) -> bool:
        """Whether this is a run whose client is known here: without keys, clients behind a proxy are resolved by the
        application.
        """
        if self.parser.get_method() != b"POST" or not RUNS.search(self.url):
            return False
        if self.keys.are_needed:
            return True
        trusted = getattr(self.app, "trusted_hosts", ())
        return not (self.client and self.client[0] in trusted and FORWARDED in dict(self.headers))

    def _is_last(self) -> bool:
        """Whether the connection closes after this response."""
        return self.drain.begun or self._exceeded_limit is not None

    def _send_refusal(self, error: Overloaded) -> None:
        """Send an error without the application; the connection stays open and discards the body."""
        keep_alive = not self._is_last() and self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        cycle = self.cycle = self.partial_cycle(keep_alive)
        scope, defaults = cast(Scope, cycle.scope), tuple(cycle.default_headers)
        cycle.response_started = cycle.response_complete = True
        cycle.transport.write(self.refusals.response_bytes(scope, error, defaults, keep_alive))
        if not keep_alive:
            cycle.transport.close()
        self.on_response_complete()

    def _pause_reading(self) -> None:
        """Read nothing for a while: a refusal takes time of the front, which others need, too."""
        if not self.transport.is_closing():
            self.flow.pause_reading()
            self.loop.call_later(uniform(0.5, 1.5) * REFUSED_PAUSE_SECONDS, self._resume_reading)  # noqa: S311 (no secret)

    def _resume_reading(self) -> None:
        if not self.transport.is_closing():
            self.flow.resume_reading()

    def shutdown(self) -> None:
        """Begin shutdown: a response that has not started yet will close the connection."""
        if not (self.cycle is None or self.cycle.response_started):
            self.cycle.keep_alive = False

    @property
    def is_idle(self) -> bool:
        """Whether no request is in progress or in transit."""
        is_receiving = self.scope is not None and (self.cycle is None or self.scope is not self.cycle.scope)
        is_busy = is_receiving or not (self.cycle is None or self.cycle.response_complete)
        idle = self.loop.time() - self.idle_since
        return not (is_busy or self._linger_timer) and idle > IDLE_SECONDS and not self._has_unread()

    def close_if_idle(self) -> None:
        """During shutdown, close a connection without a request in progress or in transit."""
        if self.is_idle:
            self.transport.close()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, unless its client has just sent another request."""
        if not self._has_unread():
            super().timeout_keep_alive_handler()

    def _has_unread(self) -> bool:
        """Whether the socket has received data that this process has not read yet; a closed one has none."""
        if self.transport.is_closing():
            return False
        poll = select.poll()
        poll.register(self.transport.get_extra_info("socket"), select.POLLIN)
        return bool(poll.poll(0))

    def refuse_incomplete(self) -> None:
        """During shutdown, fail a request with an incomplete body where the body is read; one with an incomplete head
        fails once the head is complete.
        """
        if self.cycle is not None and self.cycle.more_body and not self.cycle.response_started:
            self._refused = True
            self._fail_body(self.cycle, Draining())


def protocol_of(settings: Settings, connections: int, drain: DrainState, admission: Admission) -> type[Connection]:
    """Return a protocol class with the configured limits, this many connections, and the service's drain state and
    admission.
    """

    class Protocol(Connection):
        limits = HeadLimits(int(settings.max_headers), settings.max_header_fields, int(settings.max_url))
        head_seconds = settings.head_seconds

    Protocol.places = Places(connections, settings.client_connections)
    Protocol.drain, Protocol.keys = drain, admission.keys
    Protocol.gate, Protocol.refusals = admission.gate, admission.refusals
    return Protocol
