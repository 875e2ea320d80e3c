"""The sockets that the service listens on: taken before anything else is started, so that it ends at once, and with one
line, where it cannot have them.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
from typing import Any

from models.errors import shown
from service.hosts import is_loopback
from service.settings import PREFIX, Settings

log = logging.getLogger("layerscope")

BACKLOG = 2048
"""Connections that wait to be accepted."""
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
