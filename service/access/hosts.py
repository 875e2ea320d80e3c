"""Host header validation: a name that its owner points at this machine (DNS rebinding) would otherwise make a foreign
page same-origin with this service.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address

HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{0,5})?")
"""RFC 9110 section 7.2, as far as browsers and resolvers support it."""
NAME = re.compile(r"\[[0-9a-f:.]+\]|[a-z0-9._-]+")
ANY = "*"
MAX_CACHED_NAMES = 256
"""Most names that are cached."""


def is_loopback(host: str) -> bool:
    """Whether a name or address is a loopback one, which other machines cannot reach."""
    name = host.lower().strip("[]").removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761 section 6.3
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def hosts_in(text: str) -> frozenset[str]:
    """Parse the names of a setting.

    Raises:
        ValueError: a name is invalid; a one-line message.
    """
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    for name in names:
        if name != ANY and not NAME.fullmatch(name):
            raise ValueError(f'"{name[:100]}" is no name of a host; write it without scheme and port, or {ANY}')
    return frozenset(names)


class Hosts:
    """The host names that this service accepts."""

    def __init__(self, names: frozenset[str], listens_on: str) -> None:
        self._names = names
        self._accepts_any = ANY in names or (not names and not is_loopback(listens_on))
        self.knows = lru_cache(MAX_CACHED_NAMES)(self._knows)

    def _knows(self, host: bytes) -> bool:
        """Whether a well-formed `Host` names this service."""
        if self._accepts_any:
            return True
        name = re.sub(r":\d*$", "", host.decode("latin-1").lower())
        return is_loopback(name) or name.removesuffix(".") in self._names


def is_well_formed(host: bytes) -> bool:
    """Whether a `Host` is a single name or address, with or without a port."""
    return HOST.fullmatch(host) is not None
