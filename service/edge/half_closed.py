"""Half-closing of a connection whose client may still be sending."""

from __future__ import annotations

from asyncio import Transport


class HalfClosedTransport:
    """Transport whose close() shuts down only the sending side: if a connection is closed with unread data, the client
    system may discard the response (RFC 9112 section 9.6).
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.write = transport.write
        self.is_closing = transport.is_closing

    def close(self) -> None:
        """Send EOF; the client or the idle timeout closes the connection."""
        self._transport.write_eof()
