"""By which names this service may be asked for: a page of a name that its owner lets point at this machine is a
stranger's (DNS rebinding), though the browser holds it for one of ours.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address

HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{0,5})?")
"""RFC 9110 section 7.2, as far as browsers and resolvers take it."""
NAME = re.compile(r"\[[0-9a-f:.]+\]|[a-z0-9._-]+")
ANY = "*"
KEPT = 256
"""Most names that are remembered."""


def is_loopback(host: str) -> bool:
    """Whether a name or address is this machine's own, which no other can reach."""
    name = host.lower().strip("[]").removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761 section 6.3
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def hosts_in(text: str) -> frozenset[str]:
    """The names of a setting.

    Raises:
        ValueError: one is none, in one line.
    """
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    for name in names:
        if name != ANY and not NAME.fullmatch(name):
            raise ValueError(f'"{name[:100]}" is no name of a host; write it without scheme and port, or {ANY}')
    return frozenset(names)


class Hosts:
    """The names, by what a request's `Host` says."""

    def __init__(self, named: frozenset[str], listens_on: str) -> None:
        self._named = named
        self._takes_any = ANY in named or (not named and not is_loopback(listens_on))
        self.knows = lru_cache(KEPT)(self._knows)

    def _knows(self, host: bytes) -> bool:
        """Whether a well-formed `Host` names this service."""
        if self._takes_any:
            return True
        name = re.sub(r":\d*$", "", host.decode("latin-1").lower())
        return is_loopback(name) or name.removesuffix(".") in self._named


def is_well_formed(host: bytes) -> bool:
    """Whether a `Host` is one name or address, with or without a port."""
    return HOST.fullmatch(host) is not None
