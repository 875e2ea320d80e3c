"""Client identity, for fair queueing and quotas: the address that a request came from."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from ipaddress import IPv6Address
from typing import Any

CLIENT: ContextVar[str] = ContextVar("client", default="")
"""The client of the request that this task handles; empty for internal work."""


SHARE: ContextVar[float] = ContextVar("share", default=1.0)
"""What that client may hold of the queues and of reply memory, as a part of all."""


def client_of(scope: Mapping[str, Any]) -> str:
    """Return the client of a request."""
    address = scope.get("client")
    return identity(address[0]) if address else ""


def identity(address: str) -> str:
    """Return the identity of an address: of IPv6 the /64 prefix, as a host picks the rest (RFC 4291 section 2.5.4)."""
    if ":" not in address:
        return address
    try:
        parsed = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped
    return str(mapped) if mapped is not None else parsed.exploded[:19]
