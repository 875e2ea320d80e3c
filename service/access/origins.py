"""CORS and cross-site request protection, by the origins that browsers send (RFC 6454, the Fetch standard)."""

from __future__ import annotations

import re
from functools import lru_cache

from service.access.hosts import is_loopback

LOCAL = tuple(f"{scheme}://{host}:*" for scheme in ("http", "https") for host in ("localhost", "127.0.0.1", "[::1]"))
"""Expansion of `local`: pages of this machine, on any port."""
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:(\d{1,5}|\*))?")
ANY, NONE = "*", "none"
METHODS = "GET, HEAD, POST, PUT, DELETE"
ALLOWED_HEADERS = (
    "*, Authorization, Accept, Content-Type, If-None-Match, Inference-Header-Content-Length, X-API-Key,"
    " X-Layerscope-Model, X-Request-ID"
)
"""Request headers that a page may send: any. `*` excludes Authorization; browsers before 2022 lack `*`."""
EXPOSED_HEADERS = (
    "Allow, Content-Encoding, Content-Length, ETag, Inference-Header-Content-Length, Location, Retry-After,"
    " X-Layerscope-Clipped, X-Layerscope-Instance, X-Layerscope-Model, X-Layerscope-Nonfinite, X-Layerscope-Normalize,"
    " X-Layerscope-Range, X-Layerscope-Warnings, X-Request-ID"
)
"""Response headers that a page may read."""
PREFLIGHT_SECONDS = 7200
"""How long a browser caches a preflight response; Chromium's maximum."""
MAX_CACHED_ORIGINS = 256
"""Most origins whose headers are cached."""
RawHeaders = tuple[tuple[bytes, bytes], ...]


def origins_in(text: str) -> frozenset[str]:
    """Parse the origins of a setting; `https://host:*` has any port.

    Raises:
        ValueError: an origin is invalid; a one-line message.
    """
    words = [word.strip().lower() for word in text.split(",") if word.strip()]
    if len(words) > 1 and {ANY, NONE} & set(words):
        raise ValueError(f"{ANY} and {NONE} stand alone")
    for word in words:
        if word not in (ANY, NONE, "local") and not ORIGIN.fullmatch(word):
            raise ValueError(
                f'"{word[:100]}" is no origin; write https://host, https://host:port, local, {ANY} or {NONE}'
            )
    origins = [origin for word in words for origin in (LOCAL if word == "local" else (word,))]
    return frozenset(origins) - {NONE}


def origins_of(text: str, listens_on: str) -> frozenset[str]:
    """Return the origins for a service on this address: the configured ones, else a safe default."""
    return origins_in(text or ("local" if is_loopback(listens_on) else NONE))


class Origins:
    """The origins whose pages may read responses and send state-changing requests."""

    def __init__(self, allowed: frozenset[str]) -> None:
        self._all = ANY in allowed
        self._allowed = allowed
        self.headers = lru_cache(MAX_CACHED_ORIGINS)(self._headers)

    def allows(self, origin: bytes) -> bool:
        """Whether pages of this origin may send requests."""
        text = origin.decode("latin-1").lower()
        return self._all or text in self._allowed or f"{re.sub(r':[0-9]+$', '', text)}:*" in self._allowed

    def _headers(self, origin: bytes) -> RawHeaders:
        """Return the CORS headers of responses to this origin; empty if it is not allowed."""
        if not self.allows(origin):
            return ()
        return (
            (b"access-control-allow-origin", b"*" if self._all else origin),
            (b"access-control-expose-headers", EXPOSED_HEADERS.encode()),
        )

    def preflight(self, private_network: bool) -> RawHeaders:
        """Return the additional headers of the response to a preflight request of an allowed page."""
        headers = (
            (b"access-control-allow-methods", METHODS.encode()),
            (b"access-control-allow-headers", ALLOWED_HEADERS.encode()),
            (b"access-control-max-age", str(PREFLIGHT_SECONDS).encode()),
        )
        return (*headers, (b"access-control-allow-private-network", b"true")) if private_network else headers

    def may_act(self, origin: bytes | None, site: bytes, host: bytes) -> bool:
        """Whether a request may change or run something: its page is allowed or same-origin, or it has no page.

        `site` is its `Sec-Fetch-Site`, which pages cannot forge, but which browsers send only over HTTPS and to this
        machine; an allowed page may be cross-site.
        """
        if origin is not None and self.allows(origin):
            return True
        if b"cross-site" in site:
            return False
        return origin is None or site in (b"same-origin", b"none") or _is_same_origin(origin, host)


def _is_same_origin(origin: bytes, host: bytes) -> bool:
    """Whether a page is same-origin by the request's `Host`; the scheme may differ, as a proxy may terminate TLS."""
    scheme, _, authority = origin.lower().partition(b"://")
    port = b":443" if scheme == b"https" else b":80"
    return bool(host) and authority.removesuffix(port) == host.lower().removesuffix(port)
