"""Who a request is from, as far as turns and shares go: the address that it came from."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from ipaddress import IPv6Address
from typing import Any

CLIENT: ContextVar[str] = ContextVar("client", default="")
"""The client of the request that this task answers; empty for work of the service's own."""


def client_of(scope: Mapping[str, Any]) -> str:
    """The client of a request."""
    address = scope.get("client")
    return identity(address[0]) if address else ""


def identity(address: str) -> str:
    """One client's address: of IPv6 the first 64 bits, since the rest is its own to choose (RFC 4291 section 2.5.4)."""
    if ":" not in address:
        return address
    try:
        parsed = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped
    return str(mapped) if mapped is not None else parsed.exploded[:19]
