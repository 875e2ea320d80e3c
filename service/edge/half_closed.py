"""The end of a connection whose client may still be sending."""

from __future__ import annotations

from asyncio import Transport


class HalfClosedTransport:
    """Stands in for a transport. Closing it ends what is sent and not what is received: of a connection that is closed
    with something unread, the client's system throws away the reply (RFC 9112 section 9.6).
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.write = transport.write
        self.is_closing = transport.is_closing

    def close(self) -> None:
        """The connection is closed by its client, or as an idle one."""
        self._transport.write_eof()
