"""`GET /healthz` from the moment the port is bound: a thread answers it while the front is imported.

Only requests as probes send them are answered, with what the server answers later; they are neither logged nor counted.
Every other connection is left to the server with all that was sent on it.
"""

from __future__ import annotations

import selectors
import socket
from collections.abc import Sequence
from contextlib import suppress
from email.utils import formatdate
from random import getrandbits
from threading import Thread

from service.access.hosts import Hosts, hosts_in, is_well_formed
from service.edge.constant_headers import UNCACHED, headers_always
from service.settings import Settings

PROBE = b"GET /healthz HTTP/1.1"
PLAIN = frozenset((b"host", b"user-agent", b"accept", b"accept-encoding", b"connection"))
"""Headers of probes: the answer depends on the host alone."""
HEAD_BYTES = 4096
"""The longest probe."""
MAX_CONNECTIONS = 64
"""Most connections that wait for the server; others wait in the backlog of the port."""
BODY = b'{"live":true}'


class EarlyHealth:
    """Thread that accepts connections on the listening sockets until `close`."""

    def __init__(self, listeners: Sequence[socket.socket], settings: Settings) -> None:
        self._hosts = Hosts(hosts_in(settings.hosts), settings.host)
        self._headers = headers_always(settings.instance_name)
        self._listeners, self._kept = listeners, list[socket.socket]()
        self._selector = selectors.DefaultSelector()
        self._stop, self._stopped = socket.socketpair()
        self._thread = Thread(target=self._serve, name="early health", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        for readable in (*self._listeners, self._stopped):
            readable.setblocking(False)
            self._selector.register(readable, selectors.EVENT_READ)
        self._thread.start()

    def close(self) -> list[socket.socket]:
        """Stop; return the connections that are left to the server."""
        self._stop.close()
        self._thread.join()
        self._stopped.close()
        self._selector.close()
        return self._kept

    def _serve(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._stopped:
                    return
                assert isinstance(key.fileobj, socket.socket)  # noqa: S101 (nothing else is registered)
                with suppress(OSError):  # a client hung up
                    (self._accept if key.fileobj in self._listeners else self._look_at)(key.fileobj)

    def _accept(self, listener: socket.socket) -> None:
        if len(self._kept) == MAX_CONNECTIONS:
            self._selector.unregister(listener)
            return
        connection, _ = listener.accept()
        connection.setblocking(False)
        self._kept.append(connection)
        self._selector.register(connection, selectors.EVENT_READ)

    def _look_at(self, connection: socket.socket) -> None:
        """Answer a probe and close the connection; leave any other alone."""
        self._selector.unregister(connection)
        head = connection.recv(HEAD_BYTES, socket.MSG_PEEK)
        host = _host_of(head)
        if host is not None and is_well_formed(host) and self._hosts.knows(host):
            self._kept.remove(connection)
            with connection:
                connection.recv(len(head))
                connection.sendall(self._response())

    def _response(self) -> bytes:
        own = (
            (b"date", formatdate(usegmt=True).encode()),
            (b"content-length", str(len(BODY)).encode()),
            (b"content-type", b"application/json"),
            UNCACHED,
            (b"x-request-id", f"{getrandbits(128):032x}".encode()),
            *self._headers,
            (b"connection", b"close"),
        )
        return b"HTTP/1.1 200 OK\r\n" + b"".join(b"%s: %s\r\n" % header for header in own) + b"\r\n" + BODY


def _host_of(head: bytes) -> bytes | None:
    """Return the host of a probe; None for any other request, or a part of one."""
    first, *lines = head.split(b"\r\n")
    if first != PROBE or lines[-2:] != [b"", b""]:
        return None
    pairs = [line.partition(b":")[::2] for line in lines[:-2]]
    fields = {name.lower(): value.strip(b" \t") for name, value in pairs}
    is_plain = fields.keys() <= PLAIN and len(fields) == len(pairs)
    return fields.get(b"host") if is_plain else None
