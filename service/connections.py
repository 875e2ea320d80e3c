"""One connection among all others: how many there may be, whether there is room for what comes, and how they end."""

from __future__ import annotations

import asyncio
import re
import select
from collections import Counter
from typing import Any, ClassVar, cast

from starlette.types import Scope

from models.errors import Draining, Overloaded, TooManyConnections
from service.admission import Gate
from service.arrivals import SCOPE_KEY as ARRIVAL
from service.arrivals import arrival_of
from service.body_limit import REFUSAL
from service.clients import identity
from service.descriptors import REFUSED
from service.drain import Drain
from service.heads import HeadLimits
from service.protocol import BoundedProtocol
from service.records import HANG_UPS
from service.refusals import Refusals
from service.settings import Settings

IDLE_SECONDS = 0.5
"""Without a request, of a connection that is closed because the service stops: its client may be sending one."""
REFUSED_SECONDS = 2.0
"""HEAD_SECONDS of connections beyond those that are served."""
REST_SECONDS = 0.25
"""Without reading from a connection that was refused a run while others ask, too."""
HEALTH = (b"/healthz", b"/readyz")
"""What is answered on those, too: else a full service would be taken for a dead one."""
RUNS = re.compile(rb"^/v1/activations\b|^/v[12]/models/[^?]*/(activations|infer)\b")
"""Addresses of requests that wait for an engine to run something."""
FORWARDED = b"x-forwarded-for"
"""What a proxy says of who asks."""


class Connection(BoundedProtocol):
    """Refused with a reply where it is one too many, of all or of its client."""

    most, most_of_client = 1000, 100
    """Connections that are served."""
    drain = Drain()
    gate: Gate
    refusals: Refusals
    """Replies that the application need not be asked for."""
    clients: ClassVar[Counter[str]] = Counter()
    """Open connections by client."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.host = ""
        self._surplus: str | None = None
        """Why this connection is one too many; None when it is not."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.host = identity(self.client[0]) if self.client else ""
        self.clients[self.host] += 1
        self._surplus = self._one_too_many()
        if len(self.connections) > self.most + REFUSED:
            transport.abort()
        elif self._surplus is not None:
            self.head_seconds = REFUSED_SECONDS
            self._await_head()

    def _one_too_many(self) -> str | None:
        if len(self.connections) > self.most:
            return f"{self.most:,} connections are open already."
        if self.clients[self.host] > self.most_of_client:
            return f"{self.most_of_client:,} connections of this client are open already."
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.clients[self.host] -= 1
        if not self.clients[self.host]:
            del self.clients[self.host]
        self._hung_up()

    def _hung_up(self) -> None:
        """Tells whoever works for a client that is gone."""
        for cycle in (self.cycle, *(waiting for waiting, _ in self.pipeline)):
            if cycle is not None and not cycle.response_complete:
                if (arrival := arrival_of(cycle.scope)) is not None:
                    arrival.end()
                for notify in cast(dict[str, Any], cycle.scope).get(HANG_UPS, ()):
                    notify()

    def check_head(self) -> None:
        """Raises TooManyConnections, Draining."""
        if self._surplus is not None and self.url not in HEALTH:
            raise TooManyConnections(self._surplus)
        if self.drain.ended:
            raise Draining()

    def hand_on(self) -> None:
        """Where there is no place in any line, the request is refused and its body not looked at: at once, unless it
        has to wait for the reply before it.
        """
        runs = self._waits_for_engine()
        refused = self.gate.refusal(self.host) if runs else None
        if refused is not None and not (self.is_answering or self.flow.write_paused):
            self._answer(refused)
            if self.gate.has_others(self.host):
                self._rest()
            return
        if refused is not None:
            cast(dict[str, Any], self.scope)[REFUSAL] = refused
        elif runs:
            cast(dict[str, Any], self.scope)[ARRIVAL] = self.gate.arrivals.expect(self.host)
        super().hand_on()
        if self._is_last():
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if (arrival := arrival_of(self.scope)) is not None:
            arrival.come()

    def _waits_for_engine(self) -> bool:
        """Whether this is a run of a client that is known: a proxy's clients are told apart by the application."""
        if self.parser.get_method() != b"POST" or not RUNS.search(self.url):
            return False
        trusted = getattr(self.app, "trusted_hosts", ())
        return not (self.client and self.client[0] in trusted and any(name == FORWARDED for name, _ in self.headers))

    def _is_last(self) -> bool:
        """Whether the connection ends with this reply."""
        return self.drain.begun or self._surplus is not None

    def _answer(self, error: Overloaded) -> None:
        """Without the application; the connection stays, and drops the body."""
        keeps = not self._is_last() and self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        cycle = self.cycle = self.cycle_of_known(keeps)
        reply = self.refusals.reply(cast(Scope, cycle.scope), error, tuple(cycle.default_headers), keeps)
        cycle.response_started = cycle.response_complete = True
        cycle.transport.write(reply)
        if not keeps:
            cycle.transport.close()
        self.on_response_complete()

    def _rest(self) -> None:
        """Reads no more for a while: a refusal takes the front's time, which is others', too."""
        if not self.transport.is_closing():
            self.flow.pause_reading()
            self.loop.call_later(REST_SECONDS, self._go_on)

    def _go_on(self) -> None:
        if not self.transport.is_closing():
            self.flow.resume_reading()

    def shutdown(self) -> None:
        """The service stops: the reply that has not begun says that it is the last."""
        if not (self.cycle is None or self.cycle.response_started):
            self.cycle.keep_alive = False

    def close_if_idle(self) -> None:
        """For a service that stops: closes a connection on which nothing happens, nor is about to."""
        begun = self.scope is not None and (self.cycle is None or self.scope is not self.cycle.scope)
        waited_for = begun or not (self.cycle is None or self.cycle.response_complete)
        idle = self.loop.time() - self.idle_since
        if not (waited_for or self._linger_timer) and idle > IDLE_SECONDS and not self._has_unread():
            self.transport.close()

    def timeout_keep_alive_handler(self) -> None:
        """An idle connection is closed, unless its client has just sent another request."""
        if not self._has_unread():
            super().timeout_keep_alive_handler()

    def _has_unread(self) -> bool:
        """Whether something has come that this process has not read yet."""
        poll = select.poll()
        poll.register(self.transport.get_extra_info("socket"), select.POLLIN)
        return bool(poll.poll(0))

    def break_off(self) -> None:
        """For a service that stops: whose request has not come whole is told so where the body is read, and who sends
        a head is told when it is complete.
        """
        if self.cycle is not None and self.cycle.more_body and not self.cycle.response_started:
            self._refused = True
            self._break_off(self.cycle, Draining())


def protocol_of(
    settings: Settings, connections: int, drain_of_all: Drain, gate_of_all: Gate, replies: Refusals
) -> type[Connection]:
    """The protocol with the limits that are set, so many connections, what says that a request need not be read, and
    what makes the reply to one.
    """

    class Protocol(Connection):
        most, most_of_client = connections, settings.client_connections
        clients: ClassVar[Counter[str]] = Counter()
        drain, gate, refusals = drain_of_all, gate_of_all, replies
        limits = HeadLimits(int(settings.max_headers), settings.max_header_fields, int(settings.max_url))

    return Protocol
