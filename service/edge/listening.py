"""Listening sockets, bound before anything else is started, so that a failure ends the service at once with a one-line
message.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import logging
import os
import socket
import struct
import sys
from contextlib import suppress
from typing import Any

from models.errors import shown
from service.access.hosts import is_loopback
from service.settings import PREFIX, Settings

log = logging.getLogger("layerscope")

BACKLOG = 2048
"""Connections waiting to be accepted."""
ATTACH_FILTER, RETURN = 26, 0x06
"""SO_ATTACH_FILTER of socket(7), and the BPF instruction that returns how much of a packet is kept."""
ADDRESS_ERRORS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def check_host(settings: Settings) -> None:
    """Check that other machines cannot do everything without being asked for a key, unless they are meant to.

    Raises:
        SystemExit: with a one-line message.
    """
    if not (settings.keys or settings.anonymous or is_loopback(settings.host)):
        raise SystemExit(
            f"layerscope: {PREFIX}HOST: {settings.host[:60]} is open to other machines, and no keys are set; set "
            f"{PREFIX}KEYS to a file of keys (layerscope key NAME), or {PREFIX}ANONYMOUS=true"
        )


def open_listeners(settings: Settings) -> list[socket.socket]:
    """Bind one socket for each address of the host, all on one port.

    Raises:
        SystemExit: with a one-line message: the address is not local, or the port is taken or privileged.
    """
    sockets: list[socket.socket] = []
    port = settings.port
    for family, address in _addresses(settings.host):
        try:
            sockets.append(_bind(family, (address[0], port, *address[2:])))
        except OSError as error:
            name = "HOST" if error.errno in ADDRESS_ERRORS else "PORT"
            raise _exit(name, f"{address[0]} port {port}: {_reason(error)}") from None
        port = int(sockets[0].getsockname()[1])
    return sockets


def announce(sockets: list[socket.socket], settings: Settings) -> None:
    """Log the addresses, and a warning if other machines can reach them."""
    for listener in sockets:
        host, port = listener.getsockname()[:2]
        log.info("listening on http://%s:%d", f"[{host}]" if ":" in host else host, port)
    if not settings.keys and not is_loopback(settings.host):
        log.warning(
            "no authentication: anyone who can reach this address can run networks, and register and remove models"
        )


def close_listeners(sockets: list[socket.socket], servers: list[asyncio.Server]) -> list[socket.socket]:
    """Close the port; return the established connections that had not been accepted yet."""
    listeners = [listener.dup() for listener in sockets]
    for listener in listeners:
        _drop_packets(listener)
    for server in servers:
        server.close()
    accepted: list[socket.socket] = []
    for listener in listeners:
        listener.setblocking(False)
        with suppress(OSError):  # the backlog is empty
            while True:
                accepted.append(listener.accept()[0])
        listener.close()
    for connection in accepted:
        connection.setblocking(False)
    return accepted


def _drop_packets(listener: socket.socket) -> None:
    """Stop the handshake of new connections, which closing would reset a moment later: their SYN retry finds the port
    closed. Only on Linux; elsewhere that moment is as short as possible.
    """
    if sys.platform == "linux":
        drop = ctypes.create_string_buffer(struct.pack("HBBI", RETURN, 0, 0, 0))
        with suppress(OSError):
            listener.setsockopt(socket.SOL_SOCKET, ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(drop)))


def _addresses(host: str) -> list[tuple[socket.AddressFamily, Any]]:
    try:
        entries = socket.getaddrinfo(host or None, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise _exit("HOST", f"{host}: {_reason(error)}") from None
    except UnicodeError:
        raise _exit("HOST", f"{shown(host)} is no name of a host") from None
    return list(dict.fromkeys((family, address) for family, _, _, _, address in entries))


def _bind(family: socket.AddressFamily, address: Any) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _exit(name: str, what: str) -> SystemExit:
    return SystemExit(f"layerscope: {PREFIX}{name}: {' '.join(what.split())}")


def _reason(error: OSError) -> str:
    text = error.strerror or str(error)
    return f"{text[0].lower()}{text[1:]}"
