"""uvicorn's HTTP/1.1 protocol with what it lacks: a deadline and a size limit for a request's head."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.errors import PROBLEM_TYPE, not_http
from service.request_id import HEADER

HEAD_SECONDS = 10.0
"""From the connection, or a request's first byte, until its headers are complete. Idle kept-alive connections have
uvicorn's own, shorter limit."""
HEAD_BYTES = 64 * 1024
LINGER_SECONDS = 10.0
"""For the rest of a body that was refused before it had come; a client that still writes would not see the reply."""


STALL_SECONDS = 60.0
"""For a client to take what has been written to it, before it is hung up on."""


class BoundedProtocol(HttpToolsProtocol):
    """Hangs up on clients that connect and say nothing, dribble their headers or refused bodies, never end them, or do
    not read.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._linger_timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None

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
        if self._head_timer is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES + len(data):
                self._hang_up()
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        self._stop_clock()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete and self.cycle.more_body and not self.transport.is_closing():
            self._linger_timer = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def on_message_complete(self) -> None:
        self._stop_lingering()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 (uvicorn's signature)
        request_id = uuid4().hex
        body = not_http(request_id)
        head = (
            "HTTP/1.1 400 Bad Request", f"content-type: {PROBLEM_TYPE}", f"content-length: {len(body)}",
            f"{HEADER.lower()}: {request_id}", "connection: close",
        )  # fmt: skip
        self.transport.write("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        self.transport.close()

    def _stop_lingering(self) -> None:
        if self._linger_timer is not None:
            self._linger_timer.cancel()
            self._linger_timer = None

    def _await_head(self) -> None:
        self._stop_clock()
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._hang_up)

    def _stop_clock(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _hang_up(self) -> None:
        self._stop_clock()
        self.transport.close()
