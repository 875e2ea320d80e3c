"""Connections at the end of their time."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from service.edge.connections import Connection


class ClosedTransport(asyncio.Transport):
    """A transport whose client has hung up."""

    def is_closing(self) -> bool:
        return True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        closed = socket.socket()
        closed.close()
        return closed if name == "socket" else default


def test_a_timer_may_end_after_the_connection() -> None:
    """It used to look for unread data on the closed socket, which raises: a line of error in the log."""
    connection = Connection.__new__(Connection)
    connection.transport = ClosedTransport()
    connection.timeout_keep_alive_handler()
