"""The sockets that the service listens on: taken before anything else is started, so that it ends at once, and with one
line, where it cannot have them.
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
"""Connections that wait to be accepted."""
ATTACH_FILTER, RETURN = 26, 0x06
"""SO_ATTACH_FILTER of socket(7), and the instruction that ends a filter with how much of a packet is kept."""
NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def listening(settings: Settings) -> list[socket.socket]:
    """One socket for each address of the host, all on one port.

    Raises:
        SystemExit: with one clear line: there is no such address here, or the port is taken, or not for everybody.
    """
    sockets: list[socket.socket] = []
    port = settings.port
    for family, address in _addresses(settings.host):
        try:
            sockets.append(_bound(family, (address[0], port, *address[2:])))
        except OSError as error:
            name = "HOST" if error.errno in NOT_HERE else "PORT"
            raise _refused(name, f"{address[0]} port {port}: {_words(error)}") from None
        port = int(sockets[0].getsockname()[1])
    return sockets


def announce(sockets: list[socket.socket], settings: Settings) -> None:
    """Says where, and that others may come, if they may."""
    for one in sockets:
        host, port = one.getsockname()[:2]
        log.info("listening on http://%s:%d", f"[{host}]" if ":" in host else host, port)
    if not is_loopback(settings.host):
        log.warning("whoever reaches this address may run networks, register models and remove them: nothing asks who")


def no_longer_listening(sockets: list[socket.socket], servers: list[asyncio.Server]) -> list[socket.socket]:
    """Closes the port; returns the connections that had been made to it and were not accepted yet."""
    kept = [one.dup() for one in sockets]
    for one in kept:
        _hear_nothing(one)
    for server in servers:
        server.close()
    accepted: list[socket.socket] = []
    for one in kept:
        one.setblocking(False)
        with suppress(OSError):  # there is none left
            while True:
                accepted.append(one.accept()[0])
        one.close()
    for made in accepted:
        made.setblocking(False)
    return accepted


def _hear_nothing(listener: socket.socket) -> None:
    """Nobody can connect from here on who would be reset a moment later: who tries finds the port closed when trying
    again. Elsewhere than on Linux that moment is as short as it can be.
    """
    if sys.platform == "linux":
        drop = ctypes.create_string_buffer(struct.pack("HBBI", RETURN, 0, 0, 0))
        with suppress(OSError):
            listener.setsockopt(socket.SOL_SOCKET, ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(drop)))


def _addresses(host: str) -> list[tuple[socket.AddressFamily, Any]]:
    try:
        found = socket.getaddrinfo(host or None, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise _refused("HOST", f"{host}: {_words(error)}") from None
    except UnicodeError:
        raise _refused("HOST", f"{shown(host)} is no name of a host") from None
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def _bound(family: socket.AddressFamily, address: Any) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(BACKLOG)
    except OSError:
        made.close()
        raise
    return made


def _refused(name: str, what: str) -> SystemExit:
    return SystemExit(f"layerscope: {PREFIX}{name}: {' '.join(what.split())}")


def _words(error: OSError) -> str:
    text = error.strerror or str(error)
    return f"{text[0].lower()}{text[1:]}"
