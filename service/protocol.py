"""uvicorn's HTTP/1.1 protocol with what it lacks: deadlines, limits for a request's head, and answers to what is no
request that can be handed on, which the application makes like all others.
"""

from __future__ import annotations

import asyncio
import re
import select
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from models.errors import Draining, LayerscopeError, TooManyConnections
from service.admission import Gate
from service.body_limit import REFUSAL
from service.clients import identity
from service.descriptors import REFUSED
from service.drain import Drain
from service.farewell import Farewell
from service.heads import HeadLimits, refusal_of, unknown_method
from service.records import HANG_UPS
from service.settings import Settings

HEAD_SECONDS = 10.0
"""From the connection, or a request's first byte, until its headers are complete. Idle kept-alive connections have
uvicorn's own, shorter limit."""
LINGER_SECONDS = 10.0
"""For the rest of a body that was refused before it had come; a client that still writes would not see the reply."""
STALL_SECONDS = 60.0
"""For a client to take what has been written to it, before it is hung up on."""
RUNS = re.compile(rb"^/v1/(activations|plan)\b|^/v[12]/models/[^?]*/(activations|infer)\b")
"""Addresses of requests that wait for an engine."""
IDLE_SECONDS = 0.5
"""Without a request, of a connection that is closed because the service stops: its client may be sending one."""
REFUSED_SECONDS = 2.0
"""HEAD_SECONDS of connections beyond those that are served."""
HEALTH = (b"/healthz", b"/readyz")
"""What is answered on those, too: else a full service would be taken for a dead one."""
MAX_PATH = 2048
"""What is handed on of the address of a request that is refused."""


