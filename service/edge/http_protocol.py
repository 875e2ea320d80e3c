"""uvicorn's HTTP/1.1 protocol with what it lacks: deadlines, limits for a request's head, and answers to what is no
request that can be handed on, which the application makes like all others.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from models.errors import LayerscopeError
from service.edge.body_limit import REFUSAL
from service.edge.half_closed import HalfClosedTransport
from service.edge.heads import HeadLimits, refusal_of, unknown_method

HEAD_SECONDS = 10.0
"""From the connection, or a request's first byte, until its headers are complete. Idle kept-alive connections have
uvicorn's own, shorter limit."""
LINGER_SECONDS = 10.0
"""For the rest of a body that was refused before it had come; a client that still writes would not see the reply."""
STALL_SECONDS = 60.0
"""For a client to take what has been written to it, before it is hung up on."""
MAX_PATH = 2048
"""What is handed on of the address of a request that is refused."""


class BoundedProtocol(HttpToolsProtocol):
    """Hangs up on clients that connect and say nothing, dribble their headers or refused bodies, never end them, or do
    not read.
    """

    limits = HeadLimits()
    head_seconds = HEAD_SECONDS

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
        self.idle_since = self.loop.time()
        """When a reply was complete last."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_clock()
        self._stop_lingering()
        self._stop_stalling()
        super().connection_lost(exc)

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
        self.check_head()
        self.hand_on()

    def hand_on(self) -> None:
        """The head is whole: the application is asked."""
        super().on_headers_complete()

    def check_head(self) -> None:
        """Raises LayerscopeError: a head that is whole is refused for other reasons than its form."""

    def _refuse(self, error: LayerscopeError) -> None:
        """Reads no further, and has the application answer with an error."""
        self._refused = True
        self._stop_clock()
        if self.scope is None:  # nothing has come but empty lines
            super().on_message_begin()
        elif self.cycle is not None and self.scope is self.cycle.scope:
            self._break_off(self.cycle, error)
            return
        cycle = self._refused_cycle(error)
        if not self.is_answering:
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
        cycle.keep_alive, cycle.transport = False, HalfClosedTransport(self.transport)  # type: ignore[assignment]
        cycle.message_event.set()

    @property
    def is_answering(self) -> bool:
        """Whether a reply is not complete yet; those that come after it wait."""
        return self.cycle is not None and not self.cycle.response_complete

    def _refused_cycle(self, error: LayerscopeError) -> RequestResponseCycle:
        cycle = self.cycle_of_known(keep_alive=False)
        cast(dict[str, Any], self.scope)[REFUSAL] = error
        cycle.more_body = False
        return cycle

    def cycle_of_known(self, keep_alive: bool) -> RequestResponseCycle:
        """An exchange whose request is as much as is known of it."""
        path, _, query = self.url[:MAX_PATH].partition(b"?")
        known = {"method": self.parser.get_method().decode("latin-1") if self.url else "",
                 "path": path.decode("latin-1"), "raw_path": path, "query_string": query}  # fmt: skip
        cast(dict[str, Any], self.scope).update(known)
        transport = self.transport if keep_alive else HalfClosedTransport(self.transport)
        return RequestResponseCycle(
            scope=self.scope, transport=transport, flow=self.flow,  # type: ignore[arg-type]
            logger=self.logger, access_logger=self.access_logger, access_log=False,
            default_headers=self.server_state.default_headers, message_event=asyncio.Event(),
            expect_100_continue=False, keep_alive=keep_alive, on_response=self.on_response_complete,
        )  # fmt: skip

    def on_response_complete(self) -> None:
        self.idle_since = self.loop.time()
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

    def _await_head(self) -> None:
        self._stop_clock()
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(self.head_seconds, self._hang_up)

    def _stop_clock(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _hang_up(self) -> None:
        self._stop_clock()
        self.transport.close()
