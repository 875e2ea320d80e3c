"""uvicorn's HTTP/1.1 protocol with deadlines, limits on request heads, and error responses, built by the application,
to requests that it cannot handle.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from models.errors import LayerscopeError
from service.edge.body_limit import REFUSAL
from service.edge.half_closed import HalfClosedTransport
from service.edge.head_limits import HeadLimits, check_transfer_coding, refusal_of, unknown_method, use_host_of_target
from service.edge.timer import Timer

HEAD_SECONDS = 10.0
"""From the connection, or a request's first byte, until its headers are complete."""
LINGER_SECONDS = 10.0
"""For the rest of a refused body; a client that is still writing would not see the response."""
STALL_SECONDS = 60.0
"""For a client to read the data written to it, before the connection is aborted."""
MAX_PATH = 2048
"""Bytes of a refused request's URL that are passed to the application."""


class BoundedProtocol(HttpToolsProtocol):
    """Protocol that disconnects clients that send nothing, send headers or refused bodies slowly or without end, or do
    not read.
    """

    limits = HeadLimits()
    head_seconds = HEAD_SECONDS

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_timer = Timer(self.loop)
        self._is_in_head, self._head_bytes, self._first_bytes = True, 0, 0
        """Whether the head of a request is incomplete, its size up to the last chunk without the first, and the size of
        the first, which may hold the end of another request.
        """
        self._linger_timer = Timer(self.loop)
        self._stall_timer = Timer(self.loop)
        self.url, self.headers = b"", []
        self._refused = False
        self._begins, self._received = False, 0
        """Whether a request begins in the last received chunk, and that chunk's size."""
        self.idle_since = self.loop.time()
        """When the last response was completed."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._head_timer, self._linger_timer, self._stall_timer):
            timer.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall_timer.start(STALL_SECONDS, self._abort)

    def resume_writing(self) -> None:
        self._stall_timer.cancel()
        super().resume_writing()

    def _abort(self) -> None:
        """Abort, dropping buffered output: `close` would wait for the client to read it."""
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Feed the parser. Nothing is read after a refusal; an oversized head is refused before it is complete."""
        if self._refused:
            return
        self._begins, self._received = False, len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # the request is handled without the upgrade
        except httptools.HttpParserError as error:
            self._refuse(refusal_of(error, data))
        else:
            if self._is_in_head:
                self._await_more_head(0 if self._begins else len(data))

    def _await_more_head(self, size: int) -> None:
        """Count an incomplete head. Bytes in the chunk of its first byte may belong to the request before."""
        if self._begins:
            self._await_head()
            self._first_bytes = self._received
        self._head_bytes += size
        if self._head_bytes > self.limits.max_headers + self.limits.max_url:
            self._refuse(self.limits.refusal(self.url, self.headers, self._head_bytes) or self.limits.oversized())

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._unset_keepalive_if_required()
        self._begins, self._is_in_head, self._head_bytes, self._first_bytes = True, True, 0, 0

    def on_headers_complete(self) -> None:
        """Raise LayerscopeError, which ends parsing, if the head is over a limit or refused otherwise."""
        self._is_in_head = False
        self._head_timer.cancel()
        received = self._first_bytes + self._head_bytes + self._received
        if (error := self.limits.refusal(self.url, self.headers, received)) is not None:
            raise error
        check_transfer_coding(self.headers)
        use_host_of_target(self.url, self.headers)
        if self.parser.get_method() == b"CONNECT":
            raise unknown_method("CONNECT")
        self.check_head()
        self.start_request()

    def start_request(self) -> None:
        """Start the application: the head is complete."""
        super().on_headers_complete()

    def check_head(self) -> None:
        """Raise LayerscopeError if a complete head is refused for other reasons than its form."""

    def _refuse(self, error: LayerscopeError) -> None:
        """Stop reading, and have the application respond with an error."""
        self._refused = True
        self._head_timer.cancel()
        if self.scope is None:  # only empty lines received
            super().on_message_begin()
        elif self.cycle is not None and self.scope is self.cycle.scope:
            self._fail_body(self.cycle, error)
            return
        cycle = self._refused_cycle(error)
        if not self.is_responding:
            self._start_asgi_task(cycle, self.app)
        else:
            self.pipeline.appendleft((cycle, self.app))
        self.cycle = cycle

    def _fail_body(self, cycle: RequestResponseCycle, error: LayerscopeError) -> None:
        """Fail a body: the application gets the error at its next read."""
        if cycle.response_complete:
            self.transport.close()
            return
        cast(dict[str, Any], cycle.scope)[REFUSAL] = error
        cycle.keep_alive, cycle.transport = False, HalfClosedTransport(self.transport)  # type: ignore[assignment]
        cycle.message_event.set()

    @property
    def is_responding(self) -> bool:
        """Whether a response is incomplete; later requests wait for it."""
        return self.cycle is not None and not self.cycle.response_complete

    def _refused_cycle(self, error: LayerscopeError) -> RequestResponseCycle:
        cycle = self.partial_cycle(keep_alive=False)
        cast(dict[str, Any], self.scope)[REFUSAL] = error
        cycle.more_body = False
        return cycle

    def partial_cycle(self, keep_alive: bool) -> RequestResponseCycle:
        """Return a cycle with as much of the request as is known."""
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
            self._linger_timer.start(LINGER_SECONDS, self._close)

    def on_message_complete(self) -> None:
        self._linger_timer.cancel()
        super().on_message_complete()

    def _await_head(self) -> None:
        self._head_bytes = 0
        self._head_timer.start(self.head_seconds, self._close)

    def _close(self) -> None:
        self.transport.close()