class BoundedProtocol(HttpToolsProtocol):
    """Hangs up on clients that connect and say nothing, dribble their headers or refused bodies, never end them, or do
    not read.
    """

    limits = HeadLimits()
    gate: Gate = staticmethod(lambda _: None)
    most = 1000
    """Connections that are served."""
    drain = Drain()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._linger_timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None
        self.url, self.headers = b"", []
        self._refused = False
        self._begins, self._received = False, 0
        """Whether a request begins in the bytes that came last, and how many those are."""
        self._surplus = False
        """Whether this connection is one too many."""
        self._idle_since = self.loop.time()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._surplus = len(self.connections) > self.most
        if len(self.connections) > self.most + REFUSED:
            transport.abort()
        else:
            self._await_head(REFUSED_SECONDS if self._surplus else HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_clock()
        self._stop_lingering()
        self._stop_stalling()
        super().connection_lost(exc)
        self._hung_up()

    def _hung_up(self) -> None:
        """Tells whoever works for a client that is gone."""
        for cycle in (self.cycle, *(waiting for waiting, _ in self.pipeline)):
            if cycle is not None and not cycle.response_complete:
                for notify in cast(dict[str, Any], cycle.scope).get(HANG_UPS, ()):
                    notify()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stop_stalling()
        self._stall_timer = self.loop.call_later(STALL_SECONDS, self._give_up)

    def resume_writing(self) -> None:
        self._stop_stalling()
        super().resume_writing()

    def _give_up(self) -> None:
        """What is still to be written is dropped: `close` would wait for the client to take it."""
        self.transport.abort()

    def _stop_stalling(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def data_received(self, data: bytes) -> None:
        """After a refusal nothing is read; a head that goes on and on is refused before it ends."""
        if self._refused:
            return
        self._begins, self._received = False, len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # the request is answered as if it had not asked
        except httptools.HttpParserError as error:
            self._refuse(refusal_of(error, data))
        else:
            if self._head_timer is not None:
                self._count_head(0 if self._begins else len(data))

    def _count_head(self, size: int) -> None:
        """Of one that is not complete. What came together with its first byte may be of the request before."""
        self._head_bytes += size
        if self._head_bytes > self.limits.max_headers + self.limits.max_url:
            self._refuse(self.limits.refusal(self.url, self.headers, self._head_bytes) or self.limits.endless())

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._unset_keepalive_if_required()
        self._begins = True
        self._await_head()

    def on_headers_complete(self) -> None:
        """Raises LayerscopeError, which ends parsing: the head is over a limit, or no application is asked for it."""
        self._stop_clock()
        if (error := self.limits.refusal(self.url, self.headers, self._head_bytes + self._received)) is not None:
            raise error
        if self.parser.get_method() == b"CONNECT":
            raise unknown_method("CONNECT")
        if self._surplus and self.url not in HEALTH:
            raise TooManyConnections(f"{self.most:,} connections are open already.")
        if self.drain.ended:
            raise Draining()
        if RUNS.search(self.url):
            self._pass_gate()
        super().on_headers_complete()
        if self.drain.begun or self._surplus:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """The service stops: the reply that has not begun says that it is the last."""
        if not (self.cycle is None or self.cycle.response_started):
            self.cycle.keep_alive = False

    def close_if_idle(self) -> None:
        """For a service that stops: closes a connection on which nothing happens, nor is about to."""
        begun = self.scope is not None and (self.cycle is None or self.scope is not self.cycle.scope)
        waited_for = begun or not (self.cycle is None or self.cycle.response_complete)
        idle = self.loop.time() - self._idle_since
        if not (waited_for or self._linger_timer) and idle > IDLE_SECONDS and not self._has_unread():
            self.transport.close()

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

    def _pass_gate(self) -> None:
        """Where there is no place in any line the body is not looked at; the connection stays, and drops it."""
        refused = self.gate(identity(self.client[0]) if self.client else "")
        if refused is not None:
            cast(dict[str, Any], self.scope)[REFUSAL] = refused

    def _refuse(self, error: LayerscopeError) -> None:
        """Reads no further, and has the application answer with an error."""
        self._refused = True
        self._stop_clock()
        if self.scope is None:  # nothing has come but empty lines
            super().on_message_begin()
        elif self.cycle is not None and self.scope is self.cycle.scope:
            self._break_off(self.cycle, error)
            return
        cycle = self._cycle(error)
        if self.cycle is None or self.cycle.response_complete:
            self._start_asgi_task(cycle, self.app)
        else:
            self.pipeline.appendleft((cycle, self.app))
        self.cycle = cycle

    def _break_off(self, cycle: RequestResponseCycle, error: LayerscopeError) -> None:
        """A body that is broken: the application learns of it where it reads on."""
        if cycle.response_complete:
            self.transport.close()
            return
        cast(dict[str, Any], cycle.scope)[REFUSAL] = error
        cycle.keep_alive, cycle.transport = False, Farewell(self.transport)  # type: ignore[assignment]
        cycle.message_event.set()

    def _cycle(self, error: LayerscopeError) -> RequestResponseCycle:
        """An exchange whose request is as much as is known of it."""
        path, _, query = self.url[:MAX_PATH].partition(b"?")
        known = {"method": self.parser.get_method().decode("latin-1") if self.url else "",
                 "path": path.decode("latin-1"), "raw_path": path, "query_string": query, REFUSAL: error}  # fmt: skip
        cast(dict[str, Any], self.scope).update(known)
        cycle = RequestResponseCycle(
            scope=self.scope, transport=Farewell(self.transport), flow=self.flow,  # type: ignore[arg-type]
            logger=self.logger, access_logger=self.access_logger, access_log=False,
            default_headers=self.server_state.default_headers, message_event=asyncio.Event(),
            expect_100_continue=False, keep_alive=False, on_response=self.on_response_complete,
        )  # fmt: skip
        cycle.more_body = False
        return cycle

    def on_response_complete(self) -> None:
        self._idle_since = self.loop.time()
        super().on_response_complete()
        if self.cycle.response_complete and self.cycle.more_body and not self.transport.is_closing():
            self._linger_timer = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def on_message_complete(self) -> None:
        self._stop_lingering()
        super().on_message_complete()

    def _stop_lingering(self) -> None:
        if self._linger_timer is not None:
            self._linger_timer.cancel()
            self._linger_timer = None

    def _await_head(self, seconds: float = HEAD_SECONDS) -> None:
        self._stop_clock()
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(seconds, self._hang_up)

    def _stop_clock(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _hang_up(self) -> None:
        self._stop_clock()
        self.transport.close()


def protocol_of(settings: Settings, connections: int, drain_of_all: Drain, gate_: Gate) -> type[BoundedProtocol]:
    """The protocol with the limits that are set, so many connections, and what says that a request need not be read."""

    class Protocol(BoundedProtocol):
        most, drain, gate = connections, drain_of_all, staticmethod(gate_)
        limits = HeadLimits(int(settings.max_headers), settings.max_header_fields, int(settings.max_url))

    return Protocol
