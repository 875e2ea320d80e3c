"""Response headers that no request changes."""

from __future__ import annotations

from service.access.origins import RawHeaders

ALWAYS: RawHeaders = ((b"x-content-type-options", b"nosniff"), (b"vary", b"Origin"))
UNCACHED = (b"cache-control", b"no-store")
"""Default Cache-Control of responses that set none: they have no validator for revalidation."""


def headers_always(instance: str) -> RawHeaders:
    """Return the headers of every response of an instance; without a name it does not say who it is."""
    return (*ALWAYS, (b"x-layerscope-instance", instance.encode())) if instance else ALWAYS
